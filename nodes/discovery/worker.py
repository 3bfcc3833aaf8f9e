"""Do one search of networks: knock at every address, read the banners, note what answers."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import suppress

from nodes.discovery.models import NetworkSearch, SearchHit
from nodes.discovery.networks import addresses_in, parse_networks
from nodes.discovery.services import (
    FoundServer,
    claim_search,
    finish_search,
    hit_of,
)
from nodes.leases.errors import LeaseLost
from nodes.leases.lease import Lease, LeaseKeeper
from nodes.leases.worker import worker_name
from nodes.products.greetings import Greeting, parse_smtp
from nodes.remote.banners import Banner, Endpoint, Knocking

_LOG = logging.getLogger(__name__)

SSH, SMTP = "ssh", "smtp"
OPENINGS = {SSH: b"SSH-", SMTP: b"220"}

BEAT_SECONDS = 0.5
"""Between two writes of the progress; a cancel is seen as quickly."""


class SearchLease(Lease[FoundServer]):
    """Held while searching; what was found goes into rows of its own."""

    def row_of(self, note: FoundServer) -> SearchHit:
        """The row of a server that answered."""
        return hit_of(self.claim.pk, note)


def search(search_id: int) -> bool:
    """Do a search that waits for a worker. Answers whether this worker was the one to do it."""
    claim = claim_search(search_id, owner=worker_name())
    if claim is None:
        return False
    lease = SearchLease(claim, report_every=BEAT_SECONDS)
    try:
        _Search(NetworkSearch.objects.get(pk=search_id), lease).run()
    except LeaseLost as error:
        _LOG.info("search %s ends before it is through: %s", search_id, error)
    except Exception as error:
        with suppress(LeaseLost):
            text = f"The portal failed while searching ({type(error).__name__}). Its log says why."
            finish_search(claim, error=text)
        raise
    return True


class _Search:
    """A search under way. It keeps its lease itself: every turn of its loop is progress."""

    def __init__(self, row: NetworkSearch, lease: SearchLease) -> None:
        self._lease = lease
        self._protocols = dict.fromkeys(row.ssh_ports, SSH) | dict.fromkeys(row.smtp_ports, SMTP)
        self._addresses = addresses_in(parse_networks(row.networks))
        self._left = dict.fromkeys(self._addresses, len(self._protocols))
        self._services: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        self._done = 0

    def run(self) -> None:
        """Until every address was asked. Raises LeaseLost where somebody cancelled or another gave the search up."""
        keeper = LeaseKeeper[SearchLease]()
        keeper.add(self._lease)
        knocking = Knocking(self._doors())
        for knocks in knocking.run():
            self._take(knocks)
            self._lease.report(done=self._done, sockets=knocking.most)
            keeper.tick()
            self._lease.check()
        finish_search(self._lease.claim, hits=self._lease.unwritten(), **self._lease.columns())

    def _doors(self) -> Iterator[Endpoint]:
        for address in self._addresses:
            for number, protocol in self._protocols.items():
                yield Endpoint(address, number, OPENINGS[protocol])

    def _take(self, knocks: Iterable[Banner]) -> None:
        for knock in knocks:
            address, number = knock.door.address, knock.door.port
            if knock.greeting:
                self._services[address].append((number, self._protocols[number], knock.greeting))
            self._left[address] -= 1
            if not self._left[address]:
                self._done += 1
                if address in self._services:
                    self._lease.note(self._found(address))

    def _found(self, address: str) -> FoundServer:
        services = tuple(sorted(self._services[address]))
        told = [parse_smtp(banner) for _, protocol, banner in services if protocol == SMTP]
        best = max(told, key=lambda one: (one.product, bool(one.version)), default=Greeting())
        return FoundServer(address, services, best.host_name, best.product, best.version)
