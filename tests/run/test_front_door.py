"""What the web server refuses before Django sees it: by its size, its pace, or its spelling."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterable
from typing import Any

import pytest
from django.conf import settings
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from rest_framework.exceptions import APIException

from clusterportal.connections import LONGEST_HEAD, LONGEST_LINE
from clusterportal.front_door import (
    STRANGERS_BODY,
    FrontDoor,
    Head,
    Message,
    Receive,
    Scope,
    Send,
    problem_of_body,
    problem_of_head,
)
from clusterportal.parsers import PortalJSONParser
from tests.steps import assert_linear
from tests.threads import run_apart

FORM = (b"content-type", b"application/x-www-form-urlencoded")
TOKEN = (b"authorization", b"Bearer cpt_0")
SESSION = (b"cookie", b"theme=dark; sessionid=0")


class Behind:
    """The application behind the door: what it was given."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        assert not message["more_body"]
        self.bodies.append(message["body"])
        assert (await receive())["type"] == "http.disconnect"
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})


class Caller:
    """One request, as the web server passes it on. `taken`: how many of its pieces somebody asked for."""

    def __init__(self, path: str, pieces: Iterable[bytes] = (b"",), query: bytes = b"", *headers: Any) -> None:
        self.scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "headers": [
                *headers,
                *([] if b"content-length" in dict(headers) else [(b"transfer-encoding", b"chunked")]),
            ],
        }
        self._pieces = iter(pieces)
        self.taken = 0
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        piece = next(self._pieces, None)
        if piece is None:
            return {"type": "http.disconnect"}
        self.taken += 1
        return {"type": "http.request", "body": piece, "more_body": piece != b""}

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def ask(self) -> int:
        """The status of the answer."""
        self.behind = Behind()
        run_apart(FrontDoor(self.behind)(self.scope, self.receive, self.send))
        return int(self.sent[0]["status"]) if self.sent else 0

    def problem(self) -> dict[str, Any]:
        return dict(json.loads(b"".join(message.get("body", b"") for message in self.sent)))


def test_a_body_passes_whole():
    caller = Caller("/api/v1/tokens/", [b"{", b"}", b""])
    assert (caller.ask(), caller.behind.bodies) == (200, [b"{}"])


@pytest.mark.parametrize(
    ("path", "headers", "most"),
    [
        ("/account/login/", [], STRANGERS_BODY),
        ("/api/v1/tokens/", [], STRANGERS_BODY),
        ("/nowhere/", [SESSION, TOKEN], STRANGERS_BODY),
        ("/api/v1/tokens/", [TOKEN], 2 * 1024 * 1024),
        ("/account/login/", [SESSION], 2 * 1024 * 1024),
    ],
)
def test_a_body_is_taken_up_to_its_limit_and_not_kept_beyond(path, headers, most):
    assert settings.DATA_UPLOAD_MAX_MEMORY_SIZE == 2 * 1024 * 1024
    just = Caller(path, [b"x" * most, b""], b"", *headers)
    assert (just.ask(), len(just.behind.bodies[0])) == (200, most)
    more = Caller(path, [b"x" * most, b"x", b""], b"", *headers)
    assert (more.ask(), more.behind.bodies) == (413, [])


def test_what_is_announced_too_large_is_refused_before_a_byte_of_it():
    caller = Caller("/api/v1/tokens/", [b""], b"", (b"content-length", b"699000000"))
    answered: list[int] = []
    receive = caller.receive
    caller.receive = lambda: answered.append(len(caller.sent)) or receive()  # type: ignore[method-assign, func-returns-value]
    assert (caller.ask(), caller.problem()["code"]) == (413, "too_large")
    assert min(answered) == 2  # what is thrown away comes after the answer


def test_what_comes_without_an_end_is_thrown_away_up_to_a_limit():
    megabyte = b"x" * 1024 * 1024
    caller = Caller("/nowhere/", (megabyte for _ in range(10**6)))
    assert caller.ask() == 413
    assert caller.taken < 40


def test_a_body_that_drips_is_given_up(monkeypatch):
    caller = Caller("/api/v1/tokens/")
    moments: list[float] = []

    async def drip() -> Message:
        if len(moments) == 3:
            await asyncio.sleep(3600)
        moments.append(0)
        return {"type": "http.request", "body": b"x", "more_body": True}

    caller.receive = drip  # type: ignore[method-assign]
    monkeypatch.setattr("clusterportal.front_door._DRAINED_SECONDS", 0.01)
    monkeypatch.setattr("clusterportal.front_door.settings", _settings(head=0.05))
    assert (caller.ask(), caller.problem()["code"], len(moments)) == (408, "too_slow", 3)


def _settings(head: float) -> Any:
    class Portal:
        pass

    class Settings:
        PORTAL = Portal()
        SESSION_COOKIE_NAME = "sessionid"
        DATA_UPLOAD_MAX_MEMORY_SIZE = 1

    Settings.PORTAL.head = head  # type: ignore[attr-defined]
    return Settings


def test_who_goes_away_reaches_nobody():
    caller = Caller("/api/v1/tokens/", [b"{"])
    assert (caller.ask(), caller.behind.bodies) == (0, [])


def test_lines_and_heads_have_a_length():
    assert Caller("/" + "a" * (LONGEST_LINE - 100)).ask() == 200
    assert Caller("/" + "a" * LONGEST_LINE).ask() == 414
    assert Caller("/", [b""], b"a" * LONGEST_LINE).ask() == 414
    assert Caller("/", [b""], b"", *[(b"x-a", b"b" * 1000)] * 30).ask() == 200
    assert Caller("/", [b""], b"", *[(b"x-a", b"b" * 1000)] * (LONGEST_HEAD // 1000 + 1)).ask() == 431


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "application/json", "multipart/form-data"])
@pytest.mark.parametrize("charset", ["utf-16", "hex", "zlib", "nonsense", "utf-7"])
def test_only_utf_8_is_read(kind, charset):
    caller = Caller("/api/v1/tokens/", [b""], b"", (b"content-type", f"{kind}; charset={charset}".encode()))
    assert (caller.ask(), caller.problem()["code"]) == (415, "charset")
    assert Caller("/", [b""], b"", (b"content-type", f'{kind}; charset="UTF-8"'.encode())).ask() == 200


@pytest.mark.parametrize(
    ("caller", "field"),
    [
        (Caller("/api/v1/nodes/%00/"), "path"),
        (Caller("/api/v1/nodes/", [b""], b"a=1&search=a%00b"), "search"),
        (Caller("/api/v1/x/", [b"login=a&pass", b"word=%00", b""], b"", FORM), "password"),
        (Caller("/api/v1/x/", [b"na\0me=a", b""], b"", FORM), "name"),
        (Caller("/api/v1/x/", [b"--x\r\n\0", b""], b"", (b"content-type", b"multipart/form-data; boundary=x")), ""),
    ],
)
def test_nul_is_refused_by_the_name_of_its_field(caller, field):
    assert (caller.ask(), caller.behind.bodies) == (400, [])
    problem = caller.problem()
    assert [(error["field"], error["code"]) for error in problem["errors"]] == [(field, "null_characters")]
    assert problem["errors"][0]["remedy"]


def test_a_page_is_refused_in_plain_words_that_nobody_takes_for_a_page():
    caller = Caller("/nodes/", [b""], b"name=%00%3Cscript%3E")
    assert caller.ask() == 400
    headers = dict(caller.sent[0]["headers"])
    assert headers[b"content-type"] == b"text/plain; charset=utf-8"
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert headers[b"connection"] == b"close"


# --- whatever comes ---

RAW = st.binary(max_size=60) | st.lists(
    st.sampled_from([b"%00", b"\0", b"&", b"=", b"%", b"a", b"\xff", b'"', b";", b"charset", b"utf-8", b"text/", b"=?"])
).map(b"".join)


@hypothesis_settings(max_examples=100)
@given(RAW, RAW, RAW, RAW, st.sampled_from(["/", "/api/v1/x/"]))
def test_any_request_is_passed_on_or_refused_with_a_problem(path, query, kind, body, prefix):
    caller = Caller(prefix, [body, b""] if body else [b""], query, (b"content-type", kind), SESSION)
    caller.scope["raw_path"] = prefix.encode() + path
    assert caller.ask() in (200, 400, 415)


@pytest.mark.parametrize("piece", [b"a", b"&", b"=", b"%00", b"&a=%00", b"%", b";a=b", b'"', b"\\"])
def test_what_looks_at_a_request_takes_steps_in_proportion_to_it(piece):
    def looked_at(head: Head) -> None:
        problem_of_head(head)
        problem_of_body(head, head.scope["query_string"])

    def made(size: int) -> Head:
        header = (b"content-type", FORM[1] + b"; charset=" + piece * size)
        return Head(Caller("/", [b""], piece * size, header, *[(b"x", piece)] * size).scope)

    assert_linear(looked_at, made)


JSONS = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


def read(text: str) -> Any:
    return PortalJSONParser().parse(io.BytesIO(text.encode("utf-8", "surrogatepass")), "application/json", {})


@hypothesis_settings(max_examples=100)
@given(JSONS.map(json.dumps) | st.text(alphabet='[]{}",:\\ud80e19-.0 \0'))
@example("[" * 100_000)
@example('"\\ud800"')
def test_json_is_read_or_refused_and_can_be_stored(text):
    try:
        value = read(text)
    except APIException as error:
        assert error.status_code == 400
    else:
        stored = json.dumps(value, ensure_ascii=False, allow_nan=False)
        assert "\\u0000" not in stored.replace("\\\\", "") and stored.encode()


@pytest.mark.parametrize(
    "make", [lambda n: "[" + "1," * n + "2]", lambda n: "[" * n, lambda n: '{"a":[' + '"b",' * n + '"c"]}']
)
def test_json_takes_steps_in_proportion_to_it(make):
    assert_linear(read, make, expected=(APIException,))
