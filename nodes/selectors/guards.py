"""Guards, attestations and the cluster log as pages and lists need them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby

from django.db.models import Q, QuerySet

from accounts.models import Role
from accounts.principals import Principal
from nodes.access import require
from nodes.health import features
from nodes.health.verdicts import GUARDS
from nodes.models.cluster import Cluster
from nodes.models.cluster_log import ClusterLogLine
from nodes.models.guard import (
    Attestation,
    Guard,
    RegistrationSeal,
    StepAttestation,
)
from nodes.models.node import Node
from nodes.products.errors import ProfileError
from nodes.products.profile import FeatureRule
from nodes.selectors.clusters import profile_of
from nodes.selectors.readings import features_of

WORST_FIRST = ("fail", "warn", "unknown", "pass")


@dataclass(frozen=True, slots=True)
class GuardShown:
    """A guard with its words: `rule` is what is asked for."""

    row: Guard
    label: str
    rule: str


def guards_of(principal: Principal, cluster: Cluster) -> list[GuardShown]:
    """The cluster's guards, the worst first."""
    require(principal, cluster.pk, Role.VIEWER)
    labels = {rule.code: rule.label for rule in cluster_features(cluster)}
    rows = sorted(Guard.objects.filter(cluster=cluster), key=lambda row: (WORST_FIRST.index(row.state), row.pk))
    return [_shown(row, labels) for row in rows]


def _shown(row: Guard, labels: dict[str, str]) -> GuardShown:
    known = GUARDS.get(row.code)
    if known:
        return GuardShown(row, known.label, known.rule)
    return GuardShown(row, labels.get(row.code, row.code.replace("_", " ").capitalize()), features.RULE)


def cluster_features(cluster: Cluster) -> tuple[FeatureRule, ...]:
    """The features that do not go with clustering; none where the profile cannot be read."""
    try:
        return features_of(cluster, profile_of(cluster))
    except ProfileError:
        return ()


def worst_guards(cluster_ids: Collection[int]) -> dict[int, Guard]:
    """Of each cluster the guard that is worst off, one query for all; none for a cluster that was never checked."""
    rows = Guard.objects.filter(cluster__in=cluster_ids).order_by("cluster_id", "pk")
    grouped = groupby(rows, key=lambda row: row.cluster_id)
    return {pk: min(found, key=lambda row: WORST_FIRST.index(row.state)) for pk, found in grouped}


def attestations_of(principal: Principal, node: Node) -> QuerySet[Attestation]:
    """What people said of a node."""
    require(principal, node.cluster_id, Role.VIEWER)
    return Attestation.objects.filter(node=node)


def registration_of(principal: Principal, node: Node) -> RegistrationSeal | None:
    """Who entered the node's registration key, and when; the digest is not loaded."""
    require(principal, node.cluster_id, Role.VIEWER)
    return RegistrationSeal.objects.filter(node=node).defer("digest").first()


def steps_attested(cluster: Cluster) -> dict[int, StepAttestation]:
    """What people said of the set-up's steps."""
    return {row.step: row for row in StepAttestation.objects.filter(cluster=cluster)}


@dataclass(frozen=True, slots=True)
class LogQuery:
    """What a cluster's log is narrowed by. `after`: only lines with a greater id."""

    after: int = 0
    levels: tuple[str, ...] = ()
    node: str = ""
    search: str = ""


def log_lines(principal: Principal, cluster_id: int, query: LogQuery) -> QuerySet[ClusterLogLine]:
    """The cluster's log in its order. Raises Http404 where the cluster is not visible."""
    require(principal, cluster_id, Role.VIEWER)
    rows = ClusterLogLine.objects.filter(cluster=cluster_id, pk__gt=query.after).order_by("pk")
    if query.levels:
        rows = rows.filter(level__in=query.levels)
    if query.node:
        rows = rows.filter(node_name__iexact=query.node)
    if query.search:
        rows = rows.filter(Q(text__icontains=query.search) | Q(code__icontains=query.search))
    return rows
