"""Damage of every sort: always ObjectDamaged with a sentence, never wrong bytes; and putting again mends it."""

from __future__ import annotations

import os

import pytest

from replication.objects import KeyNotHeld, ObjectDamaged, ObjectMissing, Store
from replication.objects.models import ContentPart, NameKey, StoredContent
from replication.objects.sealing import FIXED

MIB = 1024 * 1024
SENTENCE = r"^The stored object .* is damaged: .*\.$"


def _refuses(store, id_, data):
    """What is read is a beginning of the content and ends in the sentence; then it is gone, until it is put again."""
    before = {row.pk: row for row in StoredContent.objects.all()}
    given = b""
    with pytest.raises(ObjectDamaged, match=SENTENCE):
        for piece in store.stream(id_):
            given += piece
            assert data.startswith(given)
    assert not store.has(id_)
    with pytest.raises(ObjectMissing):
        store.get(id_)
    for row in StoredContent.objects.all():
        row.name = before[row.pk].name
        row.save()


def _heals(store, id_, data):
    with pytest.raises(ObjectDamaged):
        store.get(id_)
    assert store.put(data) == id_
    assert store.get(id_) == data


@pytest.fixture
def large(store):
    data = os.urandom(3 * MIB + 100)
    return store.put(data), data


def _parts(id_="") -> list[ContentPart]:
    return list(ContentPart.objects.order_by("content", "number"))


def _set(part: ContentPart, data: bytes) -> None:
    ContentPart.objects.filter(pk=part.pk).update(data=data)


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_a_part_cut_off_anywhere(store, large, number):
    id_, data = large
    part = _parts()[number]
    for cut in (0, 1, 15, 16, len(part.data) // 2, len(part.data) - 1):
        _set(part, bytes(part.data)[:cut])
        _refuses(store, id_, data)
    _set(part, bytes(part.data) + b"x")
    _refuses(store, id_, data)


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_parts_missing_at_the_end(store, large, kept):
    id_, data = large
    ContentPart.objects.filter(number__gte=kept).delete()
    _refuses(store, id_, data)
    # nor where the row was made to fit
    StoredContent.objects.update(size=kept * MIB)
    _refuses(store, id_, data)


MIXED = {
    "reordered": (1, 0, 2, 3),
    "repeated": (0, 0, 1, 2),
    "one left out": (0, 2, 3),
    "final one first": (3, 0, 1, 2),
    "final one twice": (0, 1, 3, 3),
}


@pytest.mark.parametrize("order", MIXED.values(), ids=MIXED)
def test_parts_mixed_up(store, large, order):
    id_, data = large
    parts = _parts()
    contents = [bytes(parts[number].data) for number in order]
    for part, content in zip(parts, contents, strict=False):
        _set(part, content)
    StoredContent.objects.update(size=(len(order) - 1) * MIB + 100)
    _refuses(store, id_, data)


def test_another_size(store, large):
    id_, data = large
    for size in (0, MIB, 3 * MIB, 5 * MIB):
        StoredContent.objects.update(size=size)
        _refuses(store, id_, data)


def test_every_bit_of_a_small_object(store):
    data = b"HostName=mail.example.com\r\n" * 2
    id_ = store.put(data)
    [part], row = _parts(), StoredContent.objects.get()
    whole = bytes(part.data)
    for bit in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << (bit % 8)
        _set(part, bytes(changed))
        _refuses(store, id_, data)
    _set(part, whole)
    for bit in range(len(row.head) * 8):
        changed = bytearray(row.head)
        changed[bit // 8] ^= 1 << (bit % 8)
        StoredContent.objects.update(head=bytes(changed))
        if FIXED <= bit // 8 < FIXED + 8:
            with pytest.raises(KeyNotHeld):
                store.get(id_)
        else:
            _refuses(store, id_, data)
    StoredContent.objects.update(head=row.head)
    assert store.get(id_) == data


def test_bits_of_a_large_object(store, large):
    id_, data = large
    for part in _parts():
        for at in range(0, len(part.data), 199_999):
            changed = bytearray(part.data)
            changed[at] ^= 0x10
            _set(part, bytes(changed))
            _refuses(store, id_, data)
        _set(part, bytes(part.data))
    assert store.get(id_) == data


def test_exchanged_objects(store):
    one, two = os.urandom(500), os.urandom(500)
    id_one, id_two = store.put(one), store.put(two)
    first, second = StoredContent.objects.order_by("pk")
    # one's row over two's part, and the other way round
    StoredContent.objects.filter(pk=first.pk).update(head=second.head)
    _refuses(store, id_one, one)
    StoredContent.objects.filter(pk=first.pk).update(head=first.head)
    StoredContent.objects.update(name=None)
    StoredContent.objects.filter(pk=first.pk).update(name=second.name)
    StoredContent.objects.filter(pk=second.pk).update(name=first.name)
    _refuses(store, id_one, one)
    _refuses(store, id_two, two)


def test_an_object_of_another_store(store, keys):
    data = os.urandom(500)
    other = Store(keys)
    other.put(data)
    foreign_part, foreign = ContentPart.objects.get(), StoredContent.objects.get()
    StoredContent.objects.all().delete()
    NameKey.objects.all().delete()
    id_ = store.put(data)
    _set(_parts()[0], bytes(foreign_part.data))
    _refuses(store, id_, data)
    StoredContent.objects.update(head=foreign.head)
    _refuses(store, id_, data)


def test_another_key_file(store, keys):
    id_ = store.put(b"x")
    keys.rotate()
    keys.forget_old()
    for reader in (store, Store(keys)):
        for ask in (lambda: reader.get(id_), lambda: reader.has(id_), lambda: reader.put(b"x")):  # noqa: B023
            with pytest.raises(KeyNotHeld, match="the key file does not hold the key"):
                ask()
    assert StoredContent.objects.get().name, "it is another key file's, and no damage"


def test_a_damaged_name_key(store, keys):
    store.put(b"x")
    whole = bytes(NameKey.objects.get().wrapped)
    for changed in (b"", whole[:-1], whole + b"x", whole[:-1] + bytes([whole[-1] ^ 1])):
        NameKey.objects.update(wrapped=changed)
        with pytest.raises(ObjectDamaged, match="name key is damaged"):
            Store(keys).put(b"x")


@pytest.mark.parametrize("size", [100, 3 * MIB])
def test_putting_again_mends_what_was_found_damaged(store, size):
    data = os.urandom(size)
    id_ = store.put(data)
    part = _parts()[-1]
    _set(part, bytes(part.data)[:-1])
    _heals(store, id_, data)


@pytest.mark.parametrize("size", [100, 3 * MIB])
def test_who_puts_what_is_damaged_need_not_know_that(store, size):
    data = os.urandom(size)
    id_ = store.put(data)
    part = _parts()[-1]
    _set(part, bytes(part.data)[:-1])
    assert store.put(data) == id_
    assert store.get(id_) == data
    ContentPart.objects.filter(content__name__isnull=False).delete()
    store.put(data)
    assert store.get(id_) == data


@pytest.mark.parametrize("size", [100, 3 * MIB])
@pytest.mark.parametrize("at", [0, FIXED, -1], ids=["version", "key's name", "key"])
def test_a_head_that_does_not_open_is_nothing_stored(store, size, at):
    data = os.urandom(size)
    id_ = store.put(data)
    head = bytearray(StoredContent.objects.get().head)
    head[at] ^= 1
    StoredContent.objects.update(head=bytes(head))
    assert not store.has(id_)
    store.put_stream([data])
    assert store.get(id_) == data


def test_check_finds_each_and_counts_the_rest(store):
    contents = [os.urandom(50 + number) for number in range(20)]
    with store.batch() as batch:
        ids = [batch.put(data) for data in contents]
    good, secret = store.put(os.urandom(2 * MIB)), store.put(b"secret", secret=True)
    report = store.check()
    assert report.damaged == ()
    assert report.objects == len(contents) + 2
    assert report.bytes == sum(map(len, contents)) + 2 * MIB + 6
    part = ContentPart.objects.get(content__secret=True)
    _set(part, bytes(part.data)[:-1])
    StoredContent.objects.filter(size=50).update(head=b"torn")
    report = store.check()
    assert report.objects == len(contents)
    assert len(report.damaged) == 2
    assert all(sentence.startswith("The stored object") for sentence in report.damaged)
    assert store.get(good)
    for id_ in (secret, ids[0]):
        with pytest.raises(ObjectDamaged):
            store.get(id_)
