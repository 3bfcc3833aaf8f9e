"""The right to go on: what scan and apply are given so that they stop in time. Jobs hand in their lease."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Protocol


class WorkContext(Protocol):
    """What scan and apply ask and tell of the job they work for."""

    def check(self) -> None:
        """Call before each change on a node. Raises when the work must stop (lease lost, cancelled, paused)."""
        ...

    def progress(
        self,
        *,
        files: int = 0,
        bytes: int = 0,
        phase: str | None = None,
        files_total: int | None = None,
        bytes_total: int | None = None,
    ) -> None:
        """Report work done since the last call (`files` and `bytes` are added; the totals and the phase, at most 80
        characters, are set). Renews the lease when due. Never raises, so a transfer may call it for every chunk."""
        ...

    def event(self, level: str, code: str, text: str, data: Mapping[str, Any] | None = None) -> None:
        """Add a line to the job's log: `level` info, warning or error; `code` stable; `text` a sentence without
        secrets. Written in batches, at the latest with the outcome; void when the lease is lost."""
        ...

    def boundary(self, name: str) -> None:
        """The end of one named step: a sign of life, and where tests kill the worker."""
        ...


def moving(guard: WorkContext, *, bytes_each: float = 0.0) -> Callable[[int], None]:
    """A transfer's progress callback: a sign of life that stops the transfer when the work must stop. `bytes_each`:
    what one moved byte counts for in the job's progress (0: nothing, as when only looking)."""

    def moved(count: int) -> None:
        guard.progress(bytes=round(count * bytes_each))
        guard.check()

    return moved


def living(chunks: Iterable[bytes], guard: WorkContext) -> Iterator[bytes]:
    """The same chunks; each is a sign of life, and none comes once the work must stop."""
    moved = moving(guard)
    for chunk in chunks:
        moved(len(chunk))
        yield chunk
