"""The guards: each judges one rule of the guide over a cluster's readings. What is not known never passes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from nodes.health import features, identity, service, surroundings
from nodes.health.finding import Finding, joined, worst
from nodes.health.readings import ClusterReading, Standing

__all__ = ["GUARDS", "Finding", "Guard", "Standing", "Verdict", "judge"]

Judge = Callable[[ClusterReading], Sequence[Finding]]


@dataclass(frozen=True, slots=True)
class Guard:
    """One rule. `rule` is what the guide, or the portal, asks for, in one sentence."""

    code: str
    label: str
    rule: str
    judge: Judge


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one guard stands: the worst of its findings, with the words of those that are as bad."""

    code: str
    standing: Standing
    evidence: str
    remedy: str
    findings: tuple[Finding, ...] = ()


_RULES = (
    Guard("one_primary", "One primary", "A cluster has one primary node.", identity.one_primary),
    Guard("same_version", "Same version", "Each node runs the same version.", identity.same_version),
    Guard("registration_key", "Own registration key", "Each node has its own key.", identity.registration_key),
    Guard("same_network", "Same network", "All nodes are on the same network.", surroundings.same_network),
    Guard("time_zone", "Time zone", "All nodes are set to the same time zone.", surroundings.time_zone),
    Guard("clock", "Clock", "No clock is off by more than 1 second.", surroundings.clock),
    Guard("path_access", "Shared paths", "All nodes reach the shared folders.", service.path_access),
    Guard("service_accounts", "Service accounts", "Services run as a user with network access.", service.accounts),
    Guard("cluster_service", "Cluster service", "Exactly one of the two replicates.", service.cluster_service),
    Guard("disk", "Disk space", "Every node has space left.", surroundings.disk),
)

GUARDS: dict[str, Guard] = {guard.code: guard for guard in _RULES}


def judge(reading: ClusterReading) -> tuple[Verdict, ...]:
    """Every guard's verdict, the incompatible features' last."""
    rules = [*_RULES, *(_feature_guard(feature.code, feature.label) for feature in reading.features)]
    return tuple(_verdict(guard.code, guard.judge(reading)) for guard in rules)


def _feature_guard(code: str, label: str) -> Guard:
    return Guard(code, label, features.RULE, lambda reading: features.switched_off(reading, code))


def _verdict(code: str, findings: Iterable[Finding]) -> Verdict:
    rows = tuple(findings)
    standing = worst(row.standing for row in rows)
    speaking = [row for row in rows if row.standing == standing]
    return Verdict(
        code, standing, joined(row.sentence for row in speaking), joined(row.remedy for row in speaking), rows
    )
