"""Steps 1 to 7 of the guide, the shared paths, as far as the portal can prove them: pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the portal can prove of a step: whether it is done, and the evidence."""

    done: bool
    evidence: str


@dataclass(frozen=True, slots=True)
class KnownPaths:
    """What people set of a cluster's shared paths. `mode`: in words, "" where nobody chose. `places`: each folder's
    path by its label; `missing`: labels of folders without one. `by_hand`: those whose place in the servers' files
    nobody confirmed. `routing`: multi-node mail routing is set to be on, `queues`: where its queues lie. `applied`: how
    the check of that stands. `written_by`: number of the job that wrote the paths, None where none did."""

    mode: str = ""
    places: Mapping[str, str] | None = None
    missing: tuple[str, ...] = ()
    by_hand: tuple[str, ...] = ()
    routing: bool = False
    queues: str = ""
    applied: str = "unknown"
    written_by: int | None = None


NOTHING_SET = Evidence(False, "No path is set under Shared paths yet.")


def applied(known: KnownPaths) -> Evidence:
    """Step 1 where paths are set: all of them, and every node keeps its folders there."""
    if known.missing:
        return Evidence(False, f"Without a path: {', '.join(known.missing)}.")
    if known.applied == "pass":
        return Evidence(
            True, f"Set and applied: every node keeps {len(known.places or ())} folders where they are set."
        )
    return Evidence(False, f"Set, and not applied on every node. Check: {known.applied}.")


def in_its_dialog(known: KnownPaths) -> Evidence:
    """Steps 2 and 3: MDaemon's own dialog is needed only where the portal does not know what to write."""
    if not known.places:
        return NOTHING_SET
    if known.applied == "pass":
        return Evidence(True, "Not needed: every node's files hold the paths that are set.")
    if known.by_hand:
        return Evidence(
            False, f"To be set there by hand, as no key of the files is confirmed: {_listed(known.by_hand)}."
        )
    return Evidence(True, "Not needed: the portal writes the paths itself; every folder's key is confirmed.")


def chosen(known: KnownPaths) -> Evidence:
    """Step 4."""
    return Evidence(bool(known.mode), f"{known.mode}." if known.mode else "Nobody chose yet.")


def entered(known: KnownPaths) -> Evidence:
    """Step 5."""
    if not known.places:
        return NOTHING_SET
    listed = "; ".join(f"{label}: {path}" for label, path in known.places.items())
    if known.missing:
        return Evidence(False, f"{listed}. Without a path: {_listed(known.missing)}.")
    return Evidence(True, f"{listed}.")


def routed(known: KnownPaths) -> Evidence:
    """Step 6, which is a wish: who does not want it attests that."""
    if not known.routing:
        return Evidence(False, "Multi-node mail routing is not set to be on. Where it is not wanted, say so.")
    if not known.queues:
        return Evidence(False, "Multi-node mail routing is set to be on; the queues have no path.")
    return Evidence(True, f"Multi-node mail routing is set to be on, with the queues in {known.queues}.")


def moved(known: KnownPaths) -> Evidence:
    """Step 7. The job that writes the paths looks into the former folders, and is refused while something lies there
    unless a person says that it was moved."""
    if known.written_by is not None and known.applied == "pass":
        text = f"When job {known.written_by} applied the paths the former folders were empty, or somebody said that "
        return Evidence(True, f"{text}their content was moved.")
    return Evidence(False, "Only a person at the server can tell that nothing lies in the former folders any more.")


def _listed(labels: tuple[str, ...]) -> str:
    return ", ".join(labels)
