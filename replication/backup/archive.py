"""The backup file: a tar with a manifest, its seal, and the database.

The manifest has hash and size of each member. Its seal is a MAC under a key derived from the newest of the key file, so
that whoever may write backups, but has no key, can put nothing into a portal. Nothing of a file is trusted before.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import os
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import msgspec

from nodes.typed_json import TypedJson
from nodes.vault import master_keys
from replication.backup.tar import BadArchive, Member, members_of

__all__ = ["ArchiveManifest", "BadArchive", "OpenArchive", "key_name", "opened", "private_file", "write_archive"]

FORMAT = 3
UNSEALED_FORMAT = 2
"""Of a version that made no seals; its manifest has hashes alone."""
MANIFEST, SEAL = "manifest.json", "manifest.seal"
MOST_MANIFEST, MOST_SEAL = 1 << 20, 1 << 10
CHUNK = 1 << 20
_MEMBER = re.compile(r"database/[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_SEAL = re.compile(rb"([0-9a-f]{16}) ([0-9a-f]{64})\n")
MOST_TEXT = 200


@dataclass(frozen=True, slots=True)
class Content:
    """What a member must hold: SHA-256 in hex, and bytes."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class ArchiveManifest:
    """What a backup holds. `migrations`: the last one applied of each app. `keys`: the names (not the values) of the
    sealing keys without which it cannot be read. `members`: their contents by name."""

    made_at: str
    engine: str
    migrations: Mapping[str, str]
    keys: tuple[str, ...]
    members: Mapping[str, Content]
    format: int = FORMAT


@dataclass(frozen=True, slots=True)
class _UnsealedManifest:
    made_at: str
    engine: str
    migrations: Mapping[str, str]
    keys: tuple[str, ...]
    members: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Version:
    format: int = FORMAT


_MANIFEST: TypedJson[ArchiveManifest] = TypedJson(ArchiveManifest)
_UNSEALED: TypedJson[_UnsealedManifest] = TypedJson(_UnsealedManifest)
_VERSION: TypedJson[_Version] = TypedJson(_Version)


def key_name(key: bytes) -> str:
    """A name for a sealing key that gives nothing of it away."""
    return hmac.new(key, b"clusterportal backup", hashlib.sha256).hexdigest()[:16]


def private_file(path: Path) -> IO[bytes]:
    """A new file that only its owner may read. Raises FileExistsError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def write_archive(
    target: Path, members: Iterable[tuple[str, Path]], describe: ArchiveManifest, *, key: bytes
) -> ArchiveManifest:
    """Write the backup beside its name, then put it there, readable by its owner only, sealed under `key` of the key
    file. Raises OSError; FileExistsError where the name is taken."""
    beside = target.with_name(f".{target.name}.new")
    beside.unlink(missing_ok=True)  # of a backup that was interrupted
    try:
        with private_file(beside) as sink:
            manifest = _write_members(sink, dict(members), describe, key)
            sink.flush()
            os.fsync(sink.fileno())
        os.link(beside, target)  # unlike a rename, never over another file
    finally:
        beside.unlink(missing_ok=True)
    return manifest


def _write_members(
    sink: IO[bytes], members: Mapping[str, Path], describe: ArchiveManifest, key: bytes
) -> ArchiveManifest:
    manifest = replace(describe, members={name: _content(path) for name, path in members.items()})
    data = msgspec.json.encode(manifest)
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, text in ((MANIFEST, data), (SEAL, f"{key_name(key)} {_seal(key, data)}\n".encode())):
            _add(tar, name, io.BytesIO(text), len(text))
        for name, path in members.items():
            with path.open("rb") as source:
                _add(tar, name, source, manifest.members[name].size)
    return manifest


def _add(tar: tarfile.TarFile, name: str, source: IO[bytes], size: int) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = size, 0o600
    tar.addfile(entry, source)


def _content(path: Path) -> Content:
    with path.open("rb") as source:
        return Content(hashlib.file_digest(source, "sha256").hexdigest(), path.stat().st_size)


def _seal(key: bytes, manifest: bytes) -> str:
    return hmac.digest(master_keys("backup", [key])[0], manifest, "sha256").hex()


@dataclass(frozen=True, slots=True)
class OpenArchive:
    """A backup whose manifest was proven; its members are not yet."""

    manifest: ArchiveManifest
    _source: IO[bytes]
    _members: Mapping[str, Member]

    def extract(self, into: Path) -> None:
        """Write all members beneath `into`, which must not exist, each proven by its hash while it is written. Raises
        OSError, BadArchive; use nothing of what is there then."""
        into.mkdir(mode=0o700)
        for name, content in self.manifest.members.items():
            target = into / name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with private_file(target) as sink:
                digest = hashlib.sha256()
                for piece in _pieces(self._source, self._members[name]):
                    digest.update(piece)
                    sink.write(piece)
                sink.flush()
                os.fsync(sink.fileno())
            if digest.hexdigest() != content.sha256:
                raise BadArchive(f"the backup is damaged: {name} differs from its manifest")


def _pieces(source: IO[bytes], member: Member) -> Iterator[bytes]:
    source.seek(member.start)
    left = member.size
    while left and (piece := source.read(min(left, CHUNK))):
        left -= len(piece)
        yield piece


@contextmanager
def opened(path: Path, keys: Sequence[bytes], *, unsealed: bool = False) -> Iterator[OpenArchive]:
    """A backup that one of these keys sealed; `unsealed`: or that has no seal. Raises OSError, and BadArchive before
    anything of it is used."""
    with path.open("rb") as source:
        members = members_of(source)
        data = _small(source, members, MANIFEST, MOST_MANIFEST)
        if data is None:
            raise BadArchive(f"{path} has no manifest: it is not a backup, or its end is missing")
        _prove(data, _small(source, members, SEAL, MOST_SEAL), keys, unsealed=unsealed)
        contents = {name: member for name, member in members.items() if name not in (MANIFEST, SEAL)}
        manifest = _parse(data, contents)
        _compare(contents, manifest.members)
        yield OpenArchive(manifest, source, contents)


def _small(source: IO[bytes], members: Mapping[str, Member], name: str, most: int) -> bytes | None:
    member = members.get(name)
    if member is None:
        return None
    if member.size > most:
        raise BadArchive(f"the backup's {name} has {member.size} bytes, more than any backup of this portal")
    return b"".join(_pieces(source, member))


def _prove(manifest: bytes, seal: bytes | None, keys: Sequence[bytes], *, unsealed: bool) -> None:
    if seal is None:
        if unsealed:
            return
        raise BadArchive(
            "the backup has no seal: a version before seals made it, or somebody who holds no key. Where you know for "
            "certain that it is yours, --unsealed restores it"
        )
    match = _SEAL.fullmatch(seal)
    if match is None:
        raise BadArchive("the backup's seal cannot be read")
    named = next((key for key in keys if key_name(key) == match[1].decode()), None)
    if named is None:
        raise BadArchive("the keys at hand do not hold the one that sealed this backup; give their file with --keys")
    if not hmac.compare_digest(_seal(named, manifest), match[2].decode()):
        raise BadArchive("the backup was changed: its seal is not that of its manifest")


def _parse(data: bytes, members: Mapping[str, Member]) -> ArchiveManifest:
    try:
        version = _VERSION.decode(data).format
        if version == UNSEALED_FORMAT:
            old = _UNSEALED.decode(data)
            contents = {name: Content(sha256, _size(members, name)) for name, sha256 in old.members.items()}
            manifest = ArchiveManifest(old.made_at, old.engine, old.migrations, old.keys, contents, UNSEALED_FORMAT)
        elif version == FORMAT:
            manifest = _MANIFEST.decode(data)
        else:
            raise BadArchive(f"the backup has format {version}, and this version reads {FORMAT} only")
    except (ValueError, RecursionError) as error:
        raise BadArchive(f"the backup's manifest cannot be read: {error}") from error
    _refuse_odd(manifest)
    return manifest


def _size(members: Mapping[str, Member], name: str) -> int:
    return members[name].size if name in members else 0


def _refuse_odd(manifest: ArchiveManifest) -> None:
    """What it says is shown to people, and names files."""
    words = (manifest.made_at, manifest.engine, *manifest.keys, *manifest.migrations, *manifest.migrations.values())
    if not all(word.isprintable() and len(word) <= MOST_TEXT for word in words):
        raise BadArchive("the backup's manifest has texts that no backup of this portal has")
    odd = next((name for name in manifest.members if not _MEMBER.fullmatch(name)), None)
    if odd is not None:
        raise BadArchive(f"the backup holds {odd[:MOST_TEXT]!r}, which no backup of this portal does")


def _compare(found: Mapping[str, Member], expected: Mapping[str, Content]) -> None:
    sizes = {name: content.size for name, content in expected.items()}
    there = {name: member.size for name, member in found.items()}
    wrong = sorted(name for name in {*there, *sizes} if there.get(name) != sizes.get(name))
    if wrong:
        raise BadArchive(f"the backup is damaged: {wrong[0]!r} and {len(wrong) - 1} more differ from its manifest")
