"""Do one search of networks: knock at every address, read the banners, note what answers."""

from __future__ import annotations

import os
import socket
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator

from nodes.discovery.models import NetworkSearch
from nodes.discovery.networks import addresses_in, parse_networks
from nodes.discovery.services import (
    FoundServer,
    SearchClaim,
    claim_search,
    finish_search,
    note_progress,
)
from nodes.products.greetings import Greeting, parse_smtp
from nodes.remote.banners import Banner, Endpoint, Knocking

SSH, SMTP = "ssh", "smtp"
OPENINGS = {SSH: b"SSH-", SMTP: b"220"}

BEAT_SECONDS = 0.5
"""Between two writes of the progress; a cancel is seen as quickly."""


def search(search_id: int) -> bool:
    """Do a search that waits for a worker. Answers whether this worker was the one to do it."""
    claim = claim_search(search_id, owner=f"{socket.gethostname()}:{os.getpid()}")
    if claim is None:
        return False
    row = NetworkSearch.objects.get(pk=search_id)
    try:
        _Search(row, claim).run()
    except Exception as error:
        finish_search(claim, error=f"The portal failed while searching ({type(error).__name__}). Its log says why.")
        raise
    return True


class _Search:
    """A search under way."""

    def __init__(self, row: NetworkSearch, claim: SearchClaim) -> None:
        self._claim = claim
        self._protocols = dict.fromkeys(row.ssh_ports, SSH) | dict.fromkeys(row.smtp_ports, SMTP)
        self._addresses = addresses_in(parse_networks(row.networks))
        self._left = dict.fromkeys(self._addresses, len(self._protocols))
        self._services: dict[str, list[tuple[int, str, str]]] = defaultdict(list)
        self._fresh: list[str] = []
        self._done = 0

    def run(self) -> None:
        """Until every address was asked or somebody cancelled."""
        knocking = Knocking(self._doors())
        beat_at = time.monotonic()
        for knocks in knocking.run():
            self._take(knocks)
            if time.monotonic() >= beat_at:
                if not self._note(knocking.most):
                    return
                beat_at = time.monotonic() + BEAT_SECONDS
        if self._note(knocking.most):
            finish_search(self._claim)

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
                    self._fresh.append(address)

    def _note(self, sockets: int) -> bool:
        hits = [self._found(address) for address in self._fresh]
        self._fresh.clear()
        return note_progress(self._claim, done=self._done, sockets=sockets, hits=hits)

    def _found(self, address: str) -> FoundServer:
        services = tuple(sorted(self._services[address]))
        told = [parse_smtp(banner) for _, protocol, banner in services if protocol == SMTP]
        best = max(told, key=lambda one: (one.product, bool(one.version)), default=Greeting())
        return FoundServer(address, services, best.host_name, best.product, best.version)
