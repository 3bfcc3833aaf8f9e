"""The guide's fifteen steps, each done, still to do, or attested by a person: pure, over what the portal knows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from nodes.counted import many
from replication.clustering.core import paths
from replication.clustering.core.paths import Evidence, KnownPaths

LOG_CODES = {
    "0x41511220": "secondary",
    "0x41510270": "primary",
    "0x4151020C": "secondary",
    "0x41510618": "secondary",
}
"""The codes that step 13 looks for, and on whose log; the first names the secondary but stands on the primary's."""


class GuideStepState(StrEnum):
    """How a step stands."""

    DONE = "done"
    TODO = "todo"
    ATTESTED = "attested"


STEP_STATES = [(state.value, state.value.capitalize()) for state in GuideStepState]


@dataclass(frozen=True, slots=True)
class KnownNode:
    """A node as the steps need it. `own_codes`: codes seen in its own cluster log; `portal_codes`: in the portal's."""

    name: str
    address: str
    primary: bool
    version: str = ""
    joined: bool = False
    proven_files: int | None = None
    own_codes: frozenset[str] = frozenset()
    portal_codes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Known:
    """What the portal knows of a cluster. `checks`: state by code. `folders_inside`: shared folders that the primary
    still keeps inside its installation folder, `folders_outside` those it does not. `enabled`: clustering is, by the
    portal. `not_found`: features whose switch nobody has found. `paths`: what was set of the shared paths."""

    native: bool
    nodes: tuple[KnownNode, ...] = ()
    checks: Mapping[str, str] = field(default_factory=dict)
    folders_inside: tuple[str, ...] = ()
    folders_outside: tuple[str, ...] = ()
    paused: bool = True
    enabled: bool = False
    not_found: tuple[str, ...] = ()
    paths: KnownPaths = field(default_factory=KnownPaths)

    @property
    def secondaries(self) -> tuple[KnownNode, ...]:
        """All but the primary."""
        return tuple(node for node in self.nodes if not node.primary)

    @property
    def has_primary(self) -> bool:
        """Whether a node has the role of the primary."""
        return any(node.primary for node in self.nodes)


@dataclass(frozen=True, slots=True)
class GuideStep:
    """A step. `title` in the guide's spirit; `find` proves it, None where only a person can know. `anchor`: the part of
    the cluster's page that helps."""

    number: int
    title: str
    find: Callable[[Known], Evidence] | None = None
    anchor: str = ""


def _paths(known: Known) -> Evidence:
    if known.paths.places:
        return paths.applied(known.paths)
    if known.folders_inside:
        return Evidence(False, f"Inside the primary's installation folder: {', '.join(known.folders_inside)}.")
    if known.folders_outside:
        return Evidence(True, f"Outside the primary's installation folder: {', '.join(known.folders_outside)}.")
    return Evidence(False, "The primary's folders were not read yet.")


def _installed(known: Known) -> Evidence:
    if not known.secondaries:
        return Evidence(False, "No secondary is registered.")
    versions = ", ".join(f"{node.name}: {node.version or 'version not known'}" for node in known.secondaries)
    same, own = known.checks.get("same_version", "unknown"), known.checks.get("registration_key", "unknown")
    return Evidence(same == own == "pass", f"{versions}. Same version: {same}. Own registration keys: {own}.")


def _enabled(known: Known) -> Evidence:
    state = known.checks.get("cluster_service", "unknown")
    if known.native:
        return Evidence(state == "pass", f"MDaemon replicates: its cluster service must be on. Check: {state}.")
    enabled = f"{'' if known.enabled else 'not '}enabled{' and paused' if known.paused else ''}"
    text = f"The portal replicates in its place: it stays off on every node. Check: {state}; clustering is {enabled}."
    if known.not_found:
        text = f"{text} To do by hand: {', '.join(known.not_found)} must be off, and no switch is known."
    return Evidence(state == "pass" and known.enabled and not known.paused, text)


def _added(known: Known) -> Evidence:
    names = ", ".join(f"{node.name} ({node.address})" for node in known.secondaries)
    return Evidence(bool(known.secondaries), f"Registered secondaries: {names or 'none'}.")


def _confirmed(known: Known) -> Evidence:
    if known.native:
        return Evidence(False, "MDaemon's own dialog cannot be seen.")
    missing = [node.name for node in known.secondaries if not node.joined]
    if missing or not known.secondaries:
        return Evidence(False, f"Not joined yet: {', '.join(missing) or 'no secondary is registered'}.")
    names = ", ".join(node.name for node in known.secondaries)
    return Evidence(True, f"Confirmed by name that all settings of {names} are overwritten.")


def _connected(known: Known) -> Evidence:
    missing = [f"{code} on the {where}" for code, where in LOG_CODES.items() if not _seen(known, code, where)]
    unproven = [] if known.native else [node.name for node in known.secondaries if node.proven_files is None]
    if missing or unproven or not known.secondaries:
        parts = [f"not seen: {', '.join(missing)}"] if missing else []
        parts += [f"never proven: {', '.join(unproven)}"] if unproven else []
        return Evidence(False, f"Cluster log: {'; '.join(parts) or 'no secondary is registered'}.")
    proven = ", ".join(f"{node.name}: {many(node.proven_files or 0, 'file')} proven" for node in known.secondaries)
    whose = "the nodes' own cluster logs" if known.native else "the portal's cluster log"
    return Evidence(True, f"All four codes are in {whose}{'' if known.native else f'; {proven}'}.")


def _seen(known: Known, code: str, where: str) -> bool:
    """On every node it belongs on. In the nodes' own logs the first code stands on the primary's."""
    on_primary = where == "primary" or (known.native and code == "0x41511220")
    nodes = [node for node in known.nodes if node.primary == on_primary]
    return bool(nodes) and all(code in (node.own_codes if known.native else node.portal_codes) for node in nodes)


def _listed(known: Known) -> Evidence:
    if known.native:
        return Evidence(False, "The list on the secondary cannot be seen.")
    names = ", ".join(node.name for node in known.nodes)
    return Evidence(known.has_primary and bool(known.secondaries), f"Registered Servers: {names or 'none'}.")


def _of_paths(find: Callable[[KnownPaths], Evidence]) -> Callable[[Known], Evidence]:
    return lambda known: find(known.paths)


STEPS = (
    GuideStep(1, "Put mailbox and folder paths where every node reaches them", _paths, "shared-paths"),
    GuideStep(
        2,
        "Open an MDaemon configuration session (not Remote Administration)",
        _of_paths(paths.in_its_dialog),
        "shared-paths",
    ),
    GuideStep(
        3, "Go to Setup | Cluster Service | Shared Network Paths", _of_paths(paths.in_its_dialog), "shared-paths"
    ),
    GuideStep(4, "Choose one common network share, or each path by itself", _of_paths(paths.chosen), "shared-paths"),
    GuideStep(5, "Enter the shared network paths", _of_paths(paths.entered), "shared-paths"),
    GuideStep(
        6,
        "If wanted, enable multi-node mail routing and enter the queues' folder",
        _of_paths(paths.routed),
        "routing",
    ),
    GuideStep(
        7,
        "Move the content of all shared folders to the new paths by hand",
        _of_paths(paths.moved),
        "shared-paths",
    ),
    GuideStep(8, "Install MDaemon on a secondary with a registration key of its own", _installed, "nodes"),
    GuideStep(9, "Enable the cluster service on both nodes", _enabled, "checks"),
    GuideStep(10, "Add the new server to the cluster", _added, "nodes"),
    GuideStep(11, "Enter the secondary's NetBIOS name, IP address or DNS name", _added, "nodes"),
    GuideStep(12, "Confirm: all settings on the secondary are overwritten", _confirmed, "nodes"),
    GuideStep(13, "Check the Cluster log on both servers", _connected, "cluster-log"),
    GuideStep(14, "See both nodes listed under Registered Servers on the secondary", _listed, "nodes"),
    GuideStep(15, "Configure the load balancer"),
)
