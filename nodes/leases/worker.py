"""What a worker process is called, and the thread in which work is done while its caller keeps the lease."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from typing import TypeVar

from django.db import connections

T = TypeVar("T")

TICK = 0.25
"""Seconds between two looks of a keeping thread at its workers."""

SHUTTING_DOWN = threading.Event()
"""Set when the worker process was told to end: nothing new is claimed."""


def worker_name() -> str:
    """Host and process, for `owner` columns and people."""
    return f"{socket.gethostname()}:{os.getpid()}"[:120]


def closing(work: Callable[[], T]) -> T:
    """Do `work` and close the database connections that this thread opened for it."""
    try:
        return work()
    finally:
        connections.close_all()
