"""What a test left open of the database's file.

A connection that a thread of a test leaves open lives until the garbage collector finds it: some later test would meet
it, or not. With SQLite its locks are the whole process's, too.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

OPEN = Path("/proc/self/fd")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Iterator[None]:
    """Red where this thread's own connection is closed and the file is open all the same."""
    yield
    if connection.vendor == "sqlite" and connection.connection is None and (left := sorted(open_of_database())):
        gc.collect()  # the next test starts without it
        pytest.fail(f"a connection to the database was left open, by a thread: {', '.join(left)}", pytrace=False)


def open_of_database() -> Iterator[str]:
    """The names under which this process has the database's file and those beside it open."""
    name = str(connection.settings_dict["NAME"])
    for descriptor in OPEN.iterdir():
        try:
            target = str(descriptor.readlink())
        except FileNotFoundError:
            continue  # the listing's own
        if target.startswith(name):
            yield target
