"""Hostile servers that end with the test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.server import HostileServer
from tests.nodes.remote.conftest import cleanup, folder, session

__all__ = ["cleanup", "folder", "session"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileServer]:
    """One for all tests of a module, which turn it and turn it back."""
    server = HostileServer(tmp_path_factory.mktemp("hostile") / "sshd")
    yield server
    server.stop()
