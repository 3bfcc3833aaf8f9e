"""Compare what a secondary holds with what it should hold; for those that hold nothing, once for all that are alike."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from nodes.products.profile import Profile
from replication.configuration.job.desired import CONTENT_LOST, Decisions, Desired, Rendering, desired_files
from replication.files.apply.keep import TRUSTED_SECONDS
from replication.files.core.changes import Change, ChangeKind
from replication.files.core.compare import Handling, compare
from replication.files.core.manifest import Manifest, Problem
from replication.files.core.paths import RelPath
from replication.files.limits import TOO_LARGE
from replication.files.scan import Scan
from replication.objects import Store


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a node should hold, what is to be done for it, the files that only it has, and what stands in the way."""

    desired: Desired
    changes: tuple[Change, ...]
    extras: tuple[RelPath, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True, slots=True)
class _Terms:
    """All that the comparison of a node that holds nothing follows from."""

    platform: str
    profile: Profile
    snapshot: Manifest
    decisions: Decisions
    folders: frozenset[str]


class Alike:
    """What nodes that hold no file are given, worked out once for all of a job to which the same holds. Safe for
    threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: list[tuple[_Terms, Comparison]] = []

    def compared(
        self, rendering: Rendering, scan: Scan, *, blocked: Sequence[Problem], folders: Collection[str]
    ) -> Comparison:
        """`compared`, or what that came to for another node."""
        if rendering.baseline is not None or scan.manifest != Manifest():
            return compared(rendering, scan, blocked=blocked, folders=folders)
        platform, decisions = rendering.link.platform.name, rendering.decisions
        terms = _Terms(platform, rendering.profile, rendering.snapshot, decisions, frozenset(folders))
        with self._lock:  # whoever needs the same waits for it, instead of working it out as well
            for known, comparison in self._known:
                if known == terms:
                    return comparison
            comparison = compared(rendering, scan, blocked=blocked, folders=folders)
            self._known.append((terms, comparison))
        return comparison


def compared(rendering: Rendering, scan: Scan, *, blocked: Sequence[Problem], folders: Collection[str]) -> Comparison:
    """What a scan of a node comes to. `blocked`: files that its system cannot hold; `folders`: as in `compare`."""
    desired = desired_files(rendering)
    delta = compare(
        wanted=desired.files,
        baseline=rendering.baseline,
        actual=scan.manifest,
        ruling=handling_by(rendering.profile),
        folds_case=rendering.link.platform.folds_case,
        folders=folders,
        unknown=rendering.snapshot.unlisted,
    )
    lost = _lost(delta.changes, rendering.store)
    met, extras = without_own(scan, desired.files, delta.extras)
    problems = (*met, *desired.problems, *delta.problems, *blocked, *lost)
    return Comparison(desired, _possible(delta.changes, problems), extras, problems)


def without_own(
    scan: Scan, wanted: Collection[RelPath], extras: Sequence[RelPath]
) -> tuple[tuple[Problem, ...], tuple[RelPath, ...]]:
    """The problems that a scan met, but for large files that nobody wants to write: these are extras like others."""
    own = {RelPath(one.path) for one in scan.manifest.problems if one.code == TOO_LARGE and one.path not in wanted}
    problems = tuple(one for one in scan.manifest.problems if one.path not in own)
    return problems, tuple(sorted({*extras, *own}))


def _lost(changes: Sequence[Change], store: Store) -> tuple[Problem, ...]:
    """What cannot be sent, because its content was lost since the primary was read, or could not be read there."""
    sent = [change for change in changes if change.wanted and change.kind is not ChangeKind.TOUCH]
    wanted = (change.wanted.sha256 for change in sent if change.wanted)
    lacking = store.lacks(wanted, trusted_seconds=TRUSTED_SECONDS)
    return tuple(Problem(one.path, *CONTENT_LOST) for one in sent if one.wanted and one.wanted.sha256 in lacking)


def _possible(changes: Sequence[Change], problems: Sequence[Problem]) -> tuple[Change, ...]:
    """The changes that no problem stands in the way of."""
    refused = {problem.path for problem in problems}
    return tuple(change for change in changes if change.path not in refused)


def handling_by(profile: Profile) -> Callable[[RelPath], Handling]:
    """How the profile wants each path handled."""

    def handling(path: RelPath) -> Handling:
        ruling = profile.classify(path)
        return Handling(group=ruling.group, semaphore=ruling.semaphore, effect=ruling.effect)

    return handling
