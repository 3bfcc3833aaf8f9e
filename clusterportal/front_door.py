"""What is refused before Django sees it: requests that are too long or too slow, and text that nothing behind can hold.

An ASGI application around another one. It takes a request's body whole, within its limits, and only then hands the
request on: what is too large is neither kept nor spooled, and nobody who drips holds a thread or a connection to the
database. `clusterportal/web.py` guards what lies before a request: connections, and heads that do not come.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import unquote_plus

from django.conf import settings
from django.urls import Resolver404, resolve
from django.utils.http import parse_header_parameters

from clusterportal.connections import LONGEST_HEAD, LONGEST_LINE
from clusterportal.problems import FieldError, ProblemDetail, ProblemRenderer

Scope = dict[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

STRANGERS_BODY = 64 * 1024
"""Bytes of a body from somebody who shows neither a session nor a token, or for an address that is not there."""

SLOWEST = 1024
"""Bytes a second that a body brings at least, once the time for a head has passed."""

_DRAINED_BYTES, _DRAINED_SECONDS = 32 * 1024 * 1024, 5.0  # thrown away, so that the answer is not lost in a reset
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Head:
    """What a request says of itself before its body."""

    scope: Scope

    @cached_property
    def fields(self) -> dict[bytes, bytes]:
        """Header fields by lower-case name; of one that came twice the last."""
        return dict(self.scope["headers"])

    @property
    def raw_path(self) -> bytes:
        """The path as it was sent."""
        return bytes(self.scope.get("raw_path") or self.scope["path"].encode())

    @property
    def line(self) -> int:
        """Length of the request line, in bytes."""
        return len(self.scope["method"]) + len(self.raw_path) + len(self.scope["query_string"]) + len(" ? HTTP/1.1\r\n")

    @property
    def length(self) -> int:
        """Length of the whole head, in bytes."""
        return self.line + sum(len(name) + len(text) + len(": \r\n") for name, text in self.scope["headers"])

    @property
    def declared(self) -> int:
        """Bytes of the body as announced; 0 where nothing is."""
        text = self.fields.get(b"content-length", b"")
        return int(text) if text.isdigit() else 0

    @property
    def content_type(self) -> tuple[str, str]:
        """Media type and charset, in lower case; "" for what is not said."""
        text = self.fields.get(b"content-type", b"").decode("latin-1")
        try:
            kind, parameters = parse_header_parameters(text)
        except ValueError:
            return "", "?"
        return kind.lower(), parameters.get("charset", "").strip("'\" ").lower()

    def most(self) -> int:
        """Bytes that the body may have."""
        cookie = settings.SESSION_COOKIE_NAME.encode() + b"="
        shown = b"authorization" in self.fields or cookie in self.fields.get(b"cookie", b"")
        return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE) if shown and self._is_known() else STRANGERS_BODY

    def _is_known(self) -> bool:
        try:
            resolve(self.scope["path"])
        except Resolver404:
            return False
        return True


class FrontDoor:
    """The application behind its limits. Every refusal is a problem that names a remedy, and ends the connection."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        head = Head(scope)
        problem, body = problem_of_head(head), None
        if problem is None:
            problem, body = await taken(head, receive)
        if problem is None and body is not None:
            problem = problem_of_body(head, body)
        if problem is not None:
            _LOG.warning("refused with %d: %s", problem.status, problem.detail)
            await _answer(head, problem, send, None if body is not None or problem is TOO_SLOW else receive)
        elif body is not None:
            await self._app(scope, _given(body, receive), send)


async def taken(head: Head, receive: Receive) -> tuple[ProblemDetail | None, bytes | None]:
    """The body; or why it is not taken; neither where the caller went away."""
    clock = asyncio.get_running_loop().time
    most, body = (head.most() if _has_body(head) else STRANGERS_BODY), bytearray()
    if head.declared > most:
        return too_large(most), None
    until = clock() + settings.PORTAL.head
    while True:
        try:
            async with asyncio.timeout_at(until + len(body) / SLOWEST):
                message = await receive()
        except TimeoutError:
            return TOO_SLOW, None
        if message["type"] == "http.disconnect":
            return None, None
        body += message.get("body", b"")
        if len(body) > most:
            return too_large(most), None
        if not message.get("more_body", False):
            return None, bytes(body)


def _has_body(head: Head) -> bool:
    return head.declared > 0 or b"transfer-encoding" in head.fields


def _given(body: bytes, receive: Receive) -> Receive:
    """What the application receives: the body, then whatever still comes (that the caller went away)."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def give() -> Message:
        return messages.pop() if messages else await receive()

    return give


# --- what is refused, and why ---

TOO_SLOW = ProblemDetail(408, "too_slow", f"The body came too slowly. Send at least {SLOWEST} bytes a second.")


def too_large(most: int) -> ProblemDetail:
    """A body of more than `most` bytes."""
    return ProblemDetail(413, "too_large", f"The body is larger than {most} bytes. Log in, or send less at a time.")


def problem_of_head(head: Head) -> ProblemDetail | None:
    """What is wrong with a request whatever its body is."""
    if head.line > LONGEST_LINE:
        text = f"The address is longer than {LONGEST_LINE} bytes. Ask for less at a time, or send it in a body."
        return ProblemDetail(414, "address_too_long", text)
    if head.length > LONGEST_HEAD:
        text = f"The header is longer than {LONGEST_HEAD} bytes. Send fewer or shorter fields; clear old cookies."
        return ProblemDetail(431, "header_too_long", text)
    if b"content-length" in head.fields and b"transfer-encoding" in head.fields:
        text = "The length of the body is said in two ways. Send Content-Length or Transfer-Encoding, not both."
        return ProblemDetail(400, "two_lengths", text)
    if head.content_type[1] not in ("", "utf-8", "utf8", "us-ascii", "ascii"):
        return ProblemDetail(415, "charset", "Send the body in UTF-8, and name that as its charset or none.")
    if b"%00" in head.raw_path:
        return _nul("path")
    return next((_nul(name) for name in _with_nul(head.scope["query_string"])), None)


def problem_of_body(head: Head, body: bytes) -> ProblemDetail | None:
    """What is wrong with a form. JSON is looked at where it is read (`clusterportal/parsers.py`)."""
    kind = head.content_type[0]
    if kind == "application/x-www-form-urlencoded":
        return next((_nul(name) for name in _with_nul(body)), None)
    return _nul("") if kind == "multipart/form-data" and b"\0" in body else None


def _with_nul(form: bytes) -> Iterator[str]:
    """Names of fields that hold NUL, which no database takes in a text."""
    if b"%00" in form or b"\0" in form:
        for pair in form.split(b"&"):
            if b"%00" in pair or b"\0" in pair:
                yield unquote_plus(pair.partition(b"=")[0].decode("utf-8", "replace")).replace("\0", "")[:100]


def _nul(name: str) -> ProblemDetail:
    error = FieldError(name, "null_characters", "It contains a NUL character.", "Leave the NUL character out.")
    return ProblemDetail(400, "invalid", f"{error.message} {error.remedy}", (error,))


# --- the answer ---


async def _answer(head: Head, problem: ProblemDetail, send: Send, rest: Receive | None) -> None:
    """Send the problem, and throw away what the caller still sends: closing at once would reset the connection, and
    the caller would see that in place of the answer."""
    as_json = head.scope["path"].startswith("/api/")
    content = json.dumps(problem.as_json()) if as_json else f"{problem.title}. {problem.detail}\n"
    kind = ProblemRenderer.media_type if as_json else "text/plain; charset=utf-8"
    headers = {
        "content-type": kind,
        "content-length": str(len(content.encode())),
        "x-content-type-options": "nosniff",
        "cache-control": "no-store",
        "connection": "close",
    }
    encoded = [(name.encode(), text.encode()) for name, text in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": encoded})
    await send({"type": "http.response.body", "body": content.encode(), "more_body": True})
    if rest is not None:
        await _drain(rest)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _drain(receive: Receive) -> None:
    left = _DRAINED_BYTES
    try:
        async with asyncio.timeout(_DRAINED_SECONDS):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if not message.get("more_body", False):
                    return
    except TimeoutError:
        return
