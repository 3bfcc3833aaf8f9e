"""Reasons to halt a job and ask: signs that the primary is not what it should be, or that a node would suffer.

Pure: the caller measured. What is not known is no brake, except that nothing is known of a primary without files.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from replication.files.core.manifest import Manifest
from replication.jobs.core.plan import Brake


@dataclass(frozen=True, slots=True)
class Limits:
    """Where a brake takes hold. `shrink_share`: lost files as a share of those given last (0..1). `clock_seconds`:
    furthest a clock may be off. `space_share` and `space_bytes`: what must stay free beyond what is sent."""

    shrink_share: float = 0.3
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
class BrakeInputs:
    """Everything the brakes look at. `files`: config files on the primary now; `given_files`: those that secondaries
    were proven to have been given last, None without any; `emptied`: files that had content then and have none now
    (`emptied_files` counts them)."""

    primary: BrakeReading
    secondaries: tuple[BrakeReading, ...] = ()
    files: int = 0
    given_files: int | None = None
    emptied: int = 0
    broken_inis: tuple[BrokenIni, ...] = ()
    limits: Limits = field(default_factory=Limits)


def emptied_files(given: Manifest, now: Manifest) -> int:
    """How many files had content when they were given and are there without any now, as after a full disk."""
    return sum(
        1 for path, state in now.files.items() if not state.size and path in given.files and given.files[path].size
    )


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
    lost = max(0, before - inputs.files) + inputs.emptied
    if before and lost > before * inputs.limits.shrink_share:
        evidence = (
            f"{lost} of {before} configuration files ({_percent(lost, before)}) that the secondaries were "
            f"last given are gone or empty; the limit is {inputs.limits.shrink_share:.0%}."
        )
        remedy = "Check the primary's folder. If the files were removed on purpose, override this brake."
        yield Brake("primary_shrunk", inputs.primary.name, evidence, remedy)


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
