"""Putting and getting: every size, once and again, alone and in batches."""

from __future__ import annotations

import hashlib
import os
import time
import tracemalloc
import zlib

import pytest
from django.db import connection, transaction
from django.db.models.functions import Length
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nodes.leases.clock import later
from replication.objects import ObjectMissing, Store, StoreUnusable, default_store, rows
from replication.objects import batch as batches
from replication.objects.models import ContentPart, NameKey, StoredContent
from replication.objects.rows import FRESH_SECONDS

MIB = 1024 * 1024
SIZES = [0, 1, 1000, 64 * 1024, MIB - 1, MIB, MIB + 1, 3 * MIB, 3 * MIB + 7]


def _text(size: int) -> bytes:
    return (b"[Domain]\r\nHostName=mail.example.com\r\n" * (size // 37 + 1))[:size]


def _id(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _rows() -> set[int]:
    return {*StoredContent.objects.values_list("pk", flat=True), *ContentPart.objects.values_list("content", flat=True)}


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
def test_any_batch_comes_back_to_another_reader(store, keys, items):
    with store.batch() as batch:
        ids = [batch.put(data, secret=secret) for data, secret in items]
        assert [batch.get(id_) for id_ in ids] == [data for data, _ in items]
    assert [Store(keys).get(id_) for id_ in ids] == [data for data, _ in items]


def test_a_batch_of_all_sizes(store, keys):
    contents = [os.urandom(size) for size in SIZES]
    with store.batch() as batch:
        ids = [batch.put_stream([data]).id for data in contents]
        assert all(batch.has(id_) for id_ in ids)
        assert [batch.get(id_) for id_ in ids] == contents
    assert [Store(keys).get(id_) for id_ in ids] == contents


@pytest.mark.parametrize(
    ("sizes", "together"),
    [([0, 1, 300_000, 5, 900_000, MIB, MIB + 1, 7], [4, 1, 1, 1, 1]), ([20] * 250, [100, 100, 50]), ([], [])],
)
def test_many_are_read_in_turn_and_small_ones_together(store, sizes, together, monkeypatch):
    asked = []
    read = rows.read

    def counted(names):
        asked.append(len(names))
        return read(names)

    monkeypatch.setattr(rows, "read", counted)
    contents = [os.urandom(size) for size in sizes]
    wanted = [(store.put(data), len(data)) for data in contents]
    asked.clear()
    assert [b"".join(pieces) for pieces in store.streams(wanted)] == contents
    assert asked == together


def test_one_that_is_missing_among_many_is_told_in_its_turn(store):
    here = store.put(b"here")
    streams = store.streams([(here, 4), (_id(b"gone"), 4), (here, 4)])
    assert b"".join(next(streams)) == b"here"
    gone = next(streams)
    with pytest.raises(ObjectMissing):
        list(gone)
    assert b"".join(next(streams)) == b"here"


def test_a_batch_is_written_in_short_transactions(store, monkeypatch):
    monkeypatch.setattr(batches, "AT_ONCE", 100)
    monkeypatch.setattr(batches, "BYTES_AT_ONCE", 10_000)
    seen = []
    with store.batch() as many:
        for number in range(250):
            many.put(str(number).encode())
            seen.append(StoredContent.objects.count())
        for _ in range(3):
            many.put(os.urandom(4000))
            seen.append(StoredContent.objects.count())
    assert [seen[98], seen[99], seen[199], seen[251], seen[252]] == [0, 100, 200, 200, 253]


def test_many_are_put_by_few_queries(store, django_assert_max_num_queries):
    store.put(b"the store has its key")
    with django_assert_max_num_queries(20), store.batch() as many:
        store._rows.names.name = bytes.fromhex  # the key is read once where nothing is rolled back
        for number in range(100):
            many.put(str(number).encode())


def test_a_batch_that_fails_stores_nothing_more(store):
    def break_off():
        with store.batch() as batch:
            batch.put(b"small")
            batch.put(os.urandom(MIB), secret=True)
            raise RuntimeError("the node went away")

    with pytest.raises(RuntimeError, match="went away"):
        break_off()
    assert not _rows()
    assert not store.has(_id(b"small"))


@pytest.mark.parametrize("before", [0, 2, 9])
def test_a_stream_that_breaks_leaves_nothing(store, before):
    def chunks():
        for _ in range(before):
            yield os.urandom(MIB)
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        store.put_stream(chunks())
    assert not _rows()


def test_putting_again_writes_nothing(store):
    contents = [b"small", os.urandom(100_000), os.urandom(3 * MIB)]
    for data in contents:
        store.put(data)
    before = list(StoredContent.objects.order_by("pk").values())
    for data in contents:
        store.put(data)
        store.put_stream([data], secret=True)
    with store.batch() as batch:
        for data in contents:
            batch.put(data)
            batch.put(data)
    assert list(StoredContent.objects.order_by("pk").values()) == before
    assert ContentPart.objects.count() == 5


@pytest.mark.parametrize("data", [b"small", b"x" * 2 * MIB])
def test_content_is_secret_while_every_put_of_it_was(store, data):
    store.put(data, secret=True)
    store.put_stream([data], secret=True)
    assert StoredContent.objects.get().secret
    store.put(data)
    assert not StoredContent.objects.get().secret
    store.put(data, secret=True)
    assert not StoredContent.objects.get().secret


@pytest.mark.parametrize("order", [(True, False), (False, True)])
def test_a_batch_puts_the_same_as_secret_and_not(store, order):
    with store.batch() as batch:
        for secret in order:
            batch.put(b"x", secret=secret)
    assert not StoredContent.objects.get().secret


def test_what_is_not_there_is_missing(store):
    assert not store.has(_id(b"x"))
    with pytest.raises(ObjectMissing, match="is not in the store"):
        store.get(_id(b"x"))


@pytest.mark.parametrize("id_", ["", "../../etc/passwd", "A" * 64, "g" * 64, "0" * 63, "0" * 64 + "\n"])
def test_what_is_no_id_is_refused(store, id_):
    with pytest.raises(ValueError, match="no object id"):
        store.get(id_)


def _stored_bytes() -> int:
    return sum(ContentPart.objects.values_list(Length("data"), flat=True))


def test_text_shrinks_and_noise_grows_little(store):
    store.put(_text(MIB))
    assert _stored_bytes() < MIB / 20
    noise = 20 * MIB
    store.put_stream(os.urandom(MIB) for _ in range(20))
    assert _stored_bytes() < noise + MIB / 20 + 10_000


CANARY = b"Pa55-canary-7f3e-of-Userlist"


def test_no_row_tells_the_content(store):
    small, large = CANARY * 3, CANARY + os.urandom(2 * MIB) + CANARY
    for data in (small, large):
        store.put(data, secret=True)
    seen = b"".join(bytes(data) for data in ContentPart.objects.values_list("data", flat=True))
    for name, head in StoredContent.objects.values_list("name", "head"):
        seen += bytes(name or b"") + bytes(head)
    assert CANARY not in seen
    assert zlib.compress(small, 1) not in seen
    for data in (small, large):
        assert _id(data).encode() not in seen
        assert bytes.fromhex(_id(data)) not in seen


def test_memory_stays_flat(store):
    block = os.urandom(MIB)
    tracemalloc.start()
    stored = store.put_stream(block for _ in range(64))
    total = sum(len(piece) for piece in store.stream(stored.id))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert stored.size == total == 64 * MIB
    assert peak < 32 * MIB


def test_one_huge_chunk_is_not_quadratic(store):
    data = os.urandom(MIB) * 48
    started = time.process_time()  # of this process: others do not count
    assert store.put_stream([data]).size == len(data)
    assert time.process_time() - started < 20


def test_what_a_transaction_put_goes_with_it(store):
    store.put(b"before")
    with pytest.raises(RuntimeError), transaction.atomic():
        small, large = store.put(b"small"), store.put(b"x" * 2 * MIB)
        assert store.has(small) and store.get(large)
        raise RuntimeError
    assert not store.has(small)
    assert not store.has(large)
    assert store.get(_id(b"before")) == b"before"


@pytest.mark.django_db(transaction=True)
def test_a_key_that_was_made_in_a_transaction_goes_with_it(keys):
    store = Store(keys)
    with pytest.raises(RuntimeError), transaction.atomic():
        store.put(b"x")
        raise RuntimeError
    assert not NameKey.objects.exists()
    id_ = store.put(b"y")
    assert Store(keys).get(id_) == store.get(id_) == b"y"


@pytest.mark.django_db(transaction=True)
def test_the_key_of_names_is_read_once(keys, django_assert_num_queries):
    store = Store(keys)
    id_ = store.put(b"x")
    with django_assert_num_queries(1):
        store.get(id_)
    with django_assert_num_queries(1):
        store.has(id_)


def test_a_store_without_its_name_key_is_not_silently_renewed(store, keys):
    store.put(b"x")
    NameKey.objects.all().delete()
    with pytest.raises(StoreUnusable, match=r"its name key is gone\. Restore a backup"):
        Store(keys).put(b"y")


@pytest.mark.django_db
def test_there_is_one_store_a_process():
    id_ = default_store().put(b"x")
    assert default_store() is default_store()
    assert default_store().get(id_) == b"x"


def test_what_was_found_a_moment_ago_may_be_trusted(store):
    held, other = store.put(b"held"), store.put(b"other")
    assert store.lacks([held]) == set()
    store.purge([held, other])
    assert store.lacks([held, other], trusted_seconds=600.0) == {other}
    assert store.lacks([held, other]) == {held, other}
    assert store.lacks([held], trusted_seconds=600.0) == {held}
    with pytest.raises(ObjectMissing):
        store.get(held)
    assert store.lacks([held], trusted_seconds=600.0) == {held}  # nobody trusts what was found gone


def test_many_are_asked_for_and_read_at_once_and_kept_young(store):
    held = {store.put(b"%d" % number) for number in range(50)}
    other = store.put(b"damaged")
    StoredContent.objects.update(used_at=later(-2 * FRESH_SECONDS))
    broken = StoredContent.objects.get(name=store._rows.names.name(other))
    ContentPart.objects.filter(content=broken).delete()
    with CaptureQueriesContext(connection) as queries:
        assert store.whole([*held, other, "0" * 64], trusted_seconds=600.0, progress=lambda _: None) == held
    table = StoredContent._meta.db_table
    # found, marked as young (by two), asked for sizes, read, and one given up
    assert sum(table in query["sql"] for query in queries.captured_queries) <= 10
    named = StoredContent.objects.filter(name__isnull=False)
    assert named.count() == named.filter(used_at__gt=later(-FRESH_SECONDS)).count() == 50


def test_what_was_read_a_moment_ago_is_asked_for_but_not_read(store):
    id_, read = store.put(b"held"), list[int]()
    for _ in range(2):
        assert store.whole([id_], trusted_seconds=600.0, progress=read.append) == {id_}
    assert read == [4]
    store.purge([id_])
    assert store.whole([id_], trusted_seconds=600.0, progress=read.append) == set()
