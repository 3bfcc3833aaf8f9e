"""What one node should hold."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nodes.products.ini import IniError
from replication.configuration.job import desired
from replication.configuration.job.desired import ini_content
from tests.fakes.store import FakeStore


class Counting(FakeStore):
    """Gives a content byte by byte."""

    given = 0

    def stream(self, id_: str) -> Iterator[bytes]:
        for byte in self.get(id_):
            self.given += 1
            yield bytes([byte])


def test_no_more_is_taken_than_an_ini_file_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desired, "MAX_INI_BYTES", 8)
    store = Counting()
    assert ini_content(store, store.put(b"[A]\nx=12")) == b"[A]\nx=12"
    store.given = 0
    with pytest.raises(IniError, match="more than 8 bytes"):
        ini_content(store, store.put(b"[A]\nx=12" * 9))
    assert store.given == 9
