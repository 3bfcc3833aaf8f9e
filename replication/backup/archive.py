"""The backup file: a tar with the database, and last a manifest with the hash of each member.

Nothing of it is trusted: names are checked, and all hashes are compared before the first byte is put in place.
"""

from __future__ import annotations

import hashlib
import hmac
import io
import os
import re
import shutil
import tarfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import msgspec

from nodes.typed_json import TypedJson

FORMAT = 2
MANIFEST = "manifest.json"
CHUNK = 1 << 20
_MEMBER = re.compile(r"database/[A-Za-z0-9_-][A-Za-z0-9_.-]*")


class BadArchive(Exception):
    """The file is no backup, or not the whole and unchanged one; the text says what is wrong."""


@dataclass(frozen=True, slots=True)
class ArchiveManifest:
    """What a backup holds. `migrations`: the last one applied of each app. `keys`: the names (not the values) of the
    sealing keys without which it cannot be read. `members`: SHA-256 by member name."""

    made_at: str
    engine: str
    migrations: Mapping[str, str]
    keys: tuple[str, ...]
    members: Mapping[str, str]
    format: int = FORMAT


_MANIFEST: TypedJson[ArchiveManifest] = TypedJson(ArchiveManifest)


def key_name(key: bytes) -> str:
    """A name for a sealing key that gives nothing of it away."""
    return hmac.new(key, b"clusterportal backup", hashlib.sha256).hexdigest()[:16]


def private_file(path: Path) -> IO[bytes]:
    """A new file that only its owner may read. Raises FileExistsError."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def write_archive(target: Path, members: Iterable[tuple[str, Path]], describe: ArchiveManifest) -> ArchiveManifest:
    """Write the backup beside its name, then put it there, readable by its owner only. Raises OSError; FileExistsError
    where the name is taken."""
    beside = target.with_name(f".{target.name}.new")
    beside.unlink(missing_ok=True)  # of a backup that was interrupted
    try:
        with private_file(beside) as sink:
            manifest = _write_members(sink, members, describe)
            sink.flush()
            os.fsync(sink.fileno())
        os.link(beside, target)  # unlike a rename, never over another file
    finally:
        beside.unlink(missing_ok=True)
    return manifest


def _write_members(sink: IO[bytes], members: Iterable[tuple[str, Path]], describe: ArchiveManifest) -> ArchiveManifest:
    hashes = {}
    with tarfile.open(fileobj=sink, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, path in members:
            with path.open("rb") as source:
                hashes[name] = hashlib.file_digest(source, "sha256").hexdigest()
            tar.add(path, name, recursive=False)
        manifest = replace(describe, members=hashes)
        data = msgspec.json.encode(manifest)
        entry = tarfile.TarInfo(MANIFEST)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return manifest


def verify_archive(source: Path) -> ArchiveManifest:
    """Read the whole backup and compare every hash. Raises BadArchive; changes nothing."""
    try:
        with tarfile.open(source, "r:") as tar:
            manifest = _manifest(tar, source)
            found = {entry.name: _digest(_content(tar, entry)) for entry in tar if entry.name != MANIFEST}
    except (tarfile.TarError, EOFError) as error:
        raise BadArchive(f"{source} is not a whole backup: {error}") from error
    _compare(found, manifest.members)
    return manifest


def _manifest(tar: tarfile.TarFile, source: Path) -> ArchiveManifest:
    """The last member, read first: it says whether this version knows the others."""
    try:
        stream = tar.extractfile(MANIFEST)
    except KeyError:
        stream = None
    if stream is None:
        raise BadArchive(f"{source} has no manifest: it is not a backup, or its end is missing")
    return _parse(stream.read(64 << 20))


def _content(tar: tarfile.TarFile, entry: tarfile.TarInfo) -> IO[bytes]:
    stream = tar.extractfile(entry) if entry.isreg() else None
    if stream is None or not (entry.name == MANIFEST or _MEMBER.fullmatch(entry.name)):
        raise BadArchive(f"the backup holds {entry.name!r}, which no backup of this portal does")
    return stream


def _digest(stream: IO[bytes]) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _parse(data: bytes) -> ArchiveManifest:
    try:
        manifest = _MANIFEST.decode(data)
    except ValueError as error:
        raise BadArchive(f"the backup's manifest cannot be read: {error}") from error
    if manifest.format != FORMAT:
        raise BadArchive(f"the backup has format {manifest.format}, and this version reads {FORMAT} only")
    return manifest


def _compare(found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    wrong = sorted(name for name in {*found, *expected} if found.get(name) != expected.get(name))
    if wrong:
        raise BadArchive(f"the backup is damaged: {wrong[0]} and {len(wrong) - 1} more differ from its manifest")


def extract(source: Path, into: Path) -> None:
    """Write all members beneath `into`, which must not exist. Verify first. Raises OSError, BadArchive."""
    into.mkdir(mode=0o700)
    with tarfile.open(source, "r:") as tar:
        for entry in tar:
            stream = _content(tar, entry)
            target = into / entry.name
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with private_file(target) as sink:
                shutil.copyfileobj(stream, sink, CHUNK)
                sink.flush()
                os.fsync(sink.fileno())
