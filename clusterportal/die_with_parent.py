"""Runs a program that dies with the process that started it, however that one ends.

Run by path, with the standard library only: `python -I -S clusterportal/die_with_parent.py PROGRAM [ARGUMENT...]`.
The program takes this process's place. Where the system has no such tie (it is Linux's PR_SET_PDEATHSIG), the program
just runs; the supervisor's own watch then still ends it.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def tie_to_parent(parent: int) -> None:
    """Ask the kernel for SIGKILL when the parent dies; leave at once if it already has."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        sys.exit("the process that started this one has ended")


if __name__ == "__main__":
    if sys.platform == "linux":
        tie_to_parent(os.getppid())
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - no shell is the point
