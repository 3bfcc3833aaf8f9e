"""The primary's files as all nodes of a job need them: read once, and kept as long as few others were read since."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from types import MappingProxyType

from nodes.bounded import Bounded
from nodes.platforms.base import Platform
from nodes.products.profile import Profile
from replication.configuration.job.loading import manifest_at
from replication.files.core.changes import Wanted
from replication.files.core.manifest import FileState, Manifest, Problem
from replication.files.core.paths import RelPath
from replication.files.core.spelling import Spelling
from replication.objects import Store

FILES_KEPT = 100_000
"""Files of all trees that a process keeps: some 50 MB."""
PAIRS_KEPT = 16
"""Pairs of trees of which a process remembers in what they differ."""


class Source:
    """What nodes are brought to: the files of a tree, and what follows from them for every node. `folders`: the ids
    of the tree's objects by its folders, where this process stored them. Not to be changed."""

    def __init__(
        self, root: str, manifest: Manifest, profile: Profile, folders: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.root, self.manifest, self.profile, self.folders = root, manifest, profile, folders
        self._names: dict[str, tuple[Platform, tuple[Problem, ...]]] = {}

    def after(self, earlier: Source, differing: frozenset[RelPath]) -> Source:
        """The same, with what follows from the files that it shares with an earlier one, and that does not follow anew.
        `differing`: the paths at which that one wanted something else."""
        now = {path: _wanted(self.manifest.files[path]) for path in differing if path in self.manifest.files}
        kept = dict(earlier.wanted)
        for path in differing - now.keys():
            kept.pop(path, None)
        self.wanted = kept | now
        come = [path for path in now if path not in earlier.manifest.files]
        for platform, problems in list(earlier._names.values()):
            known = [problem for problem in problems if problem.path in self.manifest.files]
            self._names[platform.name] = (platform, (*known, *_name_problems(come, platform)))
        return self

    def anew(self, manifest: Manifest, profile: Profile) -> Source:
        """The same tree, with what a new look met in the way."""
        unchanged = manifest == self.manifest and profile is self.profile
        return self if unchanged else Source(self.root, manifest, profile, self.folders)

    @cached_property
    def spelling(self) -> Spelling:
        """How the primary spells its files, for nodes that do not tell case apart."""
        return Spelling(self.manifest.files)

    @cached_property
    def wanted(self) -> Mapping[RelPath, Wanted]:
        """The files as each node gets them that has no keys of its own in them."""
        return {path: _wanted(state) for path, state in self.manifest.files.items()}

    def name_problems(self, platform: Platform) -> tuple[Problem, ...]:
        """The files whose names a node's system cannot hold."""
        if platform.name not in self._names:
            self._names[platform.name] = (platform, _name_problems(self.manifest.files, platform))
        return self._names[platform.name][1]


def _wanted(state: FileState) -> Wanted:
    return Wanted(state.sha256, state.size, state.mtime_ns)


def _name_problems(paths: Iterable[RelPath], platform: Platform) -> tuple[Problem, ...]:
    problems = ((path, _name_problem(path, platform)) for path in paths)
    return tuple(Problem(path, "bad_name", reason) for path, reason in problems if reason)


def _name_problem(path: RelPath, platform: Platform) -> str | None:
    return next(filter(None, map(platform.name_problem, path.split("/"))), None)


class _Sources:
    """The last few of them, and in what they differ."""

    def __init__(self) -> None:
        self._known: Bounded[str, Source] = Bounded(FILES_KEPT, lambda source: len(source.manifest.files))
        self._differing: Bounded[tuple[str, str], frozenset[RelPath]] = Bounded(PAIRS_KEPT)

    def keep(self, source: Source) -> Source:
        """Remember one."""
        self._known.keep(source.root, source)
        return source

    def follow(self, earlier: Source, source: Source) -> Source:
        """Remember what came after another one, and in what they differ."""
        differing = _differing(earlier.manifest.files, source.manifest.files)
        self._differing.keep((earlier.root, source.root), differing)
        return self.keep(source.after(earlier, differing))

    def kept(self, root: str) -> Source | None:
        """What is remembered of a tree."""
        return self._known.get(root)

    def at(self, root: str, profile: Profile, store: Store) -> Source:
        """What a tree in the store holds. Raises StoreError, TreeDamaged."""
        known = self._known.get(root)
        if known is None:
            return self.keep(Source(root, manifest_at(root, store), profile))
        return known if known.profile is profile else self.keep(known.anew(known.manifest, profile))

    def differing(self, earlier: str, source: Source, store: Store) -> frozenset[RelPath]:
        """The paths at which an earlier tree wanted something else of a node. Raises StoreError, TreeDamaged."""
        if earlier == source.root:
            return frozenset()
        pair = (earlier, source.root)
        known = self._differing.get(pair)
        if known is None:
            before = self.at(earlier, source.profile, store).manifest
            known = _differing(before.files, source.manifest.files)
            self._differing.keep(pair, known)
        return known

    def forget(self) -> None:
        """Ask the store again."""
        self._known.forget()
        self._differing.forget()


SOURCES = _Sources()


def _differing(files: Mapping[RelPath, FileState], others: Mapping[RelPath, FileState]) -> frozenset[RelPath]:
    changed = {path for path, state in files.items() if not _same_wanted(state, others.get(path))}
    return frozenset(changed | (others.keys() - files.keys()))


def _same_wanted(state: FileState, other: FileState | None) -> bool:
    if state is other:
        return True
    return other is not None and (state.sha256, state.mtime_ns) == (other.sha256, other.mtime_ns)
