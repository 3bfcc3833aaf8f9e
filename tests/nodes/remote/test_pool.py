"""The pool, on real servers."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from nodes.errors import AuthRejected, RemoteBusy, SessionLost, Unreachable
from nodes.remote import pool as pool_module
from nodes.remote.pool import HANDSHAKES_EACH, SESSIONS_EACH, SessionPool
from nodes.remote.ssh import open_transport
from nodes.remote.ssh_errors import HandshakeDropped
from nodes.secret import Secret
from tests.deadlines import PATIENCE, wait_for


@pytest.fixture
def pool(cleanup) -> Callable[..., SessionPool]:
    def make(**options) -> SessionPool:
        made = SessionPool(**options)
        cleanup.callback(made.close_all)
        return made

    return make


def test_leases_share_one_login(sshd, pool):
    server, shared = sshd(), pool()
    for _ in range(5):
        with shared.lease(server.target()) as session:
            assert session.stat("/") is not None
    assert server.log.count("Accepted publickey") == 1
    assert shared.size == 1


def test_many_threads_stay_below_the_servers_limit_of_channels(sshd, pool, folder):
    server, shared = sshd(extra_lines=["MaxSessions 8"]), pool()

    def work(number: int) -> bytes:
        with shared.lease(server.target()) as session:
            session.write_new(f"{folder}/{number}", [b"x" * 50_000])
            assert len(b"".join(session.read(f"{folder}/{number}", most=1 << 30))) == 50_000
            return bytes(session.run(f"wc -c < {folder}/{number}", timeout=PATIENCE).stdout.strip())

    with ThreadPoolExecutor(16) as threads:
        assert list(threads.map(work, range(64))) == [b"50000"] * 64
    assert server.log.count("Accepted publickey") == 1


def test_no_more_sessions_than_agreed_and_waiting_ends(sshd, pool, cleanup):
    server, shared = sshd(), pool(wait_seconds=0.3)
    for _ in range(SESSIONS_EACH):
        cleanup.enter_context(shared.lease(server.target()))
    with pytest.raises(RemoteBusy), shared.lease(server.target()):
        pass


def test_who_waits_gets_the_session_that_is_given_back(sshd, pool):
    server, shared = sshd(), pool()
    leases = [shared.lease(server.target()) for _ in range(SESSIONS_EACH)]
    for lease in leases:
        lease.__enter__()
    got = threading.Event()

    def wait() -> None:
        with shared.lease(server.target()):
            got.set()

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert not got.wait(0.2)
    leases[0].__exit__(None, None, None)
    assert got.wait(PATIENCE)
    waiting.join(PATIENCE)
    for lease in leases[1:]:
        lease.__exit__(None, None, None)


def test_a_wrong_password_is_tried_once_for_all_who_wait(asyncssh_node, pool):
    server, shared = asyncssh_node(), pool()
    target = server.target(password=Secret("wrong"))
    together = threading.Barrier(8)

    def attempt(_: int) -> object:
        together.wait(PATIENCE)
        try:
            with shared.lease(target):
                return type(None)
        except AuthRejected as error:
            return type(error)

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(attempt, range(8))) == {AuthRejected}
    assert server.passwords_tried == 1


def test_few_handshakes_at_once_and_drops_are_tried_again(sshd, pool):
    """sshd drops newcomers beyond MaxStartups; nobody notices."""
    server = sshd(extra_lines=["MaxStartups 2"])
    running: list[int] = []
    most = [0]
    dropped: list[int] = []
    lock = threading.Lock()

    def counted(target):
        with lock:
            running.append(1)
            most[0] = max(most[0], len(running))
        try:
            return open_transport(target)
        except HandshakeDropped:
            dropped.append(1)
            raise
        finally:
            with lock:
                running.pop()

    shared = pool(opener=counted)

    def work(number: int) -> bool:
        with shared.lease(replace(server.target(), connect_timeout=5.0 + number)) as session:
            return session.stat("/") is not None

    with ThreadPoolExecutor(12) as threads:
        assert all(threads.map(work, range(12)))
    assert 1 < most[0] <= HANDSHAKES_EACH
    assert dropped  # else this proved nothing
    assert server.log.count("Accepted publickey") == 12


def test_broken_connection_is_replaced_at_the_next_lease(sshd, pool):
    server, shared = sshd(), pool()
    with shared.lease(server.target()) as session:
        session.stat("/")
        server.kill_sessions()
        with pytest.raises(SessionLost):
            session.stat("/")
    with shared.lease(server.target()) as session:
        assert session.stat("/") is not None
    assert shared.size == 1


def test_connection_that_broke_while_resting_is_replaced(sshd, pool):
    server, shared = sshd(), pool()
    with shared.lease(server.target()) as session:
        session.stat("/")
    server.stop()
    server.start_again()
    with shared.lease(server.target()) as session:
        assert session.stat("/") is not None


def test_frozen_connection_is_noticed_before_it_is_handed_out(sshd, proxy, pool, monkeypatch):
    monkeypatch.setattr(pool_module, "CHECK_AFTER_SECONDS", 0.0)
    monkeypatch.setattr(pool_module, "CHECK_PATIENCE", 0.5)
    server, shared = sshd(), pool()
    relay = proxy(server.port)
    target = server.target(port=relay.port)
    with shared.lease(target) as session:
        session.stat("/")
    relay.freeze()
    thaw = threading.Timer(1.0, relay.thaw)
    thaw.start()
    with shared.lease(target) as session:
        assert session.stat("/") is not None
    thaw.join(PATIENCE)
    assert relay.accepted == 2


def test_failure_to_connect_is_not_remembered(sshd, pool):
    server, shared = sshd(), pool()
    server.stop()
    with pytest.raises(Unreachable), shared.lease(server.target()):
        pass
    server.start_again()
    with shared.lease(server.target()) as session:
        assert session.stat("/") is not None


def test_idle_connections_are_closed(sshd, pool):
    server, shared = sshd(), pool(idle_seconds=0.2)
    with shared.lease(server.target()) as session:
        session.stat("/")
        time.sleep(0.5)  # in use: not idle, however long
        assert shared.size == 1
    wait_for("the pool has changed", lambda: shared.size == 0)
    wait_for("it is seen", lambda: "Disconnected from" in server.log or "Connection closed" in server.log)


def test_close_all_closes_and_the_next_lease_opens_anew(sshd, pool):
    server, shared = sshd(), pool()
    with shared.lease(server.target()):
        pass
    shared.close_all()
    assert shared.size == 0
    with shared.lease(server.target()) as session:
        assert session.stat("/") is not None
    assert server.log.count("Accepted publickey") == 2


def test_an_error_in_the_block_gives_the_session_back(sshd, pool):
    server, shared = sshd(), pool(wait_seconds=1)
    for _ in range(SESSIONS_EACH * 2):
        with pytest.raises(KeyError), shared.lease(server.target()):
            raise KeyError
    assert server.log.count("Accepted publickey") == 1


def test_a_forked_child_makes_its_own_connection(sshd, pool):
    server, shared = sshd(), pool()
    with shared.lease(server.target()) as session:
        session.stat("/")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            with shared.lease(server.target()) as session:
                status = 0 if session.stat("/") is not None else 2
            shared.close_all()
        finally:
            os._exit(status)
    _, waited = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(waited) == 0
    with shared.lease(server.target()) as session:
        assert session.stat("/") is not None
    assert server.log.count("Accepted publickey") == 2


def test_threads_of_a_forked_child_share_one_new_connection(sshd, pool):
    server, shared = sshd(), pool()
    with shared.lease(server.target()) as session:
        session.stat("/")
    child = os.fork()
    if child == 0:
        status = 1
        try:
            assert shared.size == 0
            together = threading.Barrier(4)

            def look(_: int) -> None:
                together.wait()
                with shared.lease(server.target()) as session:
                    session.stat("/")

            with ThreadPoolExecutor(4) as hands:
                list(hands.map(look, range(4)))
            status = 0 if shared.size == 1 else 2
        finally:
            os._exit(status)
    _, waited = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(waited) == 0
    assert server.log.count("Accepted publickey") == 2
