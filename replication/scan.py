"""Look at a node: one listing, read only what changed, and hand back a manifest.

A listing comes from one command where the node has one, else from SFTP. What cannot be read is a problem with a name,
never an absence: the last known state is carried over as stale.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from django.conf import settings
from nodes.products.profile import PathClass, Profile

from nodes.connect import NodeLink
from nodes.errors import ChangedWhileRead, NodeError, OutputUnreadable, RemoteDenied, RemoteFileMissing
from nodes.platforms.base import ListedFile, Listing
from nodes.remote.walk import walk
from replication.core.manifest import FileState, Manifest, Problem
from replication.core.paths import RelPath, path_problem
from replication.guard import Guard, moving
from replication.objects import Objects

RACY = -1
"""Stored as `change_ns` of a file that was modified so shortly before the scan that a later change could hide behind
the same size and times; such a file is read again next time."""

RACY_WINDOW_NS = 2_000_000_000
"""SFTP and FAT keep whole or double seconds; two seconds cover both."""

STAGING_PREFIX = ".cp~"
"""What the portal's own temporary names begin with."""

HASH_BATCH = 1000
"""Files hashed by one remote command: keeps the command under the operation time-out and progress alive."""

READ_TRIES = 3


@dataclass(frozen=True, slots=True)
class Scan:
    """A manifest, the portal's own leftovers that were seen (relative paths), and how many files had to be read."""

    manifest: Manifest
    leftovers: tuple[str, ...]
    read: int


@dataclass(frozen=True, slots=True)
class _Sorted:
    config: dict[RelPath, ListedFile]
    problems: tuple[Problem, ...]
    unclassified: tuple[str, ...]
    leftovers: tuple[str, ...]


def scan_primary(
    link: NodeLink, profile: Profile, *, known: Manifest, scan_ns: int, store: Objects, guard: Guard
) -> Scan:
    """The primary's config files, with the content of every new or changed one put into the store."""

    def read(path: RelPath) -> str:
        return _read_into(store, link, path, secret=profile.classify(path).secret, guard=guard)

    return _scan(link, profile, known=known, scan_ns=scan_ns, guard=guard, digest=_one_by_one(read))


def scan_node(link: NodeLink, profile: Profile, *, known: Manifest, scan_ns: int, guard: Guard) -> Scan:
    """A node's config files, hashed on the node where it has a command for it."""
    by_command = link.capabilities.can_hash and link.platform.hash_files(link.root) is not None
    digest = _by_command(link, guard) if by_command else _one_by_one(lambda path: _read_hash(link, path, guard))
    return _scan(link, profile, known=known, scan_ns=scan_ns, guard=guard, digest=digest)


Digests = dict[RelPath, str | Problem]
Digest = Callable[[Sequence[RelPath]], Digests]


def _scan(link: NodeLink, profile: Profile, *, known: Manifest, scan_ns: int, guard: Guard, digest: Digest) -> Scan:
    guard.progress(phase="listing")
    listing = list_tree(link, profile, guard)
    found = _sort_out(listing, profile)
    fresh = [path for path, file in found.config.items() if not _unchanged(known.files.get(path), file)]
    guard.progress(phase=f"reading {len(fresh)} files" if fresh else "comparing")
    digests = digest(fresh)
    files, problems = _states(found.config, digests, known, scan_ns)
    files.update(_carried_over(known, files, listing.unreadable))
    manifest = Manifest(
        files=files,
        problems=found.problems + tuple(problems),
        unlisted=listing.unreadable,
        unclassified=found.unclassified,
    )
    return Scan(manifest=manifest, leftovers=found.leftovers, read=len(fresh))


def list_tree(link: NodeLink, profile: Profile, guard: Guard) -> Listing:
    """Everything under the installation folder but what never needs listing. Raises RemoteFileMissing without one."""
    skip = profile.skip_folders()
    command = link.platform.list_tree(link.root, skip) if link.capabilities.can_list else None
    if command is None:
        return walk(link.session, link.root, skip)
    line = link.platform.spell(command)
    result = link.session.run(line, timeout=settings.PORTAL.command, progress=moving(guard))
    return link.platform.parse_list_tree(result)


def _sort_out(listing: Listing, profile: Profile) -> _Sorted:
    """Config candidates, problems, unclassified names and our own leftovers of a listing."""
    config: dict[RelPath, ListedFile] = {}
    problems: list[Problem] = []
    unclassified: list[str] = []
    leftovers: list[str] = []
    for file in listing.files:
        if file.path.rpartition("/")[2].startswith(STAGING_PREFIX):
            leftovers.append(file.path)
            continue
        if file.kind == "folder" or STAGING_PREFIX in file.path:
            continue
        path_class = profile.classify(file.path).path_class
        if path_class == PathClass.UNCLASSIFIED:
            unclassified.append(file.path)
        elif path_class == PathClass.CONFIG:
            problem = _entry_problem(file)
            if problem is None:
                config[RelPath(file.path)] = file
            else:
                problems.append(problem)
    problems.extend(
        Problem(folder or ".", "unreadable", "the folder cannot be listed; give the portal's account read access")
        for folder in listing.unreadable
    )
    return _Sorted(config, tuple(problems), tuple(sorted(unclassified)), tuple(leftovers))


def _entry_problem(file: ListedFile) -> Problem | None:
    if file.path_bytes is not None:
        return Problem(file.path, "bad_name", "the name is not valid UTF-8; rename the file")
    reason = path_problem(file.path)
    if reason:
        return Problem(file.path, "bad_name", reason)
    if file.kind != "file":
        return Problem(file.path, "not_a_file", f"a {file.kind} is never followed or replaced")
    return None


def _unchanged(known: FileState | None, file: ListedFile) -> bool:
    return (
        known is not None
        and not known.stale
        and known.change_ns != RACY
        and (known.size, known.mtime_ns, known.change_ns) == (file.size, file.mtime_ns, file.change_ns)
    )


def _states(
    config: dict[RelPath, ListedFile], digests: Digests, known: Manifest, scan_ns: int
) -> tuple[dict[RelPath, FileState], list[Problem]]:
    files: dict[RelPath, FileState] = {}
    problems: list[Problem] = []
    for path, file in config.items():
        digest = digests.get(path)
        if digest is None:
            files[path] = known.files[path]
        elif isinstance(digest, str):
            files[path] = FileState(file.size, file.mtime_ns, digest, _settled_change(file, scan_ns))
        else:
            problems.append(digest)
            if path in known.files:
                files[path] = replace(known.files[path], stale=True)
    return files, problems


def _settled_change(file: ListedFile, scan_ns: int) -> int | None:
    newest = max(file.mtime_ns, file.change_ns or 0)
    return RACY if newest > scan_ns - RACY_WINDOW_NS else file.change_ns


def _carried_over(
    known: Manifest, files: dict[RelPath, FileState], unlisted: Sequence[str]
) -> dict[RelPath, FileState]:
    """Known files beneath folders that could not be listed: unreadable is not absent."""
    return {
        path: replace(state, stale=True)
        for path, state in known.files.items()
        if path not in files and any(is_beneath(path, folder) for folder in unlisted)
    }


def is_beneath(path: str, folder: str) -> bool:
    """Whether `path` lies in `folder` or deeper; "" is the root."""
    return not folder or path.startswith(folder + "/")


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
            return Problem(path, "vanished", "it was listed and then gone; the next run looks again")
        except RemoteDenied as error:
            return Problem(path, "unreadable", error.detail or "access denied")
        except NodeError as error:
            if error.code == "busy":
                return Problem(path, "locked", "another program holds it open; the next run tries again")
            raise
    return Problem(path, "changing", "it changed each time it was read; the next run tries again")


def _read_hash(link: NodeLink, path: RelPath, guard: Guard) -> str:
    digest = hashlib.sha256()
    for chunk in read_chunks(link, path, guard):
        digest.update(chunk)
    return digest.hexdigest()


def _read_into(store: Objects, link: NodeLink, path: RelPath, *, secret: bool, guard: Guard) -> str:
    return store.put_stream(read_chunks(link, path, guard), secret=secret).id


def read_chunks(link: NodeLink, path: str, guard: Guard) -> Iterator[bytes]:
    """A file of the node in chunks, telling the guard."""
    moved = moving(guard)
    for chunk in link.session.read(f"{link.root}/{path}"):
        moved(len(chunk))
        yield chunk


def _by_command(link: NodeLink, guard: Guard) -> Digest:
    def digest(paths: Sequence[RelPath]) -> Digests:
        digests: Digests = {}
        for batch in _batches(paths, HASH_BATCH):
            found = hash_on_node(link, link.root, batch, guard)
            digests.update({path: found.get(path) or _unhashed(path) for path in batch})
        return digests

    return digest


def _unhashed(path: RelPath) -> Problem:
    return Problem(path, "unreadable", "the node could not hash it: denied, locked or gone")


def hash_on_node(link: NodeLink, folder: str, paths: Iterable[str], guard: Guard) -> dict[str, str]:
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


def _batches(paths: Sequence[RelPath], size: int) -> Iterator[list[RelPath]]:
    rest = iter(paths)
    while batch := list(islice(rest, size)):
        yield batch
