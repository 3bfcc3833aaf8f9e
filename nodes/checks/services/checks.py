"""Judging a cluster's checks and keeping the verdicts, with their lines in the cluster log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.dispatch import receiver
from django.utils import timezone

from accounts.audit import Subject, record
from accounts.models import Role
from accounts.principals import Principal
from nodes.checks.core.readings import Standing
from nodes.checks.core.verdicts import Finding, Verdict, judge
from nodes.checks.models import Guard
from nodes.checks.selectors.readings import cluster_reading
from nodes.cluster_log import services as cluster_log_services
from nodes.cluster_log.services import Entry
from nodes.clusters.access import take_cluster
from nodes.clusters.models import Cluster
from nodes.enums import LogLevel
from nodes.signals import CLUSTER_CHANGED

_JUDGED = ["state", "since", "evidence", "remedy", "checked_at", "findings"]

BAD = frozenset({Standing.WARN, Standing.FAIL})
_OWN_CODES = {"clock": cluster_log_services.CLOCK_OFF, "time_zone": cluster_log_services.TIME_ZONE_DIFFERS}


@transaction.atomic
def run_checks(cluster_id: int) -> list[Guard]:
    """Judge every check over what is known now. `since` moves where the verdict changed; whatever gets worse, or well
    again, has its line in the cluster log. Nothing for a cluster that is gone."""
    cluster = Cluster.objects.select_for_update().filter(pk=cluster_id).first()
    if cluster is None:
        return []
    before = {check.code: check for check in Guard.objects.filter(cluster=cluster)}
    verdicts = judge(cluster_reading(cluster))
    entries = [entry for verdict in verdicts for entry in _entries(before.get(verdict.code), verdict)]
    rows = [_row(cluster, before.get(verdict.code), verdict) for verdict in verdicts]
    Guard.objects.bulk_create(rows, update_conflicts=True, unique_fields=["cluster", "code"], update_fields=_JUDGED)
    Guard.objects.filter(cluster=cluster).exclude(code__in=[verdict.code for verdict in verdicts]).delete()
    cluster_log_services.write(cluster.pk, entries)
    return rows


@receiver(CLUSTER_CHANGED, dispatch_uid="nodes.checks")
def judge_changed(cluster_id: int, **_: object) -> None:
    """Judge a cluster of which something changed."""
    run_checks(cluster_id)


def _row(cluster: Cluster, check: Guard | None, verdict: Verdict) -> Guard:
    now = timezone.now()
    return Guard(
        cluster=cluster,
        code=verdict.code,
        state=verdict.standing.value,
        since=check.since if check is not None and check.state == verdict.standing else now,
        evidence=verdict.evidence,
        remedy=verdict.remedy,
        checked_at=now,
        findings=[_shown(finding) for finding in verdict.findings],
    )


def _shown(finding: Finding) -> dict[str, Any]:
    return {**asdict(finding), "standing": finding.standing.value}


def _entries(check: Guard | None, verdict: Verdict) -> list[Entry]:
    """A line for each finding that became a warning or worse, and one for a check that passes again."""
    old: Mapping[str, str] = {row["node"]: row["standing"] for row in check.findings} if check else {}
    lines = [
        _entry(verdict.code, finding)
        for finding in verdict.findings
        if finding.standing in BAD and old.get(finding.node) != finding.standing
    ]
    if check is not None and check.state in BAD and verdict.standing == Standing.PASS:
        text = f"Check passes again: {verdict.code.replace('_', ' ')}"
        lines.append(Entry(cluster_log_services.GUARD_PASSES, text, LogLevel.INFO))
    return lines


def _entry(code: str, finding: Finding) -> Entry:
    failing = finding.standing == Standing.FAIL
    general = cluster_log_services.GUARD_FAILS if failing else cluster_log_services.GUARD_WARNS
    level = LogLevel.ERROR if failing else LogLevel.WARNING
    return Entry(_OWN_CODES.get(code, general), finding.sentence, level, finding.node)


@transaction.atomic
def note_checks(principal: Principal, *, cluster_id: int) -> list[Guard]:
    """Judge now because a person asked. Needs an operator."""
    cluster = take_cluster(principal, cluster_id, Role.OPERATOR)
    text = f"Asked for the checks of cluster {cluster.name}."
    record(principal, "cluster.check", text, cluster=cluster, subject=Subject.of(cluster))
    return run_checks(cluster_id)
