"""Checks, attestations and the cluster log as pages and lists need them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import groupby

from django.db.models import QuerySet

from accounts.models import Role
from accounts.principals import Principal
from nodes.checks.core import features
from nodes.checks.core.finding import Finding
from nodes.checks.core.readings import Standing
from nodes.checks.core.verdicts import CHECKS
from nodes.checks.models import (
    Attestation,
    Guard,
    RegistrationSeal,
    StepAttestation,
)
from nodes.clusters.access import require
from nodes.clusters.models import Cluster
from nodes.facts.selectors.facts import cluster_features
from nodes.registry.models import Node

WORST_FIRST = ("fail", "warn", "unknown", "pass")


@dataclass(frozen=True, slots=True)
class CheckShown:
    """A check with its words: `rule` is what is asked for."""

    row: Guard
    label: str
    rule: str


def checks_shown(principal: Principal, cluster: Cluster) -> list[CheckShown]:
    """The cluster's checks, the worst first."""
    require(principal, cluster.pk, Role.VIEWER)
    labels = {rule.code: rule.label for rule in cluster_features(cluster)}
    rows = sorted(Guard.objects.filter(cluster=cluster), key=lambda row: (WORST_FIRST.index(row.state), row.pk))
    return [_shown(row, labels) for row in rows]


def _shown(row: Guard, labels: dict[str, str]) -> CheckShown:
    known = CHECKS.get(row.code)
    if known:
        return CheckShown(row, known.label, known.rule)
    return CheckShown(row, labels.get(row.code, row.code.replace("_", " ").capitalize()), features.RULE)


def worst_checks(cluster_ids: Collection[int]) -> dict[int, Guard]:
    """Of each cluster the check that is worst off, one query for all; none for a cluster that was never checked."""
    rows = Guard.objects.filter(cluster__in=cluster_ids).order_by("cluster_id", "pk")
    grouped = groupby(rows, key=lambda row: row.cluster_id)
    return {pk: min(found, key=lambda row: WORST_FIRST.index(row.state)) for pk, found in grouped}


OF_PATHS = ("paths_applied", "share_test")
"""The checks of shared paths of which the pages of a cluster say at once that they do not pass."""


@dataclass(frozen=True, slots=True)
class OpenPaths:
    """A check of shared paths that does not pass: what is worst, in a sentence, and on how many nodes more."""

    code: str
    sentence: str
    more: int


def open_paths(cluster: Cluster) -> list[OpenPaths]:
    """Those that warn or fail."""
    rows = Guard.objects.filter(cluster=cluster, code__in=OF_PATHS, state__in=(Standing.WARN, Standing.FAIL))
    return [_open(row) for row in rows]


def _open(row: Guard) -> OpenPaths:
    speaking = [Finding(**found) for found in row.findings if found["standing"] == row.state]
    return OpenPaths(row.code, speaking[0].sentence if speaking else row.evidence, max(len(speaking) - 1, 0))


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
