"""The test of a folder on a file server from where the portal runs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from nodes.enums import CellReason
from nodes.platforms.unc import UncPath
from nodes.remote.session import Space
from nodes.remote.shares import Login, ShareError, ShareExists, ShareProbe
from nodes.remote.smb import ShareFolder, open_share

ROUND_TRIPS = 5

CONTENT = (b"A test of the portal's; it is removed at once.\r\n" * 2048)[: 64 * 1024]
"""As long as a small message: a few bytes would find room on a full disk."""


def probe_share(path: UncPath, login: Login, name: str, seconds: float) -> ShareProbe:
    """Whether a folder can be worked with, tried with a small file of our own, `name`, which is gone afterwards unless
    the connection broke. Ends within `seconds`; what a file server does wrong is in the answer."""
    probe = _Probe(name)
    with ExitStack() as until_done:
        try:
            with probe.step("reach"):
                folder = until_done.enter_context(open_share(path, login, seconds=seconds))
                probe.look(folder)
            probe.work(folder)
        except ShareError as error:
            return probe.told(error)
    return probe.told()


@dataclass(slots=True)
class _Probe:
    """What is known so far."""

    name: str
    steps: dict[str, float] = field(default_factory=dict)
    latency: float | None = None
    space: Space | None = None
    clock_offset: float | None = None

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Note how long it takes, also when it fails."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.steps[name] = time.monotonic() - began

    def told(self, error: ShareError | None = None) -> ShareProbe:
        """All of it, as a value."""
        told = ShareProbe(steps=self.steps, latency=self.latency, space=self.space, clock_offset=self.clock_offset)
        return replace(told, reason=error.reason, text=error.text, remedy=error.remedy) if error else told

    def look(self, folder: ShareFolder) -> None:
        """What is seen without changing anything."""
        self.latency = statistics.median(folder.round_trip() for _ in range(ROUND_TRIPS))
        self.space = folder.space()

    def work(self, folder: ShareFolder) -> None:
        """What a mail server would do there, and take it back."""
        renamed = f"{self.name}-b"
        try:
            self._write(folder)
            with self.step("lock"):
                _lock(folder, self.name)
            with self.step("rename"):
                folder.rename(self.name, renamed)
                _expect(folder.names(renamed) == (renamed,), "A renamed file was not seen by its new name.")
            with self.step("delete"):
                folder.remove(renamed)
                _expect(folder.names(renamed) == (), "A deleted file was still seen.")
        except ShareError:
            for name in (self.name, renamed):
                with suppress(ShareError):  # what went wrong first is what is told
                    folder.remove(name)
            raise

    def _write(self, folder: ShareFolder) -> None:
        with self.step("create"):
            began = time.time()
            at = folder.create(self.name)
            self.clock_offset = _offset(at, began, time.time())
        with self.step("write"):
            folder.write(self.name, CONTENT)
        with self.step("read"):
            content = folder.read(self.name, most=len(CONTENT) + 1)
            _expect(content == CONTENT, "What was read is not what was written.")


def _offset(at: datetime, began: float, ended: float) -> float:
    """Seconds that a clock which said `at` meanwhile is ahead of ours."""
    return at.timestamp() - (began + ended) / 2


def _lock(folder: ShareFolder, name: str) -> None:
    """A file that is there is not made again, and one that is held is not opened. Raises ShareError."""
    try:
        folder.create(name)
    except ShareExists:
        pass
    else:
        raise _no_lock("The file server made a file that was there already.")
    with folder.held(name):
        if not folder.is_held(name):
            raise _no_lock("The file server opened a file that was locked.")


def _no_lock(text: str) -> ShareError:
    return ShareError(CellReason.NO_LOCK, text, "Look at how the file server treats locks and share modes.")


def _expect(holds: bool, text: str) -> None:
    if not holds:
        raise ShareError(CellReason.OTHER, text, "Look at the file server and its disk.")
