"""What tests share that go to every address."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator

import pytest


@pytest.fixture
def unreached(monkeypatch) -> Iterator[None]:
    """Nobody is reached, and nobody waits: what would is refused at once. There is no line for each of thousands of
    refusals."""

    def refuse(*_: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(socket.socket, "connect", refuse)
    logging.disable()
    yield
    logging.disable(logging.NOTSET)
