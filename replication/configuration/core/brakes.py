"""Reasons to halt a job and ask: signs that the primary is not what it should be, or that a node would suffer.

Pure: the caller measured. What is not known is no brake, except that nothing is known of a primary without files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from replication.files.core.manifest import FileState, Manifest
from replication.jobs.core.plan import Brake


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a brake takes hold. `shrink_share`: lost files as a share of those given last (0..1). `change_share`: files
    with other content as a share of those that are not lost. `least_files`: so many must be lost, or changed, before
    their share counts. `clock_seconds`: furthest a clock may be off. `space_share` and `space_bytes`: what must stay
    free beyond what is sent."""

    shrink_share: float = 0.2
    change_share: float = 0.5
    least_files: int = 5
    clock_seconds: float = 300.0
    space_share: float = 0.1
    space_bytes: int = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class BrakeReading:
    """What is known of one node, None or "" where it is not.

    `role_evidence`: why the server has another part than it is registered with, "" where nothing says so.
    `clock_offset`: seconds its clock is ahead of the portal's, give or take `clock_uncertainty`. `needed_bytes`: what
    this job would send and stage there; `free_bytes` of that volume.
    """

    name: str
    version: str = ""
    role_evidence: str = ""
    clock_offset: float | None = None
    clock_uncertainty: float = 0.0
    needed_bytes: int = 0
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class BrokenIni:
    """An ini file of the primary that no longer parses; `reason` says where."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class TreeChanges:
    """What became of the files that were given last. `lost`: names that are gone, or without any content where they had
    some, as after a full disk, however many others came. `changed`: those of the others that hold other content."""

    lost: int = 0
    changed: int = 0


@dataclass(frozen=True, slots=True)
class BrakeInputs:
    """Everything the brakes look at. `files`: config files on the primary now; `given_files`: those that secondaries
    were proven to have been given last, None without any; `given_lost`: how many more there were, of which the store
    lost what it knew; `changes`: what became of the known ones."""

    primary: BrakeReading
    secondaries: tuple[BrakeReading, ...] = ()
    files: int = 0
    given_files: int | None = None
    given_lost: int = 0
    changes: TreeChanges = field(default_factory=TreeChanges)
    broken_inis: tuple[BrokenIni, ...] = ()
    limits: Limits = field(default_factory=Limits)


def tree_changes(given: Manifest, now: Manifest, *, folds_case: bool) -> TreeChanges:
    """Compare what was given with what the primary holds, by name; `folds_case`: whether its system does."""
    moved = {path: state for path, state in given.files.items() if now.files.get(path) is not state}
    if not moved:
        return TreeChanges()
    held = {path.key(folds_case=folds_case): state for path, state in now.files.items()}
    pairs = [(before, held.get(path.key(folds_case=folds_case))) for path, before in moved.items()]
    kept = [(before, after) for before, after in pairs if after is not None and not _is_emptied(before, after)]
    return TreeChanges(len(pairs) - len(kept), sum(before.sha256 != after.sha256 for before, after in kept))


def _is_emptied(before: FileState, after: FileState) -> bool:
    return before.size > 0 and after.size == 0


def brakes(inputs: BrakeInputs) -> tuple[Brake, ...]:
    """Every reason to halt, the primary's first. Empty: go on."""
    nodes = (inputs.primary, *inputs.secondaries)
    return (
        *_tree(inputs),
        *_role(inputs.primary),
        *_inis(inputs),
        *_versions(inputs),
        *(brake for node in nodes for brake in _clock(node, inputs.limits)),
        *(brake for node in nodes for brake in _space(node, inputs.limits)),
    )


def _tree(inputs: BrakeInputs) -> Iterator[Brake]:
    before = inputs.given_files or 0
    if not inputs.files:
        evidence = f"No configuration file was found; the secondaries were last given {before}."
        remedy = "Check the installation folder and that its volume is mounted on the primary."
        yield Brake("primary_gone", inputs.primary.name, evidence, remedy)
        return
    if _is_much(inputs.given_lost, before + inputs.given_lost, inputs.limits.shrink_share, inputs.limits):
        evidence = (
            f"The store lost what it knew of {inputs.given_lost} of the {before + inputs.given_lost} files that the "
            "secondaries were last given: nothing tells whether the primary still is what it was."
        )
        remedy = "Compare the primary with a secondary. If it is as it should be, override this brake."
        yield Brake("given_lost", inputs.primary.name, evidence, remedy)
    lost, changed, limits = inputs.changes.lost, inputs.changes.changed, inputs.limits
    if _is_much(lost, before, limits.shrink_share, limits):
        evidence = (
            f"{lost} of {before} configuration files ({_percent(lost, before)}) that the secondaries were "
            f"last given are gone or empty; the limit is {limits.shrink_share:.0%}."
        )
        remedy = "Check the primary's folder. If the files were removed on purpose, override this brake."
        yield Brake("primary_shrunk", inputs.primary.name, evidence, remedy)
    kept = before - lost
    if _is_much(changed, kept, limits.change_share, limits):
        evidence = (
            f"{changed} of {kept} configuration files ({_percent(changed, kept)}) that the primary still has hold "
            f"other content than the secondaries were last given; the limit is {limits.change_share:.0%}."
        )
        remedy = "Look into some of them: so do encrypted files. If they were changed on purpose, override this brake."
        yield Brake("primary_rewritten", inputs.primary.name, evidence, remedy)


def _is_much(part: int, whole: int, share: float, limits: Limits) -> bool:
    return part >= limits.least_files and part > whole * share


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f}%"


def _role(primary: BrakeReading) -> Iterator[Brake]:
    if primary.role_evidence:
        remedy = "Register the node that is the primary now, or correct the role on the node."
        yield Brake("not_primary", primary.name, primary.role_evidence, remedy)


def _inis(inputs: BrakeInputs) -> Iterator[Brake]:
    for broken in inputs.broken_inis:
        evidence = f"{broken.path} no longer parses: {broken.reason}."
        remedy = "Correct the file on the primary, or restore it from the snapshot before."
        yield Brake("broken_ini", inputs.primary.name, evidence, remedy)


def _versions(inputs: BrakeInputs) -> Iterator[Brake]:
    expected = inputs.primary.version.strip()
    for node in inputs.secondaries:
        version = node.version.strip()
        if expected and version and version.casefold() != expected.casefold():
            evidence = f"It runs version {version}; the primary {inputs.primary.name} runs {expected}."
            remedy = "Bring all nodes to the same version, then run the job again."
            yield Brake("versions_differ", node.name, evidence, remedy)


def _clock(node: BrakeReading, limits: Limits) -> Iterator[Brake]:
    if node.clock_offset is None:
        return
    surely_off = abs(node.clock_offset) - node.clock_uncertainty
    if surely_off > limits.clock_seconds:
        side = "ahead of" if node.clock_offset > 0 else "behind"
        evidence = (
            f"Its clock is {abs(node.clock_offset):.1f} s {side} the portal's "
            f"(± {node.clock_uncertainty:.1f} s); the limit is {limits.clock_seconds:.0f} s."
        )
        remedy = "Set the clock and its time synchronisation on the node (or on the portal, if every node is off)."
        yield Brake("clock_off", node.name, evidence, remedy)


def _space(node: BrakeReading, limits: Limits) -> Iterator[Brake]:
    if node.free_bytes is None or not node.needed_bytes:
        return
    wanted = int(node.needed_bytes * (1 + limits.space_share)) + limits.space_bytes
    if node.free_bytes < wanted:
        evidence = f"{node.free_bytes} bytes are free; {node.needed_bytes} are to be sent, {wanted} with the margin."
        remedy = "Free space on the volume of the installation folder, then run the job again."
        yield Brake("no_space", node.name, evidence, remedy)
