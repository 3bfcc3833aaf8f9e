"""Contents on a node: read over the wire, or hashed by the node itself."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from django.conf import settings

from nodes.connection.connect import NodeLink
from nodes.errors import (
    ChangedWhileRead,
    FileTooLarge,
    NodeError,
    OutputUnreadable,
    RemoteDenied,
    RemoteFileMissing,
)
from nodes.products.profile import Profile
from replication.files.core.batches import batches
from replication.files.core.manifest import Problem
from replication.files.core.paths import RelPath
from replication.files.limits import TOO_LARGE, check_total, too_large
from replication.files.work_context import WorkContext, living, moving
from replication.objects import Objects

HASH_BATCH = 1000
"""Files hashed by one remote command: keeps the command under the operation time-out and progress alive."""

SMALL_BATCH, SMALL_BATCH_BYTES = 5000, 64 * 1024 * 1024
"""So many instead, where they are known to be small: as many as have so many bytes on the average."""

FEW_FILES, FEW_BYTES = 4, 64 * 1024
"""So few and small files are read over the wire before a command on the node has begun to hash them."""

UNKNOWN = (None,)
"""Sizes of files that may be many and large."""

READ_TRIES = 3

CHANGING = "it changed each time it was read; the next run tries again"
VANISHED = "it was listed and then gone; the next run looks again"

Digests = dict[RelPath, str | Problem]
Digest = Callable[[Sequence[RelPath]], Digests]


def by_storing(store: Objects, link: NodeLink, profile: Profile, guard: WorkContext) -> Digest:
    """Digests by reading each file into the store. Raises Refused once more came, whatever the listing said, than all
    files together may have."""
    sizes: dict[str, int] = {}
    total = 0

    def read(path: RelPath) -> str:
        nonlocal total
        secret = profile.classify(path).secret
        stored = store.put_stream(read_chunks(link, path, guard, profile), secret=secret)
        total += stored.size - sizes.get(path, 0)
        sizes[path] = stored.size
        if total > profile.total_bytes:
            check_total(sizes, profile)
        return stored.id

    return _one_by_one(read)


def by_hashing(
    link: NodeLink,
    profile: Profile,
    guard: WorkContext,
    *,
    sizes: Collection[int | None] = UNKNOWN,
    few_are_read: bool = True,
) -> Digest:
    """Digests by a command on the node where it has one, else by reading each file. `sizes`: of the files, where they
    are known: few small ones are read, unless `few_are_read` forbids it."""

    def read(path: RelPath) -> str:
        return _read_hash(link, path, guard, profile)

    has_command = link.capabilities.can_hash and link.platform.hash_files(link.root) is not None
    by_command = has_command and not (few_are_read and are_few(sizes))
    return _by_command(link, read, guard, at_once=_at_once(sizes)) if by_command else _one_by_one(read)


def _at_once(sizes: Collection[int | None]) -> int:
    """How many files of these sizes one command is to hash."""
    total = sum(size or 0 for size in sizes)
    if None in sizes or not total:
        return HASH_BATCH
    return max(HASH_BATCH, min(SMALL_BATCH, SMALL_BATCH_BYTES * len(sizes) // total))


def are_few(sizes: Collection[int | None]) -> bool:
    """Whether files of these sizes (None: not known) are sooner read than hashed by a command."""
    return len(sizes) <= FEW_FILES and sum(FEW_BYTES + 1 if size is None else size for size in sizes) <= FEW_BYTES


def _one_by_one(read: Callable[[RelPath], str]) -> Digest:
    """Digests by reading each file; a file that cannot be read becomes a problem, a lost connection ends the scan."""

    def digest(paths: Sequence[RelPath]) -> Digests:
        digests: Digests = {}
        for path in paths:
            digests[path] = _digest_or_problem(read, path)
        return digests

    return digest


def _digest_or_problem(read: Callable[[RelPath], str], path: RelPath) -> str | Problem:
    for _ in range(READ_TRIES):
        try:
            return read(path)
        except ChangedWhileRead:
            continue
        except RemoteFileMissing:
            return Problem(path, "vanished", VANISHED)
        except RemoteDenied as error:
            return Problem(path, "unreadable", error.detail or "access denied")
        except FileTooLarge as error:
            return Problem(path, TOO_LARGE, error.detail)
        except NodeError as error:
            if error.code == "busy":
                return Problem(path, "locked", "another program holds it open; the next run tries again")
            raise
    return Problem(path, "changing", CHANGING)


def _read_hash(link: NodeLink, path: RelPath, guard: WorkContext, profile: Profile) -> str:
    digest = hashlib.sha256()
    for chunk in read_chunks(link, path, guard, profile):
        digest.update(chunk)
    return digest.hexdigest()


def read_chunks(link: NodeLink, path: str, guard: WorkContext, profile: Profile) -> Iterator[bytes]:
    """A file of the node in chunks, telling the guard. Raises FileTooLarge instead of a chunk beyond the profile's
    limit."""
    try:
        yield from living(link.session.read(f"{link.root}/{path}", most=profile.file_bytes), guard)
    except FileTooLarge as error:
        raise FileTooLarge(too_large(profile)) from error


def _by_command(link: NodeLink, read: Callable[[RelPath], str], guard: WorkContext, *, at_once: int) -> Digest:
    one_by_one = _one_by_one(read)

    def digest(paths: Sequence[RelPath]) -> Digests:
        digests: Digests = {}
        for batch in batches(paths, at_once):
            found = hash_on_node(link, link.root, batch, guard)
            digests.update({path: found[path] for path in batch if path in found})
            # the command does not say why it left a file out; trying to read it does
            digests.update(one_by_one([path for path in batch if path not in found]))
        return digests

    return digest


def hash_on_node(link: NodeLink, folder: str, paths: Iterable[str], guard: WorkContext) -> dict[str, str]:
    """SHA-256 of files under a folder by one command on the node; what could not be read is missing from the answer."""
    command = link.platform.hash_files(folder)
    if command is None:
        raise OutputUnreadable("the platform has no command for hashes")
    wanted = list(paths)
    result = link.session.run(
        link.platform.spell(command),
        stdin=link.platform.hash_stdin(wanted),
        timeout=settings.PORTAL.command,
        progress=moving(guard),
    )
    return link.platform.parse_hashes(result)
