"""Searching real loopback addresses: right answers, few sockets, cancel, and workers that die."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from accounts.errors import Refused
from accounts.models import AuditEvent, User
from nodes.clusters.models import Cluster
from nodes.discovery import services as discovery_services
from nodes.discovery.models import NetworkSearch
from nodes.discovery.selectors import hits_of
from nodes.discovery.services import (
    FoundServer,
    NewSearch,
    cancel_search,
    claim_search,
    finish_search,
    start_search,
    sweep_searches,
)
from nodes.discovery.worker import search
from nodes.enums import SearchState
from nodes.leases.claims import Renewal, renew
from nodes.leases.errors import LeaseLost
from nodes.remote import banners
from nodes.remote.banners import MOST_SOCKETS, Endpoint, Knocking
from tests.deadlines import PATIENCE, promised
from tests.factories import make_node
from tests.sshd import SshdServer
from tests.threads import Thread

pytestmark = pytest.mark.django_db(transaction=True)

MDAEMON = b"220 mx7.a.example ESMTP MDaemon 25.5.2; Sun, 22 Nov 2026 10:00:00 +0000\r\n"


@contextmanager
def greeting(address: str, line: bytes, port: int = 0) -> Iterator[int]:
    """A server that greets everybody with `line` and waits; "" says nothing at all."""
    with socket.socket() as listener:
        listener.bind((address, port))
        listener.listen(64)
        held: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    guest, _ = listener.accept()
                except OSError:
                    return
                held.append(guest)
                if line:
                    guest.sendall(line)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE)
            for guest in held:
                guest.close()


class Counted(socket.socket):
    """A socket that is counted as long as it is open: `most` were open at once."""

    open: ClassVar[set[int]] = set()
    most: ClassVar[int] = 0

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        Counted.open.add(id(self))
        Counted.most = max(Counted.most, len(Counted.open))

    def close(self) -> None:
        Counted.open.discard(id(self))
        super().close()


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> type[Counted]:
    """The sockets that a search opens, and nobody else's: other tests' servers may end in this process meanwhile."""
    Counted.open.clear()
    Counted.most = 0
    sockets = ModuleType("socket")
    sockets.__dict__.update({**vars(socket), "socket": Counted})
    monkeypatch.setattr(banners, "socket", sockets)
    return Counted


@pytest.fixture
def keeper(administrator: User, principal_for):
    return principal_for(administrator)


def test_250_addresses_with_three_servers_in_them(cluster: Cluster, keeper, counted, tmp_path: Path) -> None:
    server = SshdServer.start(tmp_path / "sshd")
    with (
        greeting("127.0.0.1", MDAEMON) as smtp,
        greeting("127.0.0.99", b"hello\r\nSSH-2.0-OpenSSH_for_Windows_9.5\r\n", server.port),
        greeting("127.0.0.200", b"", smtp),
        greeting("127.0.0.240", b"220 other.example ESMTP Postfix\r\n", smtp),
    ):
        row = start_search(keeper, new=NewSearch(cluster.pk, ("127.0.0.0/24",), (server.port,), (smtp,)))
        began = time.monotonic()
        assert search(row.pk)
        took = time.monotonic() - began
    server.stop()
    row.refresh_from_db()
    assert (row.state, row.done, row.total) == (SearchState.SUCCEEDED, 254, 254)
    assert took < promised(10)
    assert 0 < row.sockets <= MOST_SOCKETS
    # what it really had open: one that is refused at once is closed before the next
    assert row.sockets <= counted.most <= MOST_SOCKETS
    assert not counted.open
    hits = {shown.hit.address: shown for shown in hits_of(row)}
    assert set(hits) == {"127.0.0.1", "127.0.0.99", "127.0.0.240"}
    found = hits["127.0.0.1"]
    assert (found.hit.product, found.hit.version, found.name) == (True, "25.5.2", "mx7")
    assert found.ssh == server.port
    assert [service["protocol"] for service in found.hit.services].count("ssh") == 1
    assert not hits["127.0.0.99"].hit.product
    assert hits["127.0.0.240"].ssh is None
    assert next(iter(hits)) == "127.0.0.1"


def test_a_full_house_never_has_more_than_the_sockets_allowed() -> None:
    with greeting("127.0.0.1", b"") as port:
        doors = [Endpoint("127.0.0.1", port, b"220")] * 199
        knocking = Knocking(doors, sockets=16, greeting_seconds=0.2)
        knocks = [knock for knocks in knocking.run() for knock in knocks]
    assert len(knocks) == 199
    assert knocking.most == 16


def test_registered_nodes_are_recognised(cluster: Cluster, keeper) -> None:
    with greeting("127.0.77.20", b"SSH-2.0-x\r\n") as ssh, greeting("127.0.77.20", MDAEMON) as smtp:
        node = make_node(cluster, "mx7", address="127.0.77.20", port=ssh)
        row = start_search(keeper, new=NewSearch(cluster.pk, ("127.0.77.20/32",), (ssh,), (smtp,)))
        search(row.pk)
    assert [shown.known for shown in hits_of(row)] == [node]


def test_a_cancelled_search_stops(cluster: Cluster, keeper, monkeypatch) -> None:
    monkeypatch.setattr("nodes.discovery.worker.BEAT_SECONDS", 0.0)
    with greeting("127.0.76.1", b"") as port:
        row = start_search(keeper, new=NewSearch(cluster.pk, ("127.0.76.0/22",), (port,), (port + 1,)))
        thread = Thread(lambda: search(row.pk))
        began = time.monotonic()
        thread.start()
        while NetworkSearch.objects.get(pk=row.pk).state != SearchState.RUNNING:
            assert time.monotonic() - began < PATIENCE
            time.sleep(0.01)
        cancel_search(keeper, search_id=row.pk)
        assert thread.done()
    row.refresh_from_db()
    assert (row.state, row.cancelled_by) == (SearchState.CANCELLED, keeper.name)
    assert row.done < row.total
    assert set(AuditEvent.objects.values_list("action", flat=True)) >= {"network.search", "network.cancel"}


def test_a_dead_workers_search_fails_and_says_so(cluster: Cluster, keeper) -> None:
    row = start_search(keeper, new=NewSearch(cluster.pk, ("127.0.0.1/32",)))
    claim = claim_search(row.pk, owner="gone")
    assert claim is not None
    assert sweep_searches() == []
    NetworkSearch.objects.filter(pk=row.pk).update(beat_at=timezone.now() - timedelta(seconds=100))
    sweep_searches()
    row.refresh_from_db()
    assert row.state == SearchState.FAILED
    assert "worker that searched died" in row.error
    # had it only been slow, it writes nothing more
    assert renew([Renewal(claim, {"done": 1}, [discovery_services.hit_of(row.pk, FoundServer("127.0.0.1", ()))])]) == {}
    with pytest.raises(LeaseLost):
        finish_search(claim, done=1, hits=[FoundServer("127.0.0.1", ())])
    row.refresh_from_db()
    assert (row.state, row.done, row.hits.count()) == (SearchState.FAILED, 0, 0)
    row = start_search(keeper, new=NewSearch(cluster.pk, ("127.0.0.1/32",)))
    assert sweep_searches() == [row.pk]
    NetworkSearch.objects.filter(pk=row.pk).update(created_at=timezone.now() - timedelta(seconds=600))
    assert sweep_searches() == []
    row.refresh_from_db()
    assert "No worker took the search" in row.error


def test_a_sweep_that_finds_none_open_writes_nothing(cluster: Cluster, keeper, django_assert_num_queries) -> None:
    cancel_search(keeper, search_id=start_search(keeper, new=NewSearch(cluster.pk, ("127.0.0.1/32",))).pk)
    with django_assert_num_queries(1):
        assert sweep_searches() == []


def test_one_search_at_a_time_by_whom_it_may_concern(cluster: Cluster, keeper, operator: User, principal_for) -> None:
    new = NewSearch(cluster.pk, ("127.0.0.1/32",))
    with pytest.raises(PermissionDenied):
        start_search(principal_for(operator), new=new)
    row = start_search(keeper, new=new)
    with pytest.raises(Refused, match="under way"):
        start_search(keeper, new=new)
    assert claim_search(row.pk, owner="one") is not None
    assert claim_search(row.pk, owner="two") is None
    for wrong in (
        NewSearch(cluster.pk, ()),
        NewSearch(cluster.pk, ("8.8.8.8",)),
        NewSearch(cluster.pk, ("::1",), (0,)),
    ):
        with pytest.raises(ValidationError):
            start_search(keeper, new=wrong)


def test_an_unforeseen_failure_is_told(cluster: Cluster, keeper, monkeypatch) -> None:
    row = start_search(keeper, new=NewSearch(cluster.pk, ("127.0.0.1/32",)))

    def fail(*_: object, **__: object) -> bool:
        raise RuntimeError("no")

    monkeypatch.setattr("nodes.discovery.worker.Knocking", fail)
    with pytest.raises(RuntimeError):
        search(row.pk)
    row.refresh_from_db()
    assert row.state == SearchState.FAILED
    assert "RuntimeError" in row.error
    assert discovery_services.sweep_searches() == []
