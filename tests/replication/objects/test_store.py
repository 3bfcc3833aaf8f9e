"""Putting and getting: every size and area, once and again, alone and in batches."""

from __future__ import annotations

import hashlib
import os
import stat
import time
import tracemalloc
import zlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from replication.objects import ObjectMissing, Store, StoreUnusable, default_store

MIB = 1024 * 1024
SIZES = [0, 1, 1000, 64 * 1024 - 1, 64 * 1024, MIB - 1, MIB, MIB + 1, 3 * MIB, 3 * MIB + 7]


def _files(root):
    return [path for path in root.rglob("*") if path.is_file()]


def _text(size: int) -> bytes:
    return (b"[Domain]\r\nHostName=mail.example.com\r\n" * (size // 37 + 1))[:size]


def _id(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("secret", [False, True])
@pytest.mark.parametrize("make", [os.urandom, _text])
@pytest.mark.parametrize("size", SIZES)
def test_what_is_put_comes_back(store, size, make, secret):
    data = make(size)
    id_ = store.put(data, secret=secret)
    assert id_ == _id(data)
    assert store.get(id_) == data
    assert store.has(id_)


@pytest.mark.parametrize("size", SIZES)
def test_a_stream_comes_back_in_pieces_of_at_most_a_mebibyte(store, size):
    data = os.urandom(size)
    stored = store.put_stream(data[at : at + 70_000] for at in range(0, size, 70_000))
    assert (stored.id, stored.size) == (_id(data), size)
    pieces = list(store.stream(stored.id))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= MIB


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=300), st.booleans()), max_size=12))
def test_any_batch_comes_back_to_another_reader(store, root, keys, items):
    with store.batch() as batch:
        ids = [batch.put(data, secret=secret) for data, secret in items]
        assert [batch.get(id_) for id_ in ids] == [data for data, _ in items]
    assert [Store(root, keys).get(id_) for id_ in ids] == [data for data, _ in items]


def test_a_batch_of_all_sizes(store, root, keys):
    contents = [os.urandom(size) for size in SIZES]
    with store.batch() as batch:
        ids = [batch.put_stream([data]).id for data in contents]
        assert all(batch.has(id_) for id_ in ids)
        assert [batch.get(id_) for id_ in ids] == contents
    assert [Store(root, keys).get(id_) for id_ in ids] == contents


def test_small_objects_share_a_file(store, root):
    before = len(_files(root))
    with store.batch() as batch:
        for number in range(500):
            batch.put(str(number).encode())
    assert len(_files(root)) == before + 1


def test_secret_objects_are_never_packed(store, root):
    with store.batch() as batch:
        batch.put(b"password", secret=True)
    assert not list((root / "packs").iterdir())
    assert len(_files(root / "secret")) == 1


def test_a_full_pack_is_followed_by_another(store, root, monkeypatch):
    monkeypatch.setattr("replication.objects.batch.PACK_SIZE", 10_000)
    contents = [os.urandom(4000) for _ in range(12)]
    with store.batch() as batch:
        ids = [batch.put(data) for data in contents]
    assert len(list((root / "packs").iterdir())) == 4
    assert [store.get(id_) for id_ in ids] == contents


def test_a_batch_that_fails_leaves_nothing(store, root):
    before = _files(root)

    def break_off():
        with store.batch() as batch:
            batch.put(b"small")
            batch.put(os.urandom(MIB), secret=True)
            batch.put_stream(os.urandom(MIB) for _ in range(3))
            raise RuntimeError("the node went away")

    with pytest.raises(RuntimeError, match="went away"):
        break_off()
    assert _files(root) == before
    assert not store.has(_id(b"small"))


@pytest.mark.parametrize("before", [0, 5])
def test_a_stream_that_breaks_leaves_nothing(store, root, before):
    def chunks():
        for _ in range(before):
            yield os.urandom(MIB)
        raise ConnectionError("gone")

    files = _files(root)
    with pytest.raises(ConnectionError):
        store.put_stream(chunks())
    assert _files(root) == files


def test_putting_again_writes_nothing(store, root):
    contents = [b"small", os.urandom(100_000), os.urandom(3 * MIB)]
    for secret in (False, True):
        for data in contents:
            store.put(data, secret=secret)
    before = {path: path.stat().st_ino for path in _files(root)}
    for secret in (False, True):
        for data in contents:
            store.put(data, secret=secret)
            store.put_stream([data], secret=secret)
    with store.batch() as batch:
        for data in contents:
            batch.put(data)
            batch.put(data)
    assert {path: path.stat().st_ino for path in _files(root)} == before


def test_one_batch_holds_equal_content_once(store, root):
    large = os.urandom(2 * MIB)
    with store.batch() as batch:
        for _ in range(3):
            batch.put(b"small")
            batch.put_stream([large])
    assert len(_files(root / "packs")) == len(_files(root / "loose")) == 1


def test_what_is_not_there_is_missing(store):
    assert not store.has(_id(b"x"))
    with pytest.raises(ObjectMissing, match="is not in the store"):
        store.get(_id(b"x"))


@pytest.mark.parametrize("id_", ["", "../../etc/passwd", "A" * 64, "g" * 64, "0" * 63, "0" * 64 + "\n"])
def test_what_is_no_id_is_refused(store, id_):
    with pytest.raises(ValueError, match="no object id"):
        store.get(id_)


def test_text_shrinks_and_noise_grows_little(store, root):
    store.put(_text(MIB))
    assert sum(path.stat().st_size for path in _files(root / "loose")) < MIB / 20
    noise = 20 * MIB
    store.put_stream(os.urandom(MIB) for _ in range(20))
    assert sum(path.stat().st_size for path in _files(root)) < noise + MIB / 20 + 10_000


CANARY = b"Pa55-canary-7f3e-of-Userlist"


def test_nothing_on_disk_tells_the_content(store, root):
    small, large = CANARY * 3, CANARY + os.urandom(2 * MIB) + CANARY
    for secret in (False, True):
        store.put(small, secret=secret)
        store.put(large, secret=secret)
    with store.batch() as batch:
        batch.put(b"packed" + CANARY)
        # while it is being written, too
        batch.put(large + b"2")
        seen = b"".join(path.read_bytes() for path in _files(root))
    seen += b"".join(path.read_bytes() for path in _files(root))
    names = " ".join(str(path) for path in _files(root))
    assert CANARY not in seen
    assert zlib.compress(small, 1) not in seen
    for data in (small, large, b"packed" + CANARY):
        assert _id(data) not in names
        assert _id(data).encode() not in seen
        assert bytes.fromhex(_id(data)) not in seen


def test_only_the_owner_may_look(store, root):
    store.put(b"x")
    with store.batch() as batch:
        batch.put(b"y")
    assert {stat.S_IMODE(path.stat().st_mode) for path in _files(root)} == {0o600}
    folders = [root, *(path for path in root.rglob("*") if path.is_dir())]
    assert {stat.S_IMODE(path.stat().st_mode) for path in folders} == {0o700}


def test_memory_stays_flat(store):
    block = os.urandom(MIB)
    tracemalloc.start()
    stored = store.put_stream(block for _ in range(64))
    total = sum(len(piece) for piece in store.stream(stored.id))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert stored.size == total == 64 * MIB
    assert peak < 12 * MIB


def test_one_huge_chunk_is_not_quadratic(store):
    data = os.urandom(MIB) * 48
    started = time.process_time()  # of this process: others do not count
    assert store.put_stream([data]).size == len(data)
    assert time.process_time() - started < 20


def test_a_store_without_its_name_key_is_not_silently_renewed(store, root, keys):
    store.put(b"x")
    (root / "names.key").unlink()
    with pytest.raises(StoreUnusable, match=r"names\.key is gone\. Restore it"):
        Store(root, keys)


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path, keys):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusable, match="cannot be written"):
        Store(tmp_path / "file" / "objects", keys)


def test_a_full_disk_is_a_sentence_and_leaves_nothing(store, root, monkeypatch):
    before = _files(root)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreUnusable, match="No space left on device"):
        store.put(b"x")
    with pytest.raises(StoreUnusable, match="No space left on device"), store.batch() as batch:
        batch.put(b"x")
    assert _files(root) == before


def test_the_default_store_lies_in_the_data_folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    id_ = default_store().put(b"x")
    assert default_store() is default_store()
    assert (tmp_path / "objects" / "names.key").is_file()
    assert default_store().get(id_) == b"x"
