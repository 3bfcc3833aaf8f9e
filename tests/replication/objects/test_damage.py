"""Damage of every sort: always ObjectDamaged with a sentence, never wrong bytes."""

from __future__ import annotations

import hashlib
import os
import shutil
import struct

import pytest

from replication.objects import KeyNotHeld, ObjectDamaged, Store
from replication.objects.sealing import HEAD_SIZE, LARGEST

MIB = 1024 * 1024
SENTENCE = r"^The stored object .* is damaged: .*\. Restore the object store from its backup\.$"


def _frames(data: bytes) -> list[bytes]:
    """A sealed object's chunks, each with its length."""
    frames = []
    at = HEAD_SIZE
    while at < len(data):
        length = 4 + (struct.unpack(">I", data[at : at + 4])[0] & ~(1 << 31))
        frames.append(data[at : at + length])
        at += length
    return frames


def _loose(root, area="loose"):
    [path] = (root / area).glob("*/*")
    return path


def _refuses(store, id_, data):
    """Neither get nor stream hands out bytes that are not a beginning of the content; both end in the sentence."""
    with pytest.raises(ObjectDamaged, match=SENTENCE):
        store.get(id_)
    given = b""
    with pytest.raises(ObjectDamaged, match=SENTENCE):
        for piece in store.stream(id_):
            given += piece
            assert data.startswith(given)


@pytest.fixture
def large(store, root):
    data = os.urandom(3 * MIB + 100)
    return store.put(data), data, _loose(root)


def _cuts(size):
    return [0, 1, 4, 5, HEAD_SIZE - 1, HEAD_SIZE, HEAD_SIZE + 3, HEAD_SIZE + 4, size // 2, size - 17, size - 1]


def test_cut_off_anywhere(store, large):
    id_, data, path = large
    whole = path.read_bytes()
    for cut in _cuts(len(whole)):
        path.write_bytes(whole[:cut])
        _refuses(store, id_, data)


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_cut_off_between_chunks(store, large, kept):
    id_, data, path = large
    whole = path.read_bytes()
    path.write_bytes(whole[:HEAD_SIZE] + b"".join(_frames(whole)[:kept]))
    _refuses(store, id_, data)


def _remarked(frame: bytes) -> bytes:
    return struct.pack(">I", struct.unpack(">I", frame[:4])[0] ^ (1 << 31)) + frame[4:]


MIXED = {
    "reordered": lambda a, b, c, d: [b, a, c, d],
    "repeated": lambda a, b, c, d: [a, a, b, c, d],
    "left out": lambda a, b, c, d: [a, c, d],
    "final one first": lambda a, b, c, d: [d],
    "an earlier one marked final": lambda a, b, c, d: [a, _remarked(b)],
    "final mark removed": lambda a, b, c, d: [a, b, c, _remarked(d)],
    "final one twice": lambda a, b, c, d: [a, b, c, d, d],
    "something behind": lambda a, b, c, d: [a, b, c, d, b"x"],
    "an impossible length": lambda a, b, c, d: [struct.pack(">I", LARGEST + 1) + a[4:], b, c, d],
    "an empty chunk": lambda a, b, c, d: [struct.pack(">I", 0), a, b, c, d],
}


@pytest.mark.parametrize("mix", MIXED.values(), ids=MIXED)
def test_chunks_mixed_up(store, large, mix):
    id_, data, path = large
    whole = path.read_bytes()
    path.write_bytes(whole[:HEAD_SIZE] + b"".join(mix(*_frames(whole))))
    _refuses(store, id_, data)


def test_every_bit_of_a_small_object(store, root):
    data = b"HostName=mail.example.com\r\n" * 2
    id_ = store.put(data)
    path = _loose(root)
    whole = path.read_bytes()
    for bit in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << (bit % 8)
        path.write_bytes(changed)
        _refuses(store, id_, data)
    path.write_bytes(whole)
    assert store.get(id_) == data


def test_bits_of_a_large_object(store, large):
    id_, data, path = large
    whole = path.read_bytes()
    for at in range(0, len(whole), 199_999):
        changed = bytearray(whole)
        changed[at] ^= 0x10
        path.write_bytes(changed)
        _refuses(store, id_, data)


def test_swapped_objects(store, root):
    one, two = os.urandom(500), os.urandom(500)
    id_one = store.put(one)
    path_one = _loose(root)
    id_two = store.put(two)
    [path_two] = [path for path in (root / "loose").glob("*/*") if path != path_one]
    sealed_one, sealed_two = path_one.read_bytes(), path_two.read_bytes()
    path_one.write_bytes(sealed_two)
    path_two.write_bytes(sealed_one)
    _refuses(store, id_one, one)
    _refuses(store, id_two, two)
    # one's head over two's chunks
    path_one.write_bytes(sealed_one[:HEAD_SIZE] + sealed_two[HEAD_SIZE:])
    _refuses(store, id_one, one)


def test_an_object_of_another_store(store, root, tmp_path, keys):
    data = os.urandom(500)
    id_ = store.put(data)
    other = Store(tmp_path / "other", keys)
    other.put(data)
    shutil.copyfile(_loose(tmp_path / "other"), _loose(root))
    _refuses(store, id_, data)


def test_another_key_file(store, root, keys):
    data = b"x"
    id_ = store.put(data)
    keys.rotate()
    keys.forget_old()
    with pytest.raises(KeyNotHeld, match="the key file does not hold the key"):
        store.get(id_)
    with pytest.raises(KeyNotHeld, match=r"names\.key"):
        Store(root, keys)


def test_a_damaged_name_key(store, root, keys):
    store.put(b"x")
    path = root / "names.key"
    whole = path.read_bytes()
    for changed in (b"", whole[:-1], whole + b"x", whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(changed)
        with pytest.raises(ObjectDamaged, match=r"names\.key is damaged"):
            Store(root, keys)


@pytest.fixture
def packed(store, root):
    contents = [os.urandom(50 + number) for number in range(20)]
    with store.batch() as batch:
        ids = [batch.put(data) for data in contents]
    [pack] = (root / "packs").iterdir()
    return dict(zip(ids, contents, strict=True)), pack


def _never_wrong(reader, contents):
    """Each object comes back right or is refused; answers how many were refused."""
    refused = 0
    for id_, data in contents.items():
        try:
            assert reader.get(id_) == data
        except ObjectDamaged:
            refused += 1
    return refused


def test_every_byte_of_a_pack(root, keys, packed):
    contents, pack = packed
    whole = pack.read_bytes()
    for at in range(5, len(whole), 3):
        changed = bytearray(whole)
        changed[at] ^= 0x01
        pack.write_bytes(changed)
        refused = _never_wrong(Store(root, keys), contents)
        # one object, or (in index or foot) all of them
        assert refused in (1, len(contents))


def test_a_pack_cut_off(store, root, keys, packed):
    contents, pack = packed
    whole = pack.read_bytes()
    assert store.get(next(iter(contents)))
    for cut in (0, 10, len(whole) // 2, len(whole) - 1):
        pack.write_bytes(whole[:cut])
        assert _never_wrong(Store(root, keys), contents) == len(contents)
        # a reader that knew the index before
        _never_wrong(store, contents)


def test_a_pack_whose_index_lies(root, keys, packed):
    contents, pack = packed
    whole = pack.read_bytes()
    start, rows = struct.unpack(">QI", whole[-48:-36])
    index = bytearray(whole[start : start + rows * 44])
    # the first two names change places
    index[0:32], index[44:76] = index[44:76], index[0:32]
    foot = struct.pack(">QI32s4s", start, rows, hashlib.sha256(index).digest(), b"CPOP")
    pack.write_bytes(whole[:start] + index + foot)
    assert _never_wrong(Store(root, keys), contents) == 2


def test_putting_again_heals_an_unreadable_pack(root, keys, packed):
    contents, pack = packed
    pack.write_bytes(pack.read_bytes()[:-1])
    store = Store(root, keys)
    id_, data = next(iter(contents.items()))
    assert not store.has(id_)
    store.put(data)
    assert store.get(id_) == data


def test_check_finds_each_and_counts_the_rest(store, root, keys, packed):
    contents, pack = packed
    good, secret = store.put(os.urandom(2 * MIB)), store.put(b"secret", secret=True)
    report = store.check()
    assert report.damaged == ()
    assert report.objects == len(contents) + 2
    assert report.bytes == sum(map(len, contents.values())) + 2 * MIB + 6
    path = _loose(root, "secret")
    path.write_bytes(path.read_bytes()[:-1])
    whole = bytearray(pack.read_bytes())
    whole[100] ^= 1
    pack.write_bytes(whole)
    report = Store(root, keys).check()
    assert report.objects == len(contents)
    assert len(report.damaged) == 2
    assert all(sentence.startswith("The stored object") for sentence in report.damaged)
    assert store.get(good)
    with pytest.raises(ObjectDamaged):
        store.get(secret)
