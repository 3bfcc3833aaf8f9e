"""The data folder as the programs of `./run` share it: one owner at a time, and paths as the operator gave them."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

LOCK_NAME = "portal.lock"
FAREWELL = 8.0  # seconds that the helpers of a killed supervisor may still need to end


class InUse(Exception):
    """Another program owns the data folder; the text says which."""


@contextmanager
def owned(folder: Path) -> Iterator[None]:
    """Own the data folder. A lock file left by a dead process is harmless: the kernel knows who holds it.

    Raises InUse while another portal, backup or restore owns it."""
    handle = (folder / LOCK_NAME).open("a+")
    with handle:
        _take(handle, folder)
        handle.truncate(0)
        handle.write(f"{os.getpid()}\n")
        handle.flush()
        yield


def _take(handle: TextIO, folder: Path) -> None:
    deadline = time.monotonic() + FAREWELL
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            owner = _owner(handle)
            if _lives(owner) or time.monotonic() > deadline:
                raise InUse(f"a portal already runs with {folder} (process {owner}); stop it first") from error
            time.sleep(0.2)


def _owner(handle: TextIO) -> int:
    handle.seek(0)
    text = handle.read().strip()
    return int(text) if text.isdecimal() else 0


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0


def given_path(text: str) -> Path:
    """A path from the command line; relative ones count from where `./run` was called, which changes folder itself."""
    return Path(os.environ.get("CLUSTERPORTAL_CALLED_FROM", "."), text).resolve()
