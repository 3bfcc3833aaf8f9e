"""Purge, sweep, rotation: what goes is gone, what stays still opens."""

from __future__ import annotations

import os
from datetime import timedelta

import pytest

from nodes.leases.clock import now
from replication.objects import KeyNotHeld, ObjectMissing, Removed, Store
from replication.objects.models import ContentPart, StoredContent
from tests.replication.objects.conftest import older

MIB = 1024 * 1024
DAY = timedelta(days=1)
NOW = timedelta(0)


def _fill(store):
    """Five small, one large, one secret; answer contents by id."""
    contents = [os.urandom(100 + number) for number in range(5)]
    with store.batch() as batch:
        ids = [batch.put(data) for data in contents]
    large, secret = os.urandom(2 * MIB), b"Password=hunter2"
    return dict(zip([*ids, store.put(large), store.put(secret, secret=True)], [*contents, large, secret], strict=True))


def test_purge_removes_for_good(store, keys):
    contents = _fill(store)
    ids = list(contents)
    doomed = [ids[1], ids[5], ids[6]]
    assert store.purge([*doomed, "0" * 64]) == 3
    for reader in (store, Store(keys)):
        for id_, data in contents.items():
            if id_ in doomed:
                assert not reader.has(id_)
                with pytest.raises(ObjectMissing):
                    reader.get(id_)
            else:
                assert reader.get(id_) == data
    assert StoredContent.objects.count() == ContentPart.objects.count() == 4
    assert store.check().damaged == ()


def test_what_was_purged_can_be_put_again(store):
    id_ = store.put(b"x")
    store.purge([id_])
    assert store.put(b"x") == id_
    assert store.get(id_) == b"x"


def test_secret_content_goes_after_its_time(store):
    old, kept = store.put(b"old", secret=True), store.put(b"kept", secret=True)
    normal = store.put(b"normal")
    both = store.put(b"both", secret=True)
    store.put(b"both")
    older(days=40)
    young = store.put(b"young", secret=True)
    expected = store.purge_secret(timedelta(days=30), keep=[kept], dry_run=True)
    assert expected == Removed(1, 3)
    assert all(store.get(id_) for id_ in (old, kept, young, normal, both))
    assert store.purge_secret(timedelta(days=30), keep=[kept]) == expected
    assert not store.has(old)
    # what was also stored as not secret lives on
    assert all(store.get(id_) for id_ in (kept, young, normal, both))


def test_sweep_keeps_what_lives(store, keys):
    contents = _fill(store)
    ids = list(contents)
    live = [ids[0], ids[3], ids[5]]
    older(days=2)
    expected = store.sweep(live, DAY, dry_run=True)
    assert expected.objects == 4
    assert store.check().objects == 7
    assert store.sweep(live, DAY) == expected
    for reader in (store, Store(keys)):
        assert [reader.get(id_) for id_ in live] == [contents[id_] for id_ in live]
        assert not any(reader.has(id_) for id_ in ids if id_ not in live)
    assert store.check().objects == 3
    assert store.sweep(live, NOW) == Removed(0, 0)


def test_sweep_leaves_the_young(store):
    contents = _fill(store)
    assert store.sweep([], DAY) == Removed(0, 0)
    assert all(store.get(id_) == data for id_, data in contents.items())


@pytest.mark.parametrize("age", [0.01, 9])
@pytest.mark.parametrize("touch", ["put", "has", "batch"])
def test_what_is_asked_for_becomes_young_again(store, touch, age):
    contents = _fill(store)
    older(days=age)
    for id_, data in contents.items():
        if touch == "has":
            assert store.has(id_)
        elif touch == "put":
            store.put(data, secret=data.startswith(b"Password"))
        else:
            with store.batch() as batch:
                batch.put_stream([data], secret=data.startswith(b"Password"))
    assert store.sweep([], DAY) == Removed(0, 0)
    assert StoredContent.objects.filter(used_at__gte=now() - timedelta(minutes=5)).count() == len(contents)


def test_a_turn_stops_at_its_number(store):
    with store.batch() as batch:
        for number in range(20):
            batch.put(str(number).encode())
    older(days=2)
    assert store.sweep([], DAY, most=7).objects == 7
    assert store.sweep([], DAY, most=100).objects == 13


def test_large_objects_go_with_the_small(store):
    with store.batch() as batch:
        for number in range(300):
            batch.put(str(number).encode())
        batch.put(os.urandom(6 * MIB))
    older(days=2)
    assert store.sweep([], DAY).objects == 301
    assert not ContentPart.objects.exists()
    assert not StoredContent.objects.exists()


def test_sweep_clears_what_a_killed_writer_left(store):
    row = StoredContent.objects.create(secret=False, used_at=now())
    ContentPart.objects.create(content=row, number=0, data=b"x")
    store.sweep([], DAY)
    assert StoredContent.objects.exists()
    older(days=2)
    store.sweep([], DAY)
    assert not StoredContent.objects.exists()
    assert not ContentPart.objects.exists()


def test_rotation_rewraps_every_key(store, keys):
    contents = _fill(store)
    other = Store(keys)
    assert all(other.get(id_) == data for id_, data in contents.items())
    keys.rotate()
    store.put(b"sealed under the new key")
    assert store.rewrap().objects == len(contents) + 1  # and the name key
    assert store.rewrap().objects == 0
    keys.forget_old()
    for reader in (store, other, Store(keys)):
        assert all(reader.get(id_) == data for id_, data in contents.items())
    report = store.check()
    assert (report.objects, report.damaged) == (len(contents) + 1, ())


def test_rotation_keeps_ages_names_and_parts(store, keys):
    _fill(store)
    older(days=9)
    before = list(StoredContent.objects.order_by("pk").values("pk", "name", "size", "secret", "used_at"))
    parts = list(ContentPart.objects.order_by("pk").values())
    keys.rotate()
    store.rewrap()
    assert list(StoredContent.objects.order_by("pk").values("pk", "name", "size", "secret", "used_at")) == before
    assert list(ContentPart.objects.order_by("pk").values()) == parts


def test_rotation_goes_on_past_damage(store, keys):
    contents = _fill(store)
    StoredContent.objects.filter(secret=True).update(head=b"torn")
    keys.rotate()
    report = store.rewrap()
    assert report.objects == len(contents)
    [sentence] = report.damaged
    assert "its head is cut off" in sentence


def test_without_the_old_key_rotation_says_so(store, keys):
    _fill(store)
    keys.rotate()
    keys.forget_old()
    with pytest.raises(KeyNotHeld, match="the key file does not hold the key"):
        store.rewrap()
