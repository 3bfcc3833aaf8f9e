"""Look at one secondary: list it, hash what moved, and compare it with what it should hold; of all its files, or, where
the listing shows that the others are as they were proven, of those in question."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from django.db.models import prefetch_related_objects

from nodes.connection.connect import Door, NodeLink, doors_of
from nodes.errors import NodeError
from nodes.platforms import platform_named
from nodes.platforms.base import ListedFile
from nodes.products.ini_render import IniKey
from nodes.registry.models import Node
from nodes.remote.session import FileKind
from replication.configuration.job.comparing import Alike
from replication.configuration.job.desired import (
    Decisions,
    Desired,
    Rendering,
    gives,
)
from replication.configuration.job.earlier import earlier_trees, edited_since, without_given
from replication.configuration.job.glance import (
    Own,
    Part,
    Sighting,
    Terms,
    glance,
    remember,
    set_apart,
    sighting_for,
    still_racy,
)
from replication.configuration.job.loading import (
    decisions_of,
    kept_edits,
    kept_origin,
    node_clock_ns,
    node_tree_left,
    origin_folders,
)
from replication.configuration.job.source import SOURCES, Source
from replication.configuration.models import Baseline, NodeTree
from replication.files.core.batches import AT_ONCE
from replication.files.core.changes import Change
from replication.files.core.manifest import FileState, Manifest, Problem
from replication.files.core.paths import RelPath, not_ours
from replication.files.core.sheet import Sheet
from replication.files.core.spelling import Spelling
from replication.files.core.tree import TreeDamaged
from replication.files.digests import by_hashing
from replication.files.last_scan import MOST
from replication.files.listing import Answer, Sorted, listed, respelled, sort_out
from replication.files.scan import Scan, belied_by, scan_listed
from replication.files.work_context import WorkContext
from replication.objects import ObjectLost, Store


@dataclass(frozen=True, slots=True)
class NodeJob:
    """One secondary and what is known of it before it is asked. `tree`: what was last proven there, of so many `files`;
    None: nothing ever. `door`: what it is opened by; None: by its rows. `kept_edits`: how many of its edits the job
    keeps already."""

    node: Node
    tree: NodeTree | None
    decisions: Decisions
    files: int = 0
    door: Door | None = None
    kept_edits: int = 0


@dataclass(frozen=True, slots=True)
class Known:
    """What a look compares a node with. `expected`: what it should still hold; `states`: those whose contents are known
    by their sizes and times; `before`: what was proven when the job's work there began. None: nothing ever was.
    `within`: the look is of these files alone, and `spelled` how the node spells those that it spells otherwise."""

    expected: Manifest | None
    states: Manifest
    before: Manifest | None
    within: frozenset[RelPath] | None = None
    spelled: Mapping[RelPath, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeScan:
    """What a secondary holds, what it should hold, and the difference; `known`: what it was compared with. `within`:
    of these files alone, and all others are as they were proven. `sheet`: the listing behind it, where it was whole and
    without complaints; `since`: files that were looked at anew after that listing."""

    scan: Scan
    desired: Desired
    changes: tuple[Change, ...]
    extras: tuple[RelPath, ...]
    problems: tuple[Problem, ...]
    known: Known = Known(None, Manifest(), None)
    sheet: Sheet | None = None
    since: frozenset[RelPath] = frozenset()


def node_jobs(nodes: Sequence[Node], job_id: int | None = None) -> list[NodeJob]:
    """What the database knows of secondaries, and where a job works on them; in few queries for any number."""
    ids = [node.pk for node in nodes]
    prefetch_related_objects(nodes, "facts")
    proofs = {row.node_id: row for row in Baseline.objects.filter(node__in=ids)}
    decisions, doors = decisions_of(ids), doors_of(ids)
    kept = kept_edits(ids, job_id) if job_id is not None else {}
    return [
        NodeJob(
            node,
            proof.tree if proof else None,
            decisions[node.pk],
            proof.files if proof else 0,
            doors.get(node.pk),
            kept.get(node.pk, 0),
        )
        for node, proof in ((node, proofs.get(node.pk)) for node in nodes)
    ]


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a secondary: the way there, what it is compared with, and whom to tell. `shared`: what looks at other
    nodes of the job have worked out."""

    link: NodeLink
    job: NodeJob
    source: Source
    store: Store
    guard: WorkContext
    shared: Alike = field(default_factory=Alike)

    def first(self, *, deep: bool = False) -> NodeScan:
        """Scan the node and compare it with what it should hold; quickly, where little moved since its last proof.
        `deep` as in `scan_node`."""
        before = sighting_for(self.job.node.pk, self.job.tree, self.source.profile)
        answer = listed(self.link, self.source.profile, self.guard, last=before.sheet if before else None)
        part = self._part(answer, racy=True)
        alike: frozenset[RelPath] = frozenset()
        if part is not None and (deep or part.racy):
            alike = self._alike(part)
            doubted = part.paths | self._in_doubt(answer.sheet, alike, part) if alike else None
            part = self._part(answer, also=doubted, racy=True) if doubted is not None else None
        if part is not None:
            known = Known(part.proven, part.known, part.proven, part.paths, part.spelled)
            seen = self._at_part(known, part.listed, answer.sheet, deep=deep)
            seen = replace(seen, scan=replace(seen.scan, read=seen.scan.read + len(alike - part.paths)))
        else:
            proven = proven_on(self.job, self.source, self.store, self.guard)
            seen = self._at_all(Known(proven, proven or Manifest(), proven), answer, deep=deep)
        proven = seen.known.before
        if self.job.tree is not None and proven is not None:
            sighting = sighting_of(seen, proven.files, self.job.tree, self.source)
            remember(self.job.node.pk, sighting)
        return seen

    def _alike(self, part: Part) -> frozenset[RelPath]:
        """The files that are taken for proven by what is listed: all that are in no question; none where what was
        remembered is forgotten by now."""
        before = sighting_for(self.job.node.pk, self.job.tree, self.source.profile)
        given = SOURCES.at(before.given, self.source.profile, self.store).manifest.files if before else {}
        return frozenset(given.keys() - part.paths)

    def _in_doubt(self, sheet: Sheet | None, alike: frozenset[RelPath], part: Part) -> frozenset[RelPath]:
        """Of these, those that are in question once they were hashed anew."""
        racy: frozenset[RelPath] = frozenset()
        if part.racy and sheet is not None:
            racy = still_racy(sheet, alike, part, node_clock_ns(self.job.node))
        if len(racy) > MOST:
            return racy
        files = self.source.manifest.files
        sizes = [files[path].size for path in alike - racy]
        digest = by_hashing(self.link, self.source.profile, self.guard, sizes=sizes, few_are_read=False)
        return racy | belied_by(digest, alike - racy, files, self.guard)

    def again(self, seen: NodeScan, expected: Manifest, touched: frozenset[RelPath]) -> NodeScan:
        """Look at what became of the node since it was `seen`, and a job `touched` some of its files; at these alone,
        where they are few and the rest was known. `expected`: what the files that were looked at then should be."""
        files, touched = seen.scan.manifest.files, touched | seen.since
        states = Manifest(files={path: state for path, state in files.items() if path not in touched})
        entries = self._entries(seen, touched)
        if entries is not None:
            known = replace(seen.known, expected=expected, states=states)
            return replace(self._at_part(known, entries, seen.sheet), since=touched)
        answer, within = listed(self.link, self.source.profile, self.guard), seen.known.within
        if within is None:
            return self._at_all(Known(expected, states, seen.known.before), answer)
        part = self._part(answer, also=within)
        if part is None:
            proven = proven_on(self.job, self.source, self.store, self.guard) or Manifest()
            known = Known(_with(proven, expected, within), _with(proven, states, within), proven)
            return self._at_all(known, answer)
        expected, states = _with(part.proven, expected, within), _with(part.known, states, within)
        known = Known(expected, states, part.proven, part.paths, part.spelled)
        return self._at_part(known, part.listed, answer.sheet)

    def _entries(self, seen: NodeScan, touched: frozenset[RelPath]) -> dict[RelPath, ListedFile] | None:
        """The files that were in question, listed as they were then, but for those that were touched. None: look at
        everything."""
        within, sheet, spelled = seen.known.within, seen.sheet, seen.known.spelled
        if within is None or sheet is None or not touched <= within or len(touched) > AT_ONCE:
            return None
        named = {path: spelled.get(path, path) for path in sorted(touched)}
        facts = self.link.session.stat_many([f"{self.link.root}/{name}" for name in named.values()])
        listed = sheet.entries_at([spelled.get(path, path) for path in within - touched])
        entries = {path: entry for path in within - touched if (entry := listed.get(spelled.get(path, path)))}
        for (path, name), fact in zip(named.items(), facts, strict=True):
            if isinstance(fact, NodeError) or (fact and fact.kind is not FileKind.FILE):
                return None
            if fact:
                entries[path] = ListedFile(name, fact.kind, fact.size, fact.mtime_ns)
        return entries

    def _part(self, answer: Answer, also: frozenset[RelPath] = frozenset(), *, racy: bool = False) -> Part | None:
        """What is in question. `also`: these are, in any case; `racy`: the others may be in doubt, as in `Sighting`."""
        job, source = self.job, self.source
        before = sighting_for(job.node.pk, job.tree, source.profile)
        if before is None or (before.racy and not racy) or answer.sheet is None or source.manifest.unlisted:
            return None
        try:
            given = SOURCES.at(before.given, source.profile, self.store).manifest.files
            differing = SOURCES.differing(before.given, source, self.store)
        except (ObjectLost, TreeDamaged):  # it is long ago, and its retention ended
            return None
        terms = Terms(given=given, wanted=source.manifest.files, differing=differing, also=also)
        folds_case = self.link.platform.folds_case
        respell = source.spelling.of if folds_case else str
        return glance(before, answer.sheet, terms, respell=respell, folds_case=folds_case)

    def _decisions(self) -> Decisions:
        """What was decided on the node's ini keys, under the primary's names."""
        spelling = _spelling(self.job.node, self.source)
        return self.job.decisions.renamed(spelling.of) if spelling else self.job.decisions

    def _at_part(
        self, known: Known, entries: Mapping[RelPath, ListedFile], sheet: Sheet | None, *, deep: bool = False
    ) -> NodeScan:
        found = Sorted(dict(entries), (), (), (), (), ())
        return self._compared(known, self._scan(found, known, deep=deep), sheet)

    def _at_all(self, known: Known, answer: Answer, *, deep: bool = False) -> NodeScan:
        found, spelling = sort_out(answer.read(), self.source.profile), _spelling(self.job.node, self.source)
        found = respelled(found, spelling) if spelling else found
        return self._compared(known, self._scan(found, known, deep=deep), answer.sheet)

    def _scan(self, found: Sorted, known: Known, *, deep: bool = False) -> Scan:
        now = node_clock_ns(self.job.node)
        return scan_listed(
            self.link, self.source.profile, found, known=known.states, scan_ns=now, guard=self.guard, deep=deep
        )

    def _compared(self, known: Known, scan: Scan, sheet: Sheet | None) -> NodeScan:
        source, folds_case = self.source, self.link.platform.folds_case
        snapshot, blocked = source.manifest, source.name_problems(self.link.platform)
        folders: Collection[str] = ()
        if known.within is None:
            own = origin_folders(self.job.node.pk, self.store)
            folders = not_ours(scan.folders, own, folds_case=folds_case)
        else:
            snapshot = replace(snapshot, files=_within(snapshot.files, known.within))
            blocked = tuple(problem for problem in blocked if problem.path in known.within)
        rendering = Rendering(
            self.link,
            source.profile,
            self.store,
            snapshot,
            source.wanted,
            scan.manifest,
            known.expected,
            self._decisions(),
        )
        found = self.shared.compared(rendering, scan, blocked=blocked, folders=folders)
        changes = self._without_false_edits(found.changes, rendering, found.desired)
        return NodeScan(scan, found.desired, changes, found.extras, found.problems, known, sheet)

    def _without_false_edits(
        self, changes: tuple[Change, ...], rendering: Rendering, desired: Desired
    ) -> tuple[Change, ...]:
        """The changes, of which only those are conflicts that replace what was made on the node."""
        origin = origin_on(self.job, self.source, self.store) if rendering.baseline is None else None
        if origin is not None:
            changes = edited_since(changes, origin)
        if not any(change.conflict for change in changes):
            return changes
        kept: dict[str, list[IniKey]] = defaultdict(list)
        for key in desired.kept:
            kept[key.path].append(IniKey(key.section, key.key))
        is_given = partial(gives, rendering, kept)
        return without_given(changes, earlier_trees(self.job.node), self.store, is_given, self.guard)


def _with(whole: Manifest, part: Manifest, within: frozenset[RelPath]) -> Manifest:
    """The files of `whole`, where those `within` are as in `part`, or not there."""
    return Manifest(files={path: state for path, state in whole.files.items() if path not in within} | dict(part.files))


def _within(files: Mapping[RelPath, FileState], paths: frozenset[RelPath]) -> dict[RelPath, FileState]:
    return {path: files[path] for path in paths if path in files}


def sighting_of(
    seen: NodeScan,
    proven: Mapping[RelPath, FileState],
    tree: NodeTree,
    source: Source,
) -> Sighting | None:
    """What a node's listing stands for now that `tree` is proven there. None where that does not follow from a listing,
    or from too many single states."""
    scan = seen.scan
    if seen.sheet is None or scan.leftovers or scan.manifest.problems or scan.manifest.unlisted:
        return None
    apart = set_apart(scan.manifest.files, proven, source.manifest.files)
    if apart is None:
        return None
    own = apart.own | {path: Own(scan.manifest.files.get(path), proven.get(path)) for path in seen.since}
    names = [*(change.path for change in seen.changes), *(problem.path for problem in seen.problems)]
    unsettled = frozenset(map(RelPath, names))
    spelled = {**seen.known.spelled, **scan.spelled}
    sheet = replace(seen.sheet, steady=False) if seen.since else seen.sheet
    return Sighting(tree, source.root, source.profile, sheet, own, unsettled, spelled, apart.racy)


def _spelling(node: Node, source: Source) -> Spelling | None:
    return source.spelling if platform_named(node.platform).folds_case else None


def proven_on(job: NodeJob, source: Source, store: Store, guard: WorkContext) -> Manifest | None:
    """What was proven on the node, as far as it is known, under the primary's names."""
    if job.tree is None:
        return None
    proven = node_tree_left(job.tree, store, guard, f"what was proven on {job.node.name}")
    return _named(proven, job.node, source)


def origin_on(job: NodeJob, source: Source, store: Store) -> Manifest | None:
    """What a node that was never proven held at first, under the primary's names; None: not known, or proven since."""
    origin = kept_origin(job.node.pk, store) if job.tree is None else None
    return _named(origin, job.node, source) if origin else None


def _named(files: Manifest, node: Node, source: Source) -> Manifest:
    spelling = _spelling(node, source)
    return spelling.manifest(files) if spelling else files
