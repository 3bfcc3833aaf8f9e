"""Those who act beside the portal: the mail server's stand-in, an eye on a file, a writer that never rests."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.deadlines import PATIENCE
from tests.living_files import found

TURN = 0.01


class Acting:
    """A thread that calls `turn` again and again between `with` and its end; what it raised is raised there."""

    def __init__(self, turn: Callable[[], None], pause: float = TURN) -> None:
        self._turn, self._pause = turn, pause
        self._ended = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(PATIENCE)
        if self._error is not None and error is None:
            raise self._error

    def _run(self) -> None:
        try:
            while not self._ended.wait(self._pause):
                self._turn()
        except BaseException as error:  # noqa: BLE001 - raised again where the thread is ended
            self._error = error


def taking_semaphores(root: Path, taken: list[str]) -> Acting:
    """A stand-in that deletes every semaphore it meets, as the mail server does, but not the one that locks them."""

    def turn() -> None:
        for path in (root / "App").glob("*.SEM"):
            if path.name != "LOCKSEMS.SEM":
                path.unlink()
                taken.append(path.name)

    return Acting(turn)


class Eye:
    """Looks at one name all the time: every content seen under it (by hash), and whether it was ever absent."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._facts: tuple[int, ...] = ()
        self.seen: list[str] = []
        self.absent = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Until the end of the block, which is looked at once more."""
        with Acting(self._look, pause=0.002):
            yield
        self._look()

    def _look(self) -> None:
        try:
            with self._path.open("rb") as file:
                digest = self._digest(file)
        except FileNotFoundError:
            self.absent += 1
            return
        if digest and (not self.seen or self.seen[-1] != digest):
            self.seen.append(digest)

    def _digest(self, file: BufferedReader) -> str:
        facts = os.fstat(file.fileno())  # of what was opened: another may stand under the name by now
        key = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
        if key == self._facts:
            return ""
        self._facts = key
        return hashlib.file_digest(file, "sha256").hexdigest()


def has_staged(root: Path, more_than: int) -> bool:
    """Whether a temporary file of the portal's has more than so many bytes; it may vanish while it is looked at."""
    for path in found(root, ".cp~*"):
        with suppress(FileNotFoundError):
            if path.is_file() and path.stat().st_size > more_than:
                return True
    return False


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def until(what: str, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    """Look every millisecond or so, where `wait_for` would come too late."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds:.0f} s: {what}"
        time.sleep(0.001)
