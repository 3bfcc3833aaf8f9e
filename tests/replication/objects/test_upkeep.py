"""Purge, sweep, rotation: what goes is gone, what stays still opens."""

from __future__ import annotations

import os
import time
from datetime import timedelta

import pytest

from replication.objects import ObjectMissing, Removed, Store

MIB = 1024 * 1024
DAY = timedelta(days=1)
NOW = timedelta(0)


def _age(root, days: float) -> None:
    """Make everything that lies in the store look so old."""
    then = time.time() - days * 86_400
    for path in root.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def _fill(store):
    """Five packed, one loose, one secret; answer contents by id."""
    contents = [os.urandom(100 + number) for number in range(5)]
    with store.batch() as batch:
        ids = [batch.put(data) for data in contents]
    loose, secret = os.urandom(2 * MIB), b"Password=hunter2"
    return dict(zip([*ids, store.put(loose), store.put(secret, secret=True)], [*contents, loose, secret], strict=True))


def test_purge_removes_wherever_it_lies(store, root, keys):
    contents = _fill(store)
    ids = list(contents)
    doomed = [ids[1], ids[5], ids[6]]
    other = Store(root, keys)
    assert other.has(ids[1])
    assert store.purge([*doomed, "0" * 64]) == 3
    for reader in (store, other, Store(root, keys)):
        for id_, data in contents.items():
            if id_ in doomed:
                assert not reader.has(id_)
                with pytest.raises(ObjectMissing):
                    reader.get(id_)
            else:
                assert reader.get(id_) == data
    assert store.check().damaged == ()


def test_purged_bytes_are_no_longer_in_any_file(store, root):
    contents = _fill(store)
    before = b"".join(path.read_bytes() for path in (root / "packs").iterdir())
    store.purge(list(contents)[:5])
    assert before
    assert list((root / "packs").iterdir()) == []


def test_what_was_purged_can_be_put_again(store):
    id_ = store.put(b"x")
    store.purge([id_])
    assert store.put(b"x") == id_
    assert store.get(id_) == b"x"


def test_secret_content_goes_after_its_time(store, root):
    old, kept = store.put(b"old", secret=True), store.put(b"kept", secret=True)
    normal = store.put(b"normal")
    both = store.put(b"both", secret=True)
    store.put(b"both")
    _age(root, 40)
    young = store.put(b"young", secret=True)
    expected = store.purge_secret(timedelta(days=30), keep=[kept], dry_run=True)
    assert expected.objects == 2
    assert all(store.get(id_) for id_ in (old, kept, young, normal, both))
    _age(root, 40)
    store.put(b"young", secret=True)
    assert store.purge_secret(timedelta(days=30), keep=[kept]) == expected
    assert not store.has(old)
    # what was also stored as not secret lives there on
    assert all(store.get(id_) for id_ in (kept, young, normal, both))


def test_sweep_keeps_what_lives(store, root, keys):
    contents = _fill(store)
    ids = list(contents)
    live = [ids[0], ids[3], ids[5]]
    _age(root, 2)
    expected = store.sweep(live, DAY, dry_run=True)
    assert expected.objects == 4
    assert store.check().objects == 7
    assert store.sweep(live, DAY) == expected
    for reader in (store, Store(root, keys)):
        assert [reader.get(id_) for id_ in live] == [contents[id_] for id_ in live]
        assert not any(reader.has(id_) for id_ in ids if id_ not in live)
    assert store.check().objects == 3
    assert store.sweep(live, NOW) == Removed(0, 0)


def test_sweep_leaves_the_young(store, root):
    contents = _fill(store)
    assert store.sweep([], DAY) == Removed(0, 0)
    assert all(store.get(id_) == data for id_, data in contents.items())


@pytest.mark.parametrize("touch", ["put", "has", "batch"])
def test_what_is_asked_for_becomes_young_again(store, root, touch):
    contents = _fill(store)
    _age(root, 9)
    for id_, data in contents.items():
        if touch == "has":
            assert store.has(id_)
        elif touch == "put":
            store.put(data, secret=data.startswith(b"Password"))
        else:
            with store.batch() as batch:
                batch.put_stream([data], secret=data.startswith(b"Password"))
    assert store.sweep([], DAY) == Removed(0, 0)


def test_sweep_clears_what_a_killed_writer_left(store, root):
    (root / ".tmp" / "torn").write_bytes(b"x")
    store.sweep([], DAY)
    assert (root / ".tmp" / "torn").exists()
    _age(root, 2)
    store.sweep([], DAY)
    assert list((root / ".tmp").iterdir()) == []


def test_sweep_joins_small_packs(store, root, keys):
    other = Store(root, keys)
    ids = []
    for number in range(40):
        with store.batch() as batch:
            ids.append(batch.put(str(number).encode()))
    assert other.get(ids[0]) == b"0"
    store.sweep(ids, DAY)
    assert len(list((root / "packs").iterdir())) == 1
    for reader in (store, other, Store(root, keys)):
        assert [reader.get(id_) for id_ in ids] == [str(number).encode() for number in range(40)]


def test_strangers_files_are_passed_over(store, root):
    contents = _fill(store)
    folder = next((root / "loose").iterdir())
    (folder / "README").write_text("x")
    (root / "packs" / "notes.txt").write_text("x")
    _age(root, 2)
    assert store.sweep(contents, DAY) == Removed(0, 0)
    assert store.check().damaged == ()
    assert (folder / "README").exists()


def test_rotation_rewraps_every_key(store, root, keys):
    contents = _fill(store)
    other = Store(root, keys)
    assert all(other.get(id_) == data for id_, data in contents.items())
    keys.rotate()
    store.put(b"sealed under the new key")
    assert store.rewrap().objects == len(contents) + 1  # and the name key
    assert store.rewrap().objects == 0
    keys.forget_old()
    for reader in (store, other, Store(root, keys)):
        assert all(reader.get(id_) == data for id_, data in contents.items())
    report = store.check()
    assert (report.objects, report.damaged) == (len(contents) + 1, ())


def test_rotation_keeps_ages_and_names(store, root, keys):
    _fill(store)
    _age(root, 9)
    before = {path: path.stat().st_mtime for path in root.rglob("*") if path.suffix != ".key" and path.is_file()}
    keys.rotate()
    store.rewrap()
    assert {path: path.stat().st_mtime for path in before} == before


def test_rotation_goes_on_past_damage(store, root, keys):
    contents = _fill(store)
    path = next((root / "secret").glob("*/*"))
    path.write_bytes(b"torn")
    keys.rotate()
    report = store.rewrap()
    assert report.objects == len(contents)
    [sentence] = report.damaged
    assert "its head is cut off" in sentence


def test_without_the_old_key_rotation_names_each(store, keys):
    contents = _fill(store)
    keys.rotate()
    keys.forget_old()
    report = store.rewrap()
    assert len(report.damaged) == len(contents)
    assert all("the key file does not hold the key" in sentence for sentence in report.damaged)
