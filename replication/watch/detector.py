"""One look of the watch: list the primary, compare, and read the few files of which a listing cannot tell whether they
changed."""

from __future__ import annotations

import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace

from nodes.connection.connect import NodeLink, open_node
from nodes.errors import RemoteFileMissing
from nodes.platforms.base import ListedFile, Listing
from nodes.products.profile import PathClass, Profile
from nodes.registry.models import Node
from replication.configuration.job.loading import node_clock_ns, what_is_kept
from replication.files.core.manifest import FileState, Problem
from replication.files.core.paths import RelPath
from replication.files.core.tree import what_is_left
from replication.files.digests import by_hashing
from replication.files.listing import Sorted, list_tree, sort_out
from replication.files.scan import TRANSIENT
from replication.files.work_context import WorkContext
from replication.objects import StoreError, default_store
from replication.watch.core.changes import (
    Debounced,
    Differences,
    Memory,
    Stamp,
    behind_by,
    changed_for_certain,
    compare_listing,
    debounce,
    forget,
    is_known,
    is_young,
    remember,
)
from replication.watch.selectors.served import Served

READ_AT_ONCE = 200
"""Files read by one look to see whether their content changed; more than that are a job's work."""

READ_BYTES = 32 * 1024 * 1024
"""The same in bytes."""

A_JOB_READS = 1000
"""So many files of which a listing cannot tell whether they changed are read by a job at once, and then none is
doubtful."""

TRY_EVERY = 5.0
"""Seconds between two tries to read what could not be read."""
TRY_AT_ONCE = 20

NAMED = 100
"""Names remembered of what is in the way in a listing."""

REFERENCES_KEPT = 48
"""Trees that a process remembers: secondaries that lack different files hold different ones. The first of 20,000 files
takes 7.6 MB, each further one of the same cluster 0.4 MB."""
STATES_KEPT = 200_000
"""Different states of files in all of them."""

Reference = Mapping[str, FileState]


class _References:
    """The last few trees that looks compared with: they change only with a job."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Reference] = OrderedDict()

    def at(self, root: str) -> Reference:
        """The files of a tree in the store. What the store lost of it counts as changed, so that a job puts it there
        again."""
        with self._lock:
            if root in self._known:
                self._known.move_to_end(root)
                return self._known[root]
        manifest, lost = what_is_left(root, what_is_kept(default_store()))
        with self._lock:
            files = self._sharing(manifest.files)
            if lost:
                return files
            self._known[root] = files
            while len(self._known) > 1 and self._are_many():
                self._known.popitem(last=False)
        return files

    def _are_many(self) -> bool:
        states = {id(state) for tree in self._known.values() for state in tree.values()}
        return len(self._known) > REFERENCES_KEPT or len(states) > STATES_KEPT

    def _sharing(self, files: Mapping[RelPath, FileState]) -> Reference:
        """The same, with the names and states of the tree that is most like it: two of one cluster differ in little."""
        nearest = max(self._known.values(), key=lambda tree: len(tree.keys() & files.keys()), default={})
        names = {sys.intern(str(path)): state for path, state in files.items()}
        return {name: same if (same := nearest.get(name)) == state else state for name, state in names.items()}


_REFERENCES = _References()


@dataclass(frozen=True, slots=True)
class PollResult:
    """What a look saw. `moment`: when, in seconds since 1970. `took`: seconds the listing took. `memory` already holds
    what this look adds. `settled`: what can be taken, with what was read and found changed. `behind`: by secondary
    whose number is another one now, the number it was said to lack and the one it lacks."""

    moment: float
    took: float
    memory: Memory
    settled: Debounced
    behind: Mapping[int, tuple[int, int]] = field(default_factory=dict)


def look(primary: Node, profile: Profile, served: Served, memory: Memory, guard: WorkContext) -> PollResult:
    """Look at the primary; nothing is written anywhere. Raises nodes.errors and LeaseLost."""
    assert served.reference is not None  # noqa: S101 - the caller looks only then
    reference = _REFERENCES.at(served.reference.root)
    began = time.monotonic()
    with open_node(primary) as link:
        listed = _listed(link, profile, guard)
        took = time.monotonic() - began
        moment = time.time()
        eye = ChangeDetector(link, profile, reference, guard, moment, node_clock_ns(primary) / 1e9)
        seen = eye.sight(listed, memory, took, answered=served.given_by >= memory.asked_by)
    return replace(seen, behind=_behind(served, reference, seen, profile.stable_seconds))


def _behind(served: Served, reference: Reference, seen: PollResult, stable: float) -> dict[int, tuple[int, int]]:
    changed = changed_for_certain(reference, seen.memory, seen.settled.ready, stable, seen.moment)
    lacks = {}
    for root in {one.root for one in served.held}:
        with suppress(StoreError, OSError, ValueError):  # of a damaged tree nothing is said
            lacks[root] = behind_by(reference, changed, _REFERENCES.at(root))
    known = [(one, lacks[one.root]) for one in served.held if one.root in lacks]
    return {one.node_id: (one.behind, lack) for one, lack in known if lack != one.behind}


def _listed(link: NodeLink, profile: Profile, guard: WorkContext) -> Sorted:
    """A primary without its installation folder holds nothing; what that means is for a job's brakes to say."""
    try:
        listing = list_tree(link, profile, guard)
    except RemoteFileMissing:
        listing = Listing(())
    return sort_out(listing, profile)


@dataclass(frozen=True, slots=True)
class ChangeDetector:
    """Judges one listing. `moment` by the portal's clock, `node_now` by the primary's, both in seconds."""

    link: NodeLink
    profile: Profile
    reference: Reference
    guard: WorkContext
    moment: float
    node_now: float

    def sight(self, listed: Sorted, memory: Memory, took: float, *, answered: bool) -> PollResult:
        """Compare, remember, read, settle. `answered`: what was asked for last was given to all nodes since, so what
        still differs could not be taken."""
        stamps = {str(path): _stamp_of(file) for path, file in listed.config.items()}
        found = compare_listing(self.reference, stamps, memory.cleared, self._expected(listed))
        found = _refused(found, memory) if answered else found
        memory = remember(_pruned(memory, stamps, self.reference), found.differing, self.moment)
        settled = debounce(memory, self.profile.stable_seconds, self.moment)
        memory, ready = self._without_rewritten(memory, settled.ready, found.doubtful)
        memory, readable = self._tried(memory, found.unread)
        memory = replace(memory, stubborn={**memory.stubborn, **_in_the_way(listed)})
        return PollResult(self.moment, took, memory, replace(settled, ready={**ready, **readable}))

    def _expected(self, listed: Sorted) -> Callable[[str], bool]:
        def is_expected(path: str) -> bool:
            if any(not place or path == place or path.startswith(place + "/") for place in listed.hidden):
                return False
            return self.profile.classify(path).path_class == PathClass.CONFIG

        return is_expected

    def _without_rewritten(
        self, memory: Memory, ready: Mapping[str, Stamp | None], doubtful: Mapping[str, Stamp]
    ) -> tuple[Memory, dict[str, Stamp | None]]:
        """Leave out files that were written anew with the same bytes: a mail server does that all the time."""
        old = {path: stamp for path, stamp in doubtful.items() if not is_young(stamp, self.node_now)}
        if len(old) >= A_JOB_READS:
            return memory, {**ready, **old}
        suspects = {path: stamp for path, stamp in ready.items() if stamp and self._may_be_same(path, stamp)}
        suspects = _readable_at_once({**old, **suspects})
        digests = self._digests(suspects)
        same = {path for path in suspects if digests.get(path) == self.reference[path].sha256}
        certain = {path: stamp for path in same if not is_young(stamp := suspects[path], self.node_now)}
        changed: dict[str, Stamp | None] = {path: stamp for path, stamp in ready.items() if path not in same}
        changed |= {path: stamp for path, stamp in old.items() if path in suspects and path not in same}
        return forget(memory, certain), changed

    def _may_be_same(self, path: str, stamp: Stamp) -> bool:
        known = self.reference.get(path)
        return known is not None and known.size == stamp.size

    def _tried(self, memory: Memory, unread: Mapping[str, Stamp]) -> tuple[Memory, dict[str, Stamp | None]]:
        """Try again, now and then, what could not be read."""
        stubborn = {path: memory.stubborn.get(path, "it could not be read") for path in unread}
        if not unread or self.moment < memory.tried_at + TRY_EVERY:
            return replace(memory, stubborn=stubborn), {}
        tried = sorted(unread, key=lambda path: (path not in memory.stubborn, path))[:TRY_AT_ONCE]
        digests = self._digests(tried)
        readable: dict[str, Stamp | None] = {}
        for path in tried:
            digest = digests.get(path)
            if isinstance(digest, str):
                readable[path] = unread[path]
                del stubborn[path]
            elif digest is not None:
                stubborn[path] = digest.words[:200]
        return replace(memory, stubborn=stubborn, tried_at=self.moment), readable

    def _digests(self, paths: Iterable[str]) -> Mapping[str, str | Problem]:
        wanted = [RelPath(path) for path in paths]
        found = by_hashing(self.link, self.profile, self.guard)(wanted) if wanted else {}
        return {str(path): digest for path, digest in found.items()}


def _stamp_of(file: ListedFile) -> Stamp:
    return Stamp(file.size, file.mtime_ns, file.change_ns)


def _in_the_way(listed: Sorted) -> dict[str, str]:
    """What the listing itself could not look into, or will never follow, and why."""
    lasting = [problem for problem in listed.problems if problem.code not in TRANSIENT]
    return {problem.path: problem.words[:200] for problem in lasting[:NAMED]}


def _refused(found: Differences, memory: Memory) -> Differences:
    """What the last job was asked to take, and could not, is no news: it is among what could not be read."""
    stuck = {path: stamp for path, stamp in found.differing.items() if stamp and memory.asked.get(path) == stamp}
    differing = {path: stamp for path, stamp in found.differing.items() if path not in stuck}
    return Differences(differing, found.doubtful, {**found.unread, **stuck})


def _pruned(memory: Memory, stamps: Mapping[str, Stamp], reference: Reference) -> Memory:
    """The memory without files found the same under a stamp that they no longer have, or that is the known one by
    now."""
    cleared = {
        path: stamp
        for path, stamp in memory.cleared.items()
        if stamps.get(path) == stamp and not is_known(reference.get(path), stamp)
    }
    return replace(memory, cleared=cleared)


def _readable_at_once(suspects: Mapping[str, Stamp]) -> dict[str, Stamp]:
    """The files that one look reads: the smallest first, until its limit."""
    chosen: dict[str, Stamp] = {}
    left = READ_BYTES
    for path, stamp in sorted(suspects.items(), key=lambda item: item[1].size)[:READ_AT_ONCE]:
        left -= stamp.size
        if left < 0:
            break
        chosen[path] = stamp
    return chosen
