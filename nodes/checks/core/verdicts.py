"""The checks: each judges one rule of the guide over a cluster's readings. What is not known never passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from nodes.checks.core import (
    accounts,
    features,
    identity,
    queues,
    service,
    shares,
    surroundings,
)
from nodes.checks.core.finding import Finding, joined, worst
from nodes.checks.core.readings import ClusterReading, Standing

__all__ = ["CHECKS", "Check", "Finding", "Standing", "Verdict", "judge"]

Judge = Callable[[ClusterReading], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Check:
    """One rule. `rule` is what the guide, or the portal, asks for, in one sentence."""

    code: str
    label: str
    rule: str
    judge: Judge


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one check stands: the worst of its findings, with the words of those that are as bad."""

    code: str
    standing: Standing
    evidence: str
    remedy: str
    findings: tuple[Finding, ...] = ()


_RULES = (
    Check("one_primary", "One primary", "A cluster has one primary node.", identity.one_primary),
    Check("same_version", "Same version", "Each node runs the same version.", identity.same_version),
    Check("registration_key", "Own registration key", "Each node has its own key.", identity.registration_key),
    Check("same_network", "Same network", "All nodes are on the same network.", surroundings.same_network),
    Check("time_zone", "Time zone", "All nodes are set to the same time zone.", surroundings.time_zone),
    Check("clock", "Clock", "No clock is off by more than 1 second.", surroundings.clock),
    Check("path_access", "Shared paths", "All nodes reach the shared folders.", service.path_access),
    Check("service_accounts", "Service accounts", "Services run as a user with network access.", accounts.accounts),
    Check("paths_applied", "Paths applied", "Shared folders lie where they are set.", shares.applied),
    Check("share_test", "Share test", "Every node can work in the shared folders.", shares.tested),
    Check("file_server_clock", "File server's clock", "It agrees with the nodes' clocks.", shares.server_clock),
    Check("mail_routing", "Mail routing", "It is on, or off, on every node, as it is set.", queues.routing),
    Check("queues_left", "Queues left behind", "No message lies where no server works.", queues.left_behind),
    Check("cluster_service", "Cluster service", "Exactly one of the two replicates.", service.cluster_service),
    Check("disk", "Disk space", "Every node has space left.", surroundings.disk),
)

CHECKS: dict[str, Check] = {check.code: check for check in _RULES}


def judge(reading: ClusterReading) -> tuple[Verdict, ...]:
    """Every check's verdict, the incompatible features' last."""
    rules = [*_RULES, *(_feature_check(feature.code, feature.label) for feature in reading.features)]
    return tuple(_verdict(check.code, check.judge(reading)) for check in rules)


def _feature_check(code: str, label: str) -> Check:
    return Check(code, label, features.RULE, lambda reading: features.switched_off(reading, code))


def _verdict(code: str, findings: Iterable[Finding]) -> Verdict:
    rows = tuple(findings)
    standing = worst(row.standing for row in rows)
    speaking = [row for row in rows if row.standing == standing]
    return Verdict(
        code, standing, joined(row.sentence for row in speaking), joined(row.remedy for row in speaking), rows
    )
