"""Look at a node: one listing, read only what changed, and hand back a manifest.

A listing comes from one command where the node has one, else from SFTP. What cannot be read is a problem with a name,
never an absence: the last known state is carried over as stale.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from nodes.connection.connect import NodeLink
from nodes.counted import many
from nodes.platforms.base import ListedFile, Listing
from nodes.products.profile import Profile
from replication.files.archives import in_archives
from replication.files.core.batches import batches
from replication.files.core.manifest import (
    RACY,
    FileState,
    Manifest,
    Problem,
)
from replication.files.core.paths import RelPath
from replication.files.core.spelling import Spelling
from replication.files.digests import (
    CHANGING,
    SMALL_BATCH,
    VANISHED,
    Digest,
    Digests,
    by_hashing,
    by_storing,
)
from replication.files.last_scan import MOST, LastScan, is_as_listed, last_scan
from replication.files.limits import check_total
from replication.files.listing import (
    Sorted,
    list_tree,
    listed,
    respelled,
    sort_out,
)
from replication.files.work_context import WorkContext
from replication.objects import Objects

RACY_WINDOW_NS = 2_000_000_000
"""SFTP and FAT keep whole or double seconds; two seconds cover both."""

WHOLE_SECOND = 1.1
"""Where a node tells whole seconds only, so many must pass before a change shows in a file's time."""

LOOKS, LOOK_SECONDS = 3, 3.0
"""How often, and how long, a file that does not hold still is read at least before it is given up for this time."""

TRANSIENT = frozenset({"changing", "vanished"})
"""Problems of files that did not hold still while they were read."""

HELD_SECONDS = 60.0
"""How long a content that this process found stored counts as being there; one that is missed sooner, when it is to be
sent, is read by the job after that."""

TURN_SECONDS = 0.2
"""How often waiting for files to calm down looks whether it must stop."""


@dataclass(frozen=True, slots=True)
class Scan:
    """A manifest, the portal's own leftovers and the folders that were seen (relative paths), how many files had to be
    read or hashed, and which were left as they were last known because they keep changing. `spelled`: by their names,
    how the node spells files that it spells otherwise. `hidden`: those that held something else although they looked as
    they were known."""

    manifest: Manifest
    leftovers: tuple[str, ...]
    read: int
    unstable: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    spelled: Mapping[RelPath, str] = field(default_factory=dict)
    hidden: tuple[RelPath, ...] = ()
    last: LastScan | None = None


@dataclass(frozen=True, slots=True)
class ScanOptions:
    """How the primary is looked at. `unstable`: files that keep changing; they, and others that turn out so, stay as
    they were last known, and are named. None: a file that does not hold still is a problem. `deep`: files that look as
    they were known are hashed, too, on the node where it has a command for it; only what turns out to be other is
    read. `last`: what is remembered of the scan before; where little moved since, only that is looked at."""

    unstable: Collection[str] | None = None
    deep: bool = False
    last: LastScan | None = None


ORDINARY = ScanOptions()

Listed = dict[RelPath, ListedFile]
Reader = Callable[[Listed], tuple[Listed, Digests]]
"""From files to their digests, and the facts that these digests belong to."""


def scan_primary(
    link: NodeLink,
    profile: Profile,
    *,
    known: Manifest,
    scan_ns: int,
    store: Objects,
    guard: WorkContext,
    options: ScanOptions = ORDINARY,
) -> Scan:
    """The primary's config files, with the content of every new or changed one put into the store.

    Raises Refused, before any is read, where they are more than the profile allows.

    What was read counts only if a listing afterwards shows the file as the one before did; a file that was written a
    moment ago is first given the profile's time to come to rest.
    """
    digest = by_storing(store, link, profile, guard)
    reading = in_archives(store, link, profile, guard, otherwise=digest)

    known = _without_trust(known, store)

    def read(fresh: Listed) -> tuple[Listed, Digests]:
        return _read_at_rest(link, profile, fresh, scan_ns, reading, guard)

    guard.progress(phase="listing")
    answer = listed(link, profile, guard)
    part = options.last.part(known, answer.sheet, profile) if options.last and not options.deep else None
    found = part.found if part else sort_out(answer.read(), profile)
    sizes: dict[str, int] = {path: file.size for path, file in found.config.items()}
    check_total(part.others_sizes(known) | sizes if part else sizes, profile)
    unstable = options.unstable
    doubt = by_hashing(link, profile, guard, sizes=sizes.values(), few_are_read=False) if options.deep else None
    states = part.within(known) if part else known
    scan = _scan(found, known=states, scan_ns=scan_ns, guard=guard, read=read, doubt=doubt, passed_over=unstable or ())
    scan = replace(scan, manifest=part.whole(scan.manifest, known)) if part else scan
    scan = scan if unstable is None else _with_unstable_as_known(scan, known, unstable)
    return replace(scan, last=last_scan(scan.manifest, found.config, answer.sheet, profile, part))


def scan_node(
    link: NodeLink,
    profile: Profile,
    *,
    known: Manifest,
    scan_ns: int,
    guard: WorkContext,
    spelling: Spelling | None = None,
    deep: bool = False,
) -> Scan:
    """A node's config files, hashed on the node where it has a command for it. `spelling`: how they are to be named.
    `deep`: those that look as they were known, too."""
    found = sort_out(list_tree(link, profile, guard), profile)
    found = respelled(found, spelling) if spelling else found
    return scan_listed(link, profile, found, known=known, scan_ns=scan_ns, guard=guard, deep=deep)


def scan_listed(
    link: NodeLink,
    profile: Profile,
    found: Sorted,
    *,
    known: Manifest,
    scan_ns: int,
    guard: WorkContext,
    deep: bool = False,
) -> Scan:
    """The same of what was listed already, be it all or some of it; `known`: of these files alone."""

    def read(fresh: Listed) -> tuple[Listed, Digests]:
        sizes = [file.size for file in fresh.values()]
        return fresh, by_hashing(link, profile, guard, sizes=sizes)(list(fresh))

    sizes = [file.size for file in found.config.values()]
    doubt = by_hashing(link, profile, guard, sizes=sizes, few_are_read=False) if deep else None
    guard.progress(phase="listing")
    return _scan(found, known=known, scan_ns=scan_ns, guard=guard, read=read, doubt=doubt)


def _without_trust(known: Manifest, store: Objects) -> Manifest:
    """The same, where files whose content the store lost are known, but read again."""
    lacking = store.lacks((state.sha256 for state in known.files.values()), trusted_seconds=HELD_SECONDS)
    if not lacking:
        return known
    again = {path: replace(state, stale=True) for path, state in known.files.items() if state.sha256 in lacking}
    return replace(known, files={**known.files, **again})


def _with_unstable_as_known(scan: Scan, known: Manifest, unstable: Collection[str]) -> Scan:
    restless = {problem.path for problem in scan.manifest.problems if problem.code in TRANSIENT} | set(unstable)
    files = {path: state for path, state in scan.manifest.files.items() if path not in restless}
    files |= {path: known.files[path] for path in map(RelPath, restless) if path in known.files}
    problems = tuple(problem for problem in scan.manifest.problems if problem.path not in restless)
    manifest = replace(scan.manifest, files=files, problems=problems)
    return replace(scan, manifest=manifest, unstable=tuple(sorted(restless)))


def _scan(
    found: Sorted,
    *,
    known: Manifest,
    scan_ns: int,
    guard: WorkContext,
    read: Reader,
    doubt: Digest | None = None,
    passed_over: Collection[str] = (),
) -> Scan:
    asked = {path: file for path, file in found.config.items() if path not in passed_over}
    alike = {path for path, file in asked.items() if is_as_listed(known.files.get(path), file)}
    belied = belied_by(doubt, alike, known.files, guard) if doubt else set()
    fresh = {path: file for path, file in asked.items() if path not in alike or path in belied}
    guard.progress(phase=f"reading {many(len(fresh), 'file')}" if fresh else "comparing")
    facts, digests = read(fresh)
    files, problems = _states(found.config | facts, digests, known, scan_ns)
    carried = _carried_over(known, files, found.hidden)
    problems += found.problems
    manifest = Manifest(
        files=files | carried,
        problems=(*problems, *_behind(found.hidden, carried, problems)),
        unlisted=found.hidden,
        unclassified=found.unclassified,
    )
    spelled = {path: file.path for path, file in found.config.items() if path != file.path}
    hidden = [path for path in sorted(belied & files.keys()) if files[path].sha256 != known.files[path].sha256]
    read_files = len(asked if doubt else fresh)
    return Scan(manifest, found.leftovers, read_files, folders=found.folders, spelled=spelled, hidden=tuple(hidden))


def belied_by(
    digest: Digest, alike: Collection[RelPath], known: Mapping[RelPath, FileState], guard: WorkContext
) -> set[RelPath]:
    """Of files that look as they were known, those that hold something else, or could not be hashed."""
    guard.progress(phase=f"hashing {many(len(alike), 'file')} anew")
    belied: set[RelPath] = set()
    for some in batches(sorted(alike), SMALL_BATCH):  # the digests of all at once would be held for nothing
        digests = digest(some)
        belied.update(path for path in some if digests.get(path) != known[path].sha256)
    return belied


def _read_at_rest(
    link: NodeLink,
    profile: Profile,
    fresh: Listed,
    scan_ns: int,
    digest: Callable[[Listed], Digests],
    guard: WorkContext,
) -> tuple[Listed, Digests]:
    """Read files until two listings, one before and one after, agree on them."""
    facts, digests = dict(fresh), Digests()
    restless = fresh
    looks, until = 0, time.monotonic() + LOOK_SECONDS
    while restless and (looks < LOOKS or time.monotonic() < until):
        looks += 1
        _rest(restless.values(), profile, scan_ns, guard)
        guard.progress(phase=f"reading {many(len(restless), 'file')}")
        digests.update(digest(restless))
        now = _listed_now(link, profile, restless, guard)
        digests.update({path: Problem(path, "vanished", VANISHED) for path in restless if path not in now})
        restless = {path: now[path] for path, file in restless.items() if path in now and _differ(file, now[path])}
        facts.update(restless)
    digests.update({path: Problem(path, "changing", CHANGING) for path in restless})
    return facts, digests


def _listed_now(link: NodeLink, profile: Profile, paths: Collection[RelPath], guard: WorkContext) -> Listed:
    """Config files of a new listing: these, where they are few, else all."""
    answer = listed(link, profile, guard)
    if answer.sheet is None or len(paths) > MOST:
        return sort_out(answer.read(), profile).config
    return sort_out(Listing(tuple(answer.sheet.entries_at(paths).values())), profile).config


def _rest(files: Iterable[ListedFile], profile: Profile, scan_ns: int, guard: WorkContext) -> None:
    """Wait where a file was written a moment ago: its writer may only have paused."""
    racy = [file for file in files if is_racy(file, scan_ns)]
    if not racy:
        return
    exact = all(file.change_ns is not None for file in racy)
    guard.progress(phase="letting files that were just written come to rest")
    rest = _unrested(racy, profile, scan_ns) if exact else max(profile.stable_seconds, WHOLE_SECOND)
    until = time.monotonic() + rest
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, TURN_SECONDS))
        guard.check()


def _unrested(files: Iterable[ListedFile], profile: Profile, scan_ns: int) -> float:
    """Seconds until the youngest of them was left alone for the profile's time, by change times no program can set."""
    age = (scan_ns - max(file.change_ns or 0 for file in files)) / 1e9
    return min(profile.stable_seconds, profile.stable_seconds - age)


def _differ(before: ListedFile, after: ListedFile) -> bool:
    return (before.size, before.mtime_ns, before.change_ns) != (after.size, after.mtime_ns, after.change_ns)


def _states(
    config: dict[RelPath, ListedFile], digests: Digests, known: Manifest, scan_ns: int
) -> tuple[dict[RelPath, FileState], list[Problem]]:
    files: dict[RelPath, FileState] = {}
    problems: list[Problem] = []
    for path, file in config.items():
        digest = digests.get(path)
        if digest is None:
            if path in known.files:
                files[path] = known.files[path]
        elif isinstance(digest, str):
            files[path] = FileState(file.size, file.mtime_ns, digest, _settled_change(file, scan_ns))
        else:
            problems.append(digest)
            if path in known.files:
                files[path] = replace(known.files[path], stale=True)
    return files, problems


def _settled_change(file: ListedFile, scan_ns: int) -> int | None:
    return RACY if is_racy(file, scan_ns) else file.change_ns


def is_racy(file: ListedFile, scan_ns: int) -> bool:
    """Whether a file was written so shortly before a scan that a later change could hide behind the same facts."""
    return max(file.mtime_ns, file.change_ns or 0) > scan_ns - RACY_WINDOW_NS


def _carried_over(
    known: Manifest, files: Mapping[RelPath, FileState], hidden: Sequence[str]
) -> dict[RelPath, FileState]:
    """Known files at or beneath places that could not be looked into: unreadable is not absent."""
    return {
        path: replace(state, stale=True)
        for path, state in known.files.items()
        if path not in files and any(_holds(place, path) for place in hidden)
    }


def _holds(place: str, path: str) -> bool:
    """Whether `path` is `place` or lies beneath it; "" is the root."""
    return not place or path == place or path.startswith(place + "/")


def _behind(hidden: Sequence[str], carried: Mapping[RelPath, FileState], problems: Sequence[Problem]) -> list[Problem]:
    """Links that nobody else complained of, with known files behind them."""
    told = {problem.path for problem in problems}
    detail = "a link, or no file, stands where known files were; it is never followed"
    return [
        Problem(place, "not_a_file", detail)
        for place in hidden
        if place not in told and any(_holds(place, path) for path in carried)
    ]
