"""Rounds on a node in memory that end early, and what stays of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from nodes.connection.connect import NodeLink
from nodes.leases.errors import LeaseLost
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.products.loading import load_profile
from replication.files.apply.context import Context, Overwritten
from replication.files.apply.names import parse
from replication.files.core.changes import Change, ChangeKind, Found, Wanted
from replication.files.core.paths import RelPath
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession

ROOT = "/srv/mail"
PROFILE = replace(load_profile("mdaemon"), semaphore_wait_seconds=0.01)


class Killed(BaseException):
    """The process is dead: whatever it would still do raises this."""


class Interrupting:
    """A lease that is ours until `error` is raised, at the boundary `at` and by every check that follows. `meanwhile`:
    what others do at each boundary."""

    fence = 7

    def __init__(self, at: str, error: Exception, *, meanwhile: Callable[[str], None] = print) -> None:
        self.at, self.error, self.meanwhile = at, error, meanwhile
        self.over = False
        self.events: list[str] = []

    def check(self) -> None:
        if self.over:
            raise self.error

    def progress(self, **_: object) -> None: ...

    def event(self, level: str, code: str, *_: object) -> None:
        self.events.append(code)

    def boundary(self, name: str) -> None:
        self.meanwhile(name)
        if name == self.at:
            self.over = True
            raise self.error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self.over and isinstance(self.error, LeaseLost):
            raise self.error
        yield


@dataclass(slots=True)
class Scene:
    """A node in memory, the store, and the edits that were written down."""

    disk: FakeDisk
    store: Any
    kept: list[Overwritten]

    def context(self, guard: Any, *, session: FakeSession | None = None, tag: str = "1.7") -> Context:
        link = NodeLink(session or FakeSession(self.disk), platform_named("posix"), ROOT, Capabilities(), 1, "mx1")
        return Context(link, PROFILE, self.store, guard, tag)

    def temporary(self) -> list[str]:
        """Relative names of what rounds left."""
        return [name.removeprefix(f"{ROOT}/") for name in self.disk.names if parse(name)]


def digest(content: bytes) -> str:
    """The id that content has in the store."""
    return hashlib.sha256(content).hexdigest()


def update(path: RelPath, old: bytes, new: bytes) -> Change:
    """The change of one content to another."""
    return Change(ChangeKind.UPDATE, path, wanted(new), Found(digest(old), len(old), 0))


def wanted(content: bytes) -> Wanted:
    """Content that a file shall have."""
    return Wanted(digest(content), len(content), 10**18, shared=False)
