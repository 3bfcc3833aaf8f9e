"""What workers do for searches of networks."""

from __future__ import annotations

import logging
from functools import partial

from celery import shared_task
from kombu.exceptions import OperationalError

from nodes.discovery import services as discovery_services
from nodes.discovery import worker as discovery_worker
from nodes.leases.crew import CREW, Lane

_LOG = logging.getLogger(__name__)

SEARCHES = Lane("search", 0, 4)


@shared_task(name="nodes.tasks.search")
def search(search_id: int) -> None:
    """Search networks for servers; a doubled message finds nothing left to do."""
    CREW.do(SEARCHES, search_id, partial(discovery_worker.search, search_id))


@shared_task(name="nodes.tasks.sweep_searches")
def sweep_searches() -> None:
    """End searches whose worker died, and wake workers for those that wait."""
    for search_id in discovery_services.sweep_searches():
        ask_to_search(search_id)


def ask_to_search(search_id: int) -> None:
    """Wake a worker for a search. A broker that is away is no error: the sweep wakes one later."""
    try:
        search.apply_async(args=(search_id,), retry=False)
    except (OperationalError, OSError) as error:
        _LOG.warning("the broker is away (%s); the sweep will wake search %s", type(error).__name__, search_id)
