"""Whatever answers in a file server's place costs seconds and bytes that are known before, and is told in our words."""

from __future__ import annotations

import logging
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from django.conf import settings

from nodes.enums import CellReason
from nodes.platforms.unc import UncPath
from nodes.remote import smb_wire
from nodes.remote.share_probe import probe_share
from nodes.remote.shares import ShareProbe
from nodes.remote.smb import LONGEST_NAME, _names, open_share
from nodes.remote.smb_wire import address_of
from nodes.secret import Secret
from tests.deadlines import PATIENCE, promised

PASSWORD = "swordfish-and-more"
SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Somebody:
    port: int
    server: str = "127.0.0.1"
    username: str = r"MAIL\portal"
    password: Secret = field(default_factory=lambda: Secret(PASSWORD))


@contextmanager
def stranger(answers: Callable[[socket.socket], None]) -> Iterator[int]:
    """The port of a server that treats each connection so, after it heard something."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    client, _ = listener.accept()
                    with client, suppress(OSError):
                        client.recv(4096)
                        answers(client)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield int(listener.getsockname()[1])
        finally:
            with suppress(OSError):
                listener.shutdown(socket.SHUT_RDWR)
            thread.join(PATIENCE)


def probe(port: int, server: str = "127.0.0.1") -> ShareProbe:
    path = UncPath.parse(rf"\\{server}\mail\Users")
    return probe_share(path, Somebody(port, server), ".cp~share-00000000", SECONDS)


def silent(client: socket.socket) -> None:
    client.recv(1)


def trickles(client: socket.socket) -> None:
    client.sendall((60_000).to_bytes(4, "big"))
    while True:
        client.sendall(b"\xfe")
        time.sleep(0.02)


def floods(client: socket.socket) -> None:
    while True:
        client.sendall((100_000).to_bytes(4, "big") + b"\xfeSMB" + bytes(99_996))


def greets(client: socket.socket) -> None:
    client.sendall(b"220 mail.example.com ESMTP\r\n" * 100)


def boasts(client: socket.socket) -> None:
    client.sendall(b"\x00\xff\xff\xff" + bytes(1000))
    client.recv(1)


def old(client: socket.socket) -> None:
    answer = b"\xffSMBr" + bytes(60)
    client.sendall(len(answer).to_bytes(4, "big") + answer)
    client.recv(1)


def leaves(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (silent, CellReason.UNREACHABLE),
        (trickles, CellReason.UNREACHABLE),
        (floods, CellReason.OTHER),
        (greets, CellReason.OTHER),
        (boasts, CellReason.OTHER),
        (old, CellReason.OTHER),
        (leaves, CellReason.UNREACHABLE),
    ],
)
def test_what_is_no_file_server_is_left_in_time(answers, reason) -> None:
    before = threading.active_count()
    with stranger(answers) as port:
        began = time.monotonic()
        found = probe(port)
        assert time.monotonic() - began < promised(SECONDS + 2.0)
    assert (found.reason, list(found.steps)) == (reason, ["reach"])
    assert found.text and found.remedy
    assert threading.active_count() <= before


def test_a_listing_whose_names_hold_each_other_is_refused() -> None:
    """A list of 120 KiB would else become 80 MB of names."""
    entry = struct.pack("<LLL6s", 18, 0, 2 * LONGEST_NAME, "cp~".encode("utf-16-le"))
    with pytest.raises(ValueError, match="impossible"):
        list(_names(entry * 6000))
    last = struct.pack("<LLL6s", 0, 0, 6, "cp~".encode("utf-16-le"))
    assert list(_names(struct.pack("<LLL6s", 18, 0, 6, last[-6:]) + last)) == ["cp~"] * 2


def test_a_closed_port_and_an_unknown_name() -> None:
    with stranger(silent) as port:
        pass
    assert probe(port).reason is CellReason.UNREACHABLE
    assert probe(445, "files.invalid").reason is CellReason.NO_HOST


def test_one_wait_is_never_longer_than_what_is_left() -> None:
    assert smb_wire.Deadline(60.0).left(10.0) == 10.0
    assert 0.0 < smb_wire.Deadline(5.0).left(10.0) <= 5.0
    with pytest.raises(TimeoutError):
        smb_wire.Deadline(0.0).left(10.0)


def test_a_login_is_shown_to_no_other_server() -> None:
    with pytest.raises(ValueError), open_share(UncPath.parse(r"\\other\mail"), Somebody(445), seconds=SECONDS):
        pass


@pytest.mark.parametrize(
    ("server", "address"),
    [
        ("files", "files"),
        ("fe80--1s3.ipv6-literal.net", "fe80::1%3"),
        ("2001-db8--7.IPv6-literal.net", "2001:db8::7"),
        ("no-such.ipv6-literal.net", "no-such.ipv6-literal.net"),
    ],
)
def test_an_ipv6_address_is_no_name_to_look_up(server, address) -> None:
    assert address_of(server) == address


def test_the_libraries_log_nothing() -> None:
    """They log names, tokens and tracebacks; what went wrong is told once, in our words."""
    for name in ("smbprotocol", "spnego"):
        assert settings.LOGGING["loggers"][name]["level"] == "CRITICAL"


def test_no_password_in_what_is_logged_or_raised(caplog) -> None:
    caplog.set_level(logging.DEBUG)
    for name in ("smbprotocol", "spnego"):
        caplog.set_level(logging.DEBUG, name)
    with stranger(boasts) as port:
        told = probe(port)
    assert PASSWORD not in f"{told!r}{Somebody(port)!r}{caplog.text}"
