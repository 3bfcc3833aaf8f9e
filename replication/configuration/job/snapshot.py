"""Take the primary's snapshot: scan, store content and trees, judge what would make replicating it dangerous."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import lru_cache

from nodes.bounded import Bounded
from nodes.connection.connect import NodeLink, open_node
from nodes.facts.observe import freshen
from nodes.products.ini import IniDocument, IniError
from nodes.products.profile import Profile
from nodes.registry.models import Node
from replication.configuration.job.desired import ini_content
from replication.configuration.job.loading import (
    last_given,
    latest_snapshot,
    left_at,
    node_clock_ns,
)
from replication.configuration.job.source import SOURCES, Source
from replication.configuration.models import Snapshot
from replication.configuration.services.history import SnapshotFacts
from replication.files.core.manifest import FileState, Manifest, Problem
from replication.files.core.paths import RelPath
from replication.files.core.tree import build, build_after
from replication.files.last_scan import LastScan
from replication.files.scan import ORDINARY, Scan, ScanOptions, scan_primary
from replication.files.work_context import WorkContext, moving
from replication.objects import Store


@dataclass(frozen=True, slots=True)
class Taken:
    """The primary's configuration now, and what secondaries were last proven to have been `given`. `same_as`: the
    newest snapshot's id where its content is the same. `given_lost`: how many files that were given are not known any
    more. `hidden` and `read` as in `Scan`."""

    source: Source
    given: Manifest | None
    facts: SnapshotFacts
    same_as: int | None
    broken_ini: tuple[Problem, ...]
    unstable: tuple[str, ...] = ()
    given_lost: int = 0
    hidden: tuple[RelPath, ...] = ()
    read: int = 0

    @property
    def manifest(self) -> Manifest:
        """The primary's files, and what stood in the way of knowing them."""
        return self.source.manifest


BYTES_KEPT = 32 * 1024 * 1024
"""Listings of primaries that a process remembers."""

LAST_SCANS: Bounded[int, LastScan] = Bounded(BYTES_KEPT, lambda last: len(last.sheet.raw))
"""The last scans of primaries, by their nodes' ids."""


@dataclass(frozen=True, slots=True)
class _Given:
    """What is known of a snapshot, and how many of its files are not."""

    manifest: Manifest
    lost: int


def take_snapshot(
    primary: Node, profile: Profile, store: Store, guard: WorkContext, *, options: ScanOptions = ORDINARY
) -> Taken:
    """Scan the primary. Raises nodes.errors; RemoteFileMissing where its installation folder is gone."""
    parent_row = latest_snapshot(primary.cluster_id)
    parent = SOURCES.kept(parent_row.root) if parent_row else None
    known = parent.manifest if parent else _left(parent_row, store, guard)
    with open_node(primary) as link:
        freshen(primary, link, profile, guard.check)
        options = replace(options, last=LAST_SCANS.get(primary.pk))
        scan = _scanned(link, profile, known, node_clock_ns(primary), store, guard, options)
    if scan.last is None:
        LAST_SCANS.take(primary.pk)
    else:
        LAST_SCANS.keep(primary.pk, scan.last)
    manifest = scan.manifest
    findings = json.dumps(
        {
            "problems": [[problem.path, problem.code, problem.detail] for problem in manifest.problems],
            "unclassified": list(manifest.unclassified),
        }
    ).encode()
    source = _stored(manifest, parent, profile, store, guard)
    findings_object = store.put(findings)
    facts = SnapshotFacts(
        cluster_id=primary.cluster_id,
        node_id=primary.pk,
        root=source.root,
        files=len(manifest.files),
        bytes=manifest.bytes,
        stale=sum(state.stale for state in manifest.files.values()),
        findings_object=findings_object,
        problem_count=len(manifest.problems),
        unclassified_count=len(manifest.unclassified),
    )
    given = _given(primary.cluster_id, parent_row, known, store, guard)
    same = parent_row is not None and parent_row.node_id == primary.pk and same_content(known, manifest)
    return Taken(
        source=source,
        given=given.manifest if given else None,
        given_lost=given.lost if given else 0,
        facts=facts,
        same_as=parent_row.pk if parent_row and same else None,
        broken_ini=_broken_ini(manifest, profile, store),
        unstable=scan.unstable,
        hidden=scan.hidden,
        read=scan.read,
    )


def _left(newest: Snapshot | None, store: Store, guard: WorkContext) -> Manifest:
    return left_at(newest.root if newest else "", store, guard, "the newest snapshot")


WHOLE_SECONDS = 60.0
"""How long a tree that was read to its end counts as being in the store."""


def _stored(manifest: Manifest, parent: Source | None, profile: Profile, store: Store, guard: WorkContext) -> Source:
    """The files as a tree in the store, kept for the job. Only folders whose files differ are built again, as long as
    all of the tree before is there."""
    if parent is None or not _is_whole(parent, store, guard):
        tree = build(manifest)
    elif manifest.files == parent.manifest.files:
        return SOURCES.keep(parent.anew(manifest, profile))
    else:
        tree = build_after(manifest, parent.manifest, parent.folders)
    with store.batch() as batch:
        for content in tree.objects.values():
            batch.put(content)
    source = Source(tree.root, manifest, profile, tree.folders)
    return SOURCES.follow(parent, source) if parent else SOURCES.keep(source)


def _is_whole(source: Source, store: Store, guard: WorkContext) -> bool:
    """Whether every object of a tree is in the store, and known; young from now on."""
    ids = set(source.folders.values())
    return bool(ids) and store.whole(ids, trusted_seconds=WHOLE_SECONDS, progress=moving(guard)) == ids


def _given(
    cluster_id: int, newest: Snapshot | None, known: Manifest, store: Store, guard: WorkContext
) -> _Given | None:
    """`known` is the newest snapshot's, which it mostly is; before anything was proven that is the best there is."""
    given = last_given(cluster_id) or newest
    if given is None or newest is None:
        return None
    is_newest = given.root == newest.root
    manifest = known if is_newest else left_at(given.root, store, guard, "what the secondaries were last given")
    return _Given(manifest, max(given.files - len(manifest.files), 0))


def _scanned(
    link: NodeLink,
    profile: Profile,
    known: Manifest,
    scan_ns: int,
    store: Store,
    guard: WorkContext,
    options: ScanOptions,
) -> Scan:
    with store.batch() as batch:
        return scan_primary(link, profile, known=known, scan_ns=scan_ns, store=batch, guard=guard, options=options)


def same_content(before: Manifest, after: Manifest) -> bool:
    """Whether two manifests hold the same files with the same bytes and times, whatever the scan's bookkeeping says."""

    def essence(state: FileState) -> tuple[object, ...]:
        return state.size, state.mtime_ns, state.sha256, state.stale

    return before.files.keys() == after.files.keys() and all(
        state is (other := after.files[path]) or essence(state) == essence(other)
        for path, state in before.files.items()
    )


def _broken_ini(manifest: Manifest, profile: Profile, store: Store) -> tuple[Problem, ...]:
    broken: list[Problem] = []
    for path, state in manifest.files.items():
        if profile.classify(path).ini:
            try:
                _check_ini(state.sha256, store)
            except IniError as error:
                broken.append(Problem(RelPath(path), "broken_ini", str(error)))
    return tuple(broken)


@lru_cache(maxsize=20_000)
def _check_ini(id_: str, store: Store) -> None:
    """Raises IniError for a content that is no ini file; one that is stays so."""
    IniDocument.parse(ini_content(store, id_))
