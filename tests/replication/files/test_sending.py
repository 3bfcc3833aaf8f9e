"""A bundle is read once for all who send it at the same time."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

import pytest

from replication.files.apply import bundles
from replication.files.apply.bundles import Item, bundle_of, sending
from replication.objects import Store

pytestmark = pytest.mark.django_db


class CountingStore(Store):
    """`reads`: how often a content was asked for."""

    reads = 0

    def stream(self, id_: str) -> Iterator[bytes]:
        self.reads += 1
        return super().stream(id_)


class Guard:
    def check(self) -> None: ...

    def progress(self, **_: object) -> None: ...


GUARD: Any = Guard()


@pytest.fixture
def store() -> CountingStore:
    return CountingStore()


def bundle_in(store: Store) -> Any:
    return bundle_of(store, (Item("0", store.put(b"content"), 7, 0),), GUARD)


def test_who_sends_at_the_same_time_shares_what_was_read(store: CountingStore):
    made = bundle_in(store)
    first, second = sending(store, made, GUARD), sending(store, made, GUARD)
    assert store.reads == 1
    assert b"".join(first) == b"".join(second) == store.get(made.id)


def test_what_all_have_sent_is_held_no_longer(store: CountingStore):
    made = bundle_in(store)
    pieces = iter(sending(store, made, GUARD))
    next(pieces)
    gc.collect()
    assert made.id in bundles._BUILDER.held
    del pieces
    gc.collect()
    assert made.id not in bundles._BUILDER.held


def test_a_large_bundle_is_never_held(store: CountingStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(bundles, "HELD_BYTES", 6)
    made = bundle_in(store)
    for reads in (1, 2):
        assert b"".join(sending(store, made, GUARD))
        assert store.reads == reads
    assert made.id not in bundles._BUILDER.held
