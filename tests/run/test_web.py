"""The web server as `./run up` starts it, with few descriptors and somebody who wants all of them."""

from __future__ import annotations

import contextlib
import http.client
import re
import resource
import socket
from collections.abc import Iterator

import pytest

from clusterportal.processes import Listen, _web
from clusterportal.web import most_connections
from tests.deadlines import PATIENCE, wait_for
from tests.journeys.portal import Portal, free_port

DESCRIPTORS = 400
PLACES = 36
"""What is left of them for connections."""

LOW = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({0}, {0}))
sys.argv[1:] = {1}
runpy.run_module("clusterportal.web", run_name="__main__")
"""


@pytest.fixture(scope="module")
def portal(tmp_path_factory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("web"), environment={"CLUSTERPORTAL_HEAD": "5"})
    portal.make_keys()
    portal.port = free_port()
    argv = _web(Listen("127.0.0.1", portal.port))
    assert argv[1:3] == ["-m", "clusterportal.web"]
    portal.spawn("web", [argv[0], "-c", LOW.format(DESCRIPTORS, argv[3:])])
    portal.wait_for_web()
    yield portal
    portal.stop()


def connect(portal: Portal) -> socket.socket:
    return socket.create_connection(("127.0.0.1", portal.port), PATIENCE)


def ask(portal: Portal, path: str, method: str = "GET", **more) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=PATIENCE)
    with contextlib.closing(connection):
        connection.request(method, path, **more)
        answer = connection.getresponse()
        answer.read()
        return answer


def answered(connection: socket.socket) -> bytes:
    """Everything until the server closes."""
    return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize(
    "sent", [b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n"]
)
def test_more_half_open_requests_than_descriptors_keep_nobody_out(portal, sent):
    before = len(portal.log_of("web"))
    held = [connect(portal) for _ in range(2 * DESCRIPTORS)]
    try:
        for one in held:
            with contextlib.suppress(OSError):  # closed already
                one.sendall(sent)
        assert [ask(portal, "/healthz").status for _ in range(3)] == [200, 200, 200]
        log = portal.log_of("web")[before:]
        assert len(log.splitlines()) < 100 and "system resource" not in log
    finally:
        for one in held:
            one.close()


def test_nobody_is_waited_for_for_ever(portal):
    """Neither for a head, nor for a second one, nor for a body."""
    body = b"POST /api/v1/tokens/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9000\r\n\r\n{"
    said = {
        b"GET /healthz HTTP/1.1\r\nHost: local": b"",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /h": b"HTTP/1.1 200",
        body: b"HTTP/1.1 408",
    }
    slow = [connect(portal) for _ in said]
    for one, words in zip(slow, said, strict=True):
        one.sendall(words)
    assert [answered(one)[:12] for one in slow] == list(said.values())
    for one in slow:
        one.close()


def test_a_line_or_head_that_never_ends_is_refused_by_its_length(portal):
    longest = b"a" * 40_000
    for sent, status in [(b"GET /" + longest, b"414"), (b"GET / HTTP/1.1\r\nX-A: " + longest, b"431"), (b"\0", b"400")]:
        with connect(portal) as long:
            long.sendall(sent)
            assert long.recv(12) == b"HTTP/1.1 " + status


def test_a_large_body_is_answered_not_reset(portal):
    headers = {"Authorization": "Bearer cpt_0", "Content-Type": "application/json"}
    answer = ask(portal, "/api/v1/tokens/", "POST", body=b"[" + b" " * 24_000_000, headers=headers)
    assert (answer.status, answer.headers["Content-Type"]) == (413, "application/problem+json")


def test_a_login_form_in_utf_16_is_refused_in_words(portal):
    headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-16"}
    body = "login=admin&password=x".encode("utf-16")
    assert ask(portal, "/account/login/", "POST", body=body, headers=headers).status == 415


def test_the_web_servers_own_lines_are_blanked(portal):
    ask(portal, "/nowhere/?token=zebra-crossing&password1=walrus-tusk")
    ask(portal, "/Authorization:%20Basic%20c2VjcmV0b2Zh/last/")
    log = wait_for("the last line", lambda: "GET /Authorization" in portal.log_of("web") and portal.log_of("web"))
    assert not re.search("zebra|walrus|c2VjcmV0b2Zh", log)
    assert re.search(r"INFO +uvicorn.access: 127.0.0.1:\d+ - \"GET /nowhere/\?token=\*\*\*", log)


REFUSED = (
    b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    b"Content-Length: 5\r\nContent-Length: 50",
    b"Content-Length: 5, 50",
    b"Content-Length: +5",
    b"Content-Length: -5",
    b"Content-Length: 0x5",
    b"Content-Length: 5 0",
    b"Content-Length : 5",
    b"Transfer-Encoding : chunked",
    b"Transfer-Encoding: xchunked",
    b"Transfer-Encoding: chunked, identity",
    b"Transfer-Encoding: identity, chunked",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
    b"Transfer-Encoding:\x0bchunked",
    b'Transfer-Encoding: "chunked"',
    b"X-A: a\rContent-Length: 5",
    b"X-A\r\nContent-Length: 5",
    b": a",
    b"X A: a",
)
"""What a proxy in front may read in another way: the length of a body, or where a field ends."""

READ = {
    b"Content-Length: 5": [b"403", b"404"],
    b"Content-Length: 5\r\nContent-Length: 5": [b"403", b"404"],
    b"X-A: a\nContent-Length: 5": [b"403", b"404"],  # a line may end so
    b"X-A: a\r\n Content-Length: 5": [b"403", b"400"],  # what is set in belongs to the line before
}
"""What the standard lets a server read, as it says."""


def test_no_request_is_hidden_in_another_ones_body(portal):
    """What two could read in two ways is refused, and the connection ends, whatever follows."""
    hidden = b"GET /hidden HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    sent = {fields: connect(portal) for fields in (*REFUSED, *READ)}
    for fields, one in sent.items():
        one.sendall(b"POST /healthz HTTP/1.1\r\nHost: localhost\r\n" + fields + b"\r\n\r\n0\r\n\r\n" + hidden)
    statuses = {fields: re.findall(rb"HTTP/1.1 (...)", answered(one)) for fields, one in sent.items()}
    assert statuses == {**{fields: [b"400"] for fields in REFUSED}, **READ}
    for one in sent.values():
        one.close()


@pytest.mark.parametrize(
    ("limits", "wanted", "given"),
    [((20_000, 20_000), 500, 500), ((1024, 1_000_000), 500, 500), ((1024, 1024), 500, 192), ((64, 64), 500, 1)],
)
def test_there_are_never_more_places_than_descriptors(monkeypatch, limits, wanted, given):
    raised = []
    monkeypatch.setattr(resource, "getrlimit", lambda which: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda which, pair: raised.append(pair))
    assert most_connections(wanted) == given
    assert all(hard == limits[1] and soft <= hard for soft, hard in raised)
