"""What workers do for shared paths."""

from __future__ import annotations

import logging
from functools import partial

from celery import shared_task
from kombu.exceptions import OperationalError

from nodes.leases.crew import CREW, Lane
from replication.shared_paths import worker
from replication.shared_paths.services import keys

_LOG = logging.getLogger(__name__)


@shared_task(name="replication.tasks.find_keys")
def find_keys(cluster_id: int) -> None:
    """Search a cluster's primary for the keys of shared folders; a doubled message finds nothing left to do."""
    CREW.do(Lane("keys", cluster_id, 1), cluster_id, partial(worker.search, cluster_id))


def sweep_key_searches() -> None:
    """End searches whose worker died, and wake workers for those that wait."""
    for cluster_id in keys.sweep_searches():
        wake_for_keys(cluster_id)


def wake_for_keys(cluster_id: int) -> None:
    """Wake a worker for a cluster's search. A broker that is away is no error: the sweep wakes one later."""
    try:
        find_keys.apply_async(args=(cluster_id,), retry=False)
    except (OperationalError, OSError) as error:
        _LOG.warning("the broker is away (%s); the sweep will wake the search", type(error).__name__)
