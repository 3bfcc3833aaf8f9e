"""The set-up page of a cluster: the guide's steps with what proves each, or who attested it."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from accounts.models import Role
from accounts.principals import Principal
from nodes.checks.models import Guard, StepAttestation
from nodes.checks.selectors.checks import steps_attested
from nodes.cluster_log.models import ClusterLogLine
from nodes.clusters.access import require
from nodes.clusters.models import Cluster
from nodes.enums import REPLICATED, NodeRole, PathMode, ReplicationMode
from nodes.facts.selectors.facts import cluster_features, profile_of
from nodes.products.errors import ProfileError
from nodes.products.folders import folders_from
from nodes.registry.models import Node
from nodes.shares.core.layout import QUEUES, effective, shared_folders
from nodes.shares.models import FormerValue
from nodes.shares.selectors.keys import folder_keys_of
from nodes.shares.selectors.layout import layout_of
from replication.clustering.core.guide import (
    LOG_CODES,
    STEPS,
    GuideStep,
    GuideStepState,
    Known,
    KnownNode,
)
from replication.clustering.core.paths import Evidence, KnownPaths
from replication.configuration.models import Baseline


@dataclass(frozen=True, slots=True)
class StepShown:
    """A step as pages and the API show it; `by`, `at` and `note` of who attested it."""

    number: int
    title: str
    state: GuideStepState
    evidence: str
    anchor: str
    by: str = ""
    at: datetime | None = None
    note: str = ""


def setup_of(principal: Principal, cluster: Cluster) -> list[StepShown]:
    """All steps in their order. Raises Http404 where the cluster is not visible."""
    require(principal, cluster.pk, Role.VIEWER)
    known, said = known_of(cluster), steps_attested(cluster)
    return [_shown(step, known, said.get(step.number)) for step in STEPS]


def _shown(step: GuideStep, known: Known, said: StepAttestation | None) -> StepShown:
    found = step.find(known) if step.find else Evidence(False, "Only a person at the server can tell.")
    state = GuideStepState.DONE if found.done else GuideStepState.ATTESTED if said else GuideStepState.TODO
    by, at, note = (said.by, said.at, said.note) if said else ("", None, "")
    return StepShown(step.number, step.title, state, found.evidence, step.anchor, by, at, note)


def known_of(cluster: Cluster) -> Known:
    """What the steps are proven by, in a fixed number of queries."""
    nodes = list(Node.objects.filter(cluster=cluster).select_related("facts"))
    proven = dict(Baseline.objects.filter(node__cluster=cluster).values_list("node", "files"))
    codes = _portal_codes(cluster)
    primary = next((node for node in nodes if node.role == NodeRole.PRIMARY), None)
    inside, outside = _folders(cluster, primary)
    checks = dict(Guard.objects.filter(cluster=cluster).values_list("code", "state"))
    return Known(
        native=cluster.replication_mode == ReplicationMode.NATIVE,
        nodes=tuple(_node(node, proven.get(node.pk), codes[node.name]) for node in nodes),
        checks=checks,
        paths=_paths(cluster, checks.get("paths_applied", "unknown")),
        folders_inside=inside,
        folders_outside=outside,
        paused=cluster.paused,
        enabled=cluster.acts_as_one,
        not_found=tuple(rule.label for rule in cluster_features(cluster) if not rule.key),
    )


def _portal_codes(cluster: Cluster) -> dict[str, set[str]]:
    """Which of the guide's codes the portal wrote for which node."""
    rows = ClusterLogLine.objects.filter(cluster=cluster, code__in=LOG_CODES).order_by()
    found: dict[str, set[str]] = defaultdict(set)
    for name, code in rows.values_list("node_name", "code").distinct():
        found[name].add(code)
    return found


def _node(node: Node, files: int | None, codes: set[str]) -> KnownNode:
    facts = getattr(node, "facts", None)
    return KnownNode(
        name=node.name,
        address=node.address,
        primary=node.role == NodeRole.PRIMARY,
        version=facts.product_version if facts else "",
        joined=node.joining in REPLICATED,
        proven_files=files,
        own_codes=frozenset(facts.own_log) if facts else frozenset(),
        portal_codes=frozenset(codes),
    )


def _folders(cluster: Cluster, primary: Node | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    facts = getattr(primary, "facts", None)
    if facts is None or not facts.folders:
        return (), ()
    try:
        shared = profile_of(cluster).shared_roles
    except ProfileError:
        return (), ()
    found = [folder for folder in folders_from(facts.folders) if folder.role in shared]
    inside = tuple(folder.label for folder in found if folder.inside)
    return inside, tuple(folder.label for folder in found if not folder.inside)


def _paths(cluster: Cluster, applied: str) -> KnownPaths:
    try:
        rules = profile_of(cluster).folders
    except ProfileError:
        return KnownPaths()
    layout = layout_of(cluster)
    places = {place.role: place for place in effective(layout, rules)}
    confirmed = {key.role for key in folder_keys_of(cluster)}
    wanted = [rule for rule in shared_folders(rules, routing=False) if rule.role not in places]
    queues = places.pop(QUEUES, None)
    written = FormerValue.objects.filter(cluster=cluster, restored_at=None).order_by("-pk")
    return KnownPaths(
        mode=PathMode(layout.mode).label if layout.mode else "",
        places={place.label: str(place.path) for place in places.values()},
        missing=tuple(rule.label for rule in wanted) if places else (),
        by_hand=tuple(place.label for place in places.values() if place.role not in confirmed),
        routing=layout.routing,
        queues=str(queues.path) if queues else "",
        applied=applied,
        written_by=written.values_list("job_number", flat=True).first(),
    )
