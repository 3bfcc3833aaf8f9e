"""A backup file is believed only where a key of ours sealed it, and nothing is read of it that no backup has."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st

from replication.backup import archive
from replication.backup.archive import MANIFEST, ArchiveManifest, BadArchive, key_name, opened, write_archive
from replication.backup.tar import BLOCK, members_of

KEY, OTHER = Fernet.generate_key(), Fernet.generate_key()
NAME = "database/portal.sqlite3"
CONTENT = b"SQLite format 3\0" + bytes(range(256)) * 20
Members = list[tuple[tarfile.TarInfo, bytes]]


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    source = tmp_path / "copy"
    source.write_bytes(CONTENT)
    describe = ArchiveManifest("2026-11-30T12:00:00+00:00", "sqlite", {"nodes": "0001"}, (key_name(KEY),), {})
    write_archive(tmp_path / "backup", [(NAME, source)], describe, key=KEY)
    return tmp_path / "backup"


def read(path: Path, *keys: bytes, unsealed: bool = False) -> dict[str, bytes]:
    """What would be put in place."""
    into = path.with_name("into")
    with opened(path, keys or (KEY,), unsealed=unsealed) as found:
        found.extract(into)
    return {str(one.relative_to(into)): one.read_bytes() for one in into.rglob("*") if one.is_file()}


def taken_apart(path: Path) -> Members:
    with tarfile.open(path) as tar:
        return [(entry, tar.extractfile(entry).read()) for entry in tar]  # type: ignore[union-attr]


def put_together(path: Path, members: Members) -> Path:
    with tarfile.open(path, "w", format=tarfile.GNU_FORMAT) as tar:
        for entry, data in members:
            entry.size = len(data) if entry.isreg() else 0
            tar.addfile(entry, io.BytesIO(data))
    return path


def changed(path: Path, **contents: bytes) -> Path:
    """The backup with other contents for members by the endings of their names."""
    members = taken_apart(path)
    return put_together(path, [(one, contents.get(one.name.rpartition(".")[2], data)) for one, data in members])


def test_what_was_written_is_read(backup: Path) -> None:
    assert read(backup, OTHER, KEY) == {NAME: CONTENT}


def test_a_key_that_did_not_seal_it_opens_nothing(backup: Path) -> None:
    with pytest.raises(BadArchive, match="--keys"):
        read(backup, OTHER)


def rehashed(path: Path, content: bytes) -> bytes:
    """The manifest as somebody without a key would make it fit other content."""
    manifest = json.loads(next(data for one, data in taken_apart(path) if one.name == MANIFEST))
    manifest["members"][NAME] = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)}
    return json.dumps(manifest).encode()


def test_content_and_manifest_that_were_changed_together(backup: Path) -> None:
    evil = b"evil" + CONTENT
    with pytest.raises(BadArchive, match="its seal is not that of its manifest"):
        read(changed(backup, sqlite3=evil, json=rehashed(backup, evil)))


def test_a_seal_of_another_portal(backup: Path) -> None:
    manifest = rehashed(backup, CONTENT[1:])
    seal = f"{key_name(OTHER)} {archive._seal(OTHER, manifest)}\n".encode()
    with pytest.raises(BadArchive, match="do not hold the one that sealed"):
        read(changed(backup, sqlite3=CONTENT[1:], json=manifest, seal=seal))
    named = f"{key_name(KEY)} {archive._seal(OTHER, manifest)}\n".encode()
    with pytest.raises(BadArchive, match="was changed"):
        read(changed(backup, seal=named))


@pytest.mark.parametrize("seal", [b"", b"x", b"0" * 1024, b"0" * 1025, b"\xff" * 82])
def test_a_seal_that_is_none(backup: Path, seal: bytes) -> None:
    with pytest.raises(BadArchive, match="seal"):
        read(changed(backup, seal=seal))


def test_a_member_of_the_same_size_that_was_exchanged(backup: Path) -> None:
    with pytest.raises(BadArchive, match="damaged"):
        read(changed(backup, sqlite3=CONTENT[::-1]))


def test_a_member_of_another_size_is_refused_before_anything_is_written(backup: Path) -> None:
    with pytest.raises(BadArchive, match="damaged"):
        read(changed(backup, sqlite3=CONTENT + b"x"))
    assert not backup.with_name("into").exists()


def entry(name: str, kind: bytes = tarfile.REGTYPE, **fields: object) -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type = kind
    for field, value in fields.items():
        setattr(made, field, value)
    return made


FOREIGN = {
    "one more": (entry("database/other"), b"x"),
    "the same twice": (entry(NAME), CONTENT),
    "another manifest": (entry(MANIFEST), b"{}"),
    "above": (entry("../evil"), b"x"),
    "from the root": (entry("/etc/evil"), b"x"),
    "link": (entry("database/link", tarfile.SYMTYPE, linkname="/etc"), b""),
    "hard link": (entry("database/link", tarfile.LNKTYPE, linkname="/etc/passwd"), b""),
    "folder": (entry("database", tarfile.DIRTYPE), b""),
    "device": (entry("database/null", tarfile.CHRTYPE), b""),
    "pipe": (entry("database/pipe", tarfile.FIFOTYPE), b""),
    "sparse": (entry("database/sparse", tarfile.GNUTYPE_SPARSE), b""),
    "long name": (entry("database/" + "x" * 300), b"x"),
    "name with another behind it": (entry("database/a\0b"), b"x"),
    "no letters": (entry("database/\u00e9"), b"x"),
}


@pytest.mark.parametrize("member", FOREIGN.values(), ids=FOREIGN)
@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
def test_a_member_that_no_backup_has(backup: Path, member: tuple[tarfile.TarInfo, bytes], first: bool) -> None:
    members = taken_apart(backup)
    put_together(backup, [member, *members] if first else [*members, member])
    with pytest.raises(BadArchive):
        read(backup)
    assert not backup.with_name("into").exists()


def test_more_members_than_any_backup_has(backup: Path) -> None:
    put_together(backup, [*taken_apart(backup), *((entry(f"database/m{number}"), b"") for number in range(20))])
    with pytest.raises(BadArchive, match="more than any backup"):
        read(backup)


@pytest.mark.parametrize("length", [0, 100, BLOCK, BLOCK + 1, 3 * BLOCK, 5 * BLOCK, 12 * BLOCK])
def test_a_part_of_a_backup(backup: Path, length: int) -> None:
    backup.write_bytes(backup.read_bytes()[:length])
    with pytest.raises(BadArchive):
        read(backup)


def test_what_follows_its_end(backup: Path) -> None:
    backup.write_bytes(backup.read_bytes() + b"\0" * 40_000)
    with pytest.raises(BadArchive, match="goes on after its end"):
        read(backup)


@pytest.mark.parametrize("said", [b"77777777777\0", b"\x80" + b"\xff" * 11, b"\xff" * 12, b"-0000000001\0", b"\0" * 12])
def test_a_size_that_cannot_be(backup: Path, said: bytes) -> None:
    data = bytearray(backup.read_bytes())
    data[124:136] = said
    data[148:156] = b" " * 8
    data[148:156] = f"{sum(data[:BLOCK]):06o}\0 ".encode()
    backup.write_bytes(data)
    with pytest.raises(BadArchive):
        read(backup)


@given(place=st.integers(0, 20 * BLOCK), bit=st.integers(0, 7))
def test_a_bit_that_was_flipped_anywhere_changes_nothing_or_is_found(sealed: bytes, place: int, bit: int) -> None:
    data = bytearray(sealed)
    data[place % len(data)] ^= 1 << bit
    assert _read(bytes(data)) in (None, {NAME: CONTENT})


@given(st.binary(max_size=2000))
def test_any_bytes_are_a_backup_or_are_refused(data: bytes) -> None:
    with suppress(BadArchive):
        members_of(io.BytesIO(data))


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("sealed")
    (folder / "copy").write_bytes(CONTENT)
    describe = ArchiveManifest("", "sqlite", {}, (), {})
    write_archive(folder / "backup", [(NAME, folder / "copy")], describe, key=KEY)
    return (folder / "backup").read_bytes()


def _read(data: bytes) -> dict[str, bytes] | None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "backup")
        path.write_bytes(data)
        try:
            return read(path)
        except BadArchive:
            return None


# --- manifests ---


def unsealed(path: Path, manifest: bytes, *members: tuple[str, bytes]) -> Path:
    return put_together(path, [(entry(name), data) for name, data in ((MANIFEST, manifest), *members)])


EMPTY = {"made_at": "", "engine": "", "migrations": {}, "keys": [], "members": {}}


@pytest.mark.parametrize(
    ("manifest", "word"),
    [
        ({"made_at": 5}, r"Expected `str`, got `int` - at `\$\.made_at`"),
        ({"made_at": "", "engine": ""}, "missing required field `migrations`"),
        (EMPTY | {"keys": [1]}, r"at `\$\.keys\[0\]`"),
        ([], "Expected `object`"),
        (EMPTY | {"format": 1}, "has format 1, and this version reads 3 only"),
        (EMPTY | {"format": 4}, "has format 4"),
        (EMPTY | {"members": {NAME: "x"}}, r"Expected `object`, got `str`"),
        (EMPTY | {"members": {"../evil": {"sha256": "", "size": 0}}}, "no backup of this portal"),
        (EMPTY | {"members": {NAME: {"sha256": "", "size": 7}}}, "damaged"),
        (EMPTY | {"engine": "sq\u001b[2Jlite"}, "texts that no backup"),
        (EMPTY | {"keys": ["x" * 201]}, "texts that no backup"),
    ],
)
def test_a_manifest_that_no_backup_has_is_refused_by_its_place(tmp_path: Path, manifest: object, word: str) -> None:
    path = unsealed(tmp_path / "backup", json.dumps(manifest).encode())
    with pytest.raises(BadArchive, match="has no seal"):
        read(path)
    with pytest.raises(BadArchive, match=word):
        read(path, unsealed=True)


@pytest.mark.parametrize("manifest", [b"{", b"", b"\xff", b'{"a":' + b"[" * 100_000, b" " * (1 << 20) + b"{}"])
def test_a_manifest_that_is_none(tmp_path: Path, manifest: bytes) -> None:
    with pytest.raises(BadArchive):
        read(unsealed(tmp_path / "backup", manifest), unsealed=True)


def test_a_backup_of_a_version_without_seals_is_read_where_somebody_says_so(tmp_path: Path) -> None:
    """It was written with headers of notes, which are passed over."""
    copy, path = tmp_path / "copy", tmp_path / "backup"
    copy.write_bytes(CONTENT)
    hashes = {NAME: hashlib.sha256(CONTENT).hexdigest()}
    manifest = json.dumps(EMPTY | {"members": hashes, "format": 2}).encode()
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(copy, NAME)
        last = entry(MANIFEST)
        last.size = len(manifest)
        tar.addfile(last, io.BytesIO(manifest))
    with pytest.raises(BadArchive, match="--unsealed"):
        read(path)
    assert read(path, unsealed=True) == {NAME: CONTENT}


def test_a_wrong_seal_is_refused_whatever_somebody_says(backup: Path) -> None:
    with pytest.raises(BadArchive, match="was changed"):
        read(changed(backup, json=rehashed(backup, CONTENT[1:])), unsealed=True)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(EMPTY)) | st.text(), inner),
    max_leaves=12,
)


@given(JSON | st.fixed_dictionaries(dict.fromkeys(EMPTY, JSON), optional={"format": st.sampled_from([2, 3])}))
@settings(max_examples=25)
def test_any_manifest_is_one_or_is_refused(manifest: object) -> None:
    for data in (json.dumps(manifest).encode(), repr(manifest).encode("utf-8", "surrogatepass")):
        try:
            found = archive._parse(data, {})
        except BadArchive:
            continue
        assert isinstance(found, ArchiveManifest)
        assert all(name.startswith("database/") and ".." not in name.split("/") for name in found.members)
