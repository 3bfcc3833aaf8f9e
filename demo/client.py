"""A small client of the portal's REST API, with the standard library alone: what an operator's script would be."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

Json = dict[str, Any]


class ApiRefused(Exception):
    """The portal said no, or did not become what was waited for; the text is the portal's own reason."""


class Api:
    """`/api/v1/` of one portal, as the owner of one token."""

    def __init__(self, portal: str, token: str, timeout: float = 60.0) -> None:
        self._base = portal.rstrip("/") + "/api/v1/"
        self._token = token
        self._timeout = timeout

    def get(self, path: str) -> Json:
        """Read a resource. Raises ApiRefused."""
        return self._ask("GET", path, None, {})

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, idempotency_key: str = "") -> Json:
        """Create something, or act on a resource. Raises ApiRefused."""
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        return self._ask("POST", path, body or {}, headers)

    def put(self, path: str, body: Mapping[str, Any]) -> Json:
        """Set something as a whole. Raises ApiRefused."""
        return self._ask("PUT", path, body, {})

    def patch(self, path: str, body: Mapping[str, Any]) -> Json:
        """Change some of a resource. Raises ApiRefused."""
        return self._ask("PATCH", path, body, {})

    def wait(self, path: str, done: Callable[[Json], bool], *, seconds: float, what: str) -> Json:
        """Read a resource until `done`. Raises ApiRefused when it takes longer than `seconds`."""
        deadline = time.monotonic() + seconds
        while not done(answer := self.get(path)):
            if time.monotonic() > deadline:
                errors = {target["error"] for target in answer.get("targets", []) if target["error"]}
                last = " ".join([answer["state"], *sorted(errors)])
                raise ApiRefused(f"{what} took longer than {seconds:.0f} s; last seen: {last}")
            time.sleep(0.1)
        return answer

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, headers: Mapping[str, str]) -> Json:
        request = urllib.request.Request(self._base + path, method=method)
        request.add_header("Authorization", f"Bearer {self._token}")
        for name, value in headers.items():
            request.add_header(name, value)
        if body is not None:
            request.data = json.dumps(body).encode()
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=self._timeout) as answer:
                found = json.load(answer)
                return found if isinstance(found, dict) else {"results": found}
        except urllib.error.HTTPError as error:
            raise ApiRefused(f"{method} {path}: {error.code} {_reason(error.read())}") from error
        except (OSError, ValueError) as error:
            raise ApiRefused(f"{method} {path}: {error}") from error


def _reason(data: bytes) -> str:
    """The problem document's own words."""
    try:
        problem = json.loads(data)
    except ValueError:
        return data[:200].decode("utf-8", "replace")
    fields = "; ".join(f"{item.get('field')}: {item.get('message')}" for item in problem.get("errors", []))
    return " ".join(filter(None, [problem.get("title"), problem.get("detail"), fields]))


def wait_for_portal(portal: str, seconds: float = 90.0) -> float:
    """Wait for the first page; returns how long that took. Raises ApiRefused."""
    started = time.monotonic()
    while True:
        try:
            with urllib.request.urlopen(portal, timeout=5) as answer:
                answer.read()
            return time.monotonic() - started
        except OSError as error:
            if time.monotonic() - started > seconds:
                raise ApiRefused(f"the portal did not answer at {portal} within {seconds:.0f} s: {error}") from error
        time.sleep(0.1)
