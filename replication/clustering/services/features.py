"""Requesting the jobs that switch off what does not go with clustering, or give it back."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.principals import Principal
from nodes.checks.selectors.readings import cluster_reading
from nodes.clusters.models import Cluster
from nodes.enums import Clustering, ReplicationMode
from nodes.facts.core import FeatureSetting
from nodes.facts.selectors.facts import cluster_features
from nodes.products.profile import FeatureRule
from nodes.registry.selectors import primary_of
from replication.clustering.core.features import FEATURES, OFF
from replication.clustering.feature_jobs import switching_jobs
from replication.jobs.core.states import JOB_ACTIVE, JobState
from replication.jobs.models import Job
from replication.jobs.services.requests import JobRequest, cancel_job, request_job


def switch_off_where_needed(principal: Principal, cluster: Cluster) -> Job | None:
    """Request the job that switches off what does not go with clustering, where that is on, or not known, and nothing
    is at it yet. A person approves what it would change. Call it inside a transaction."""
    cluster = Cluster.objects.select_for_update().get(pk=cluster.pk)  # one at a time, or two would each request one
    if not _needs_switching_off(cluster):
        return None
    return request_switching(principal, cluster, OFF, "clustering is enabled")


def at_work(cluster: Cluster, to: str) -> Job | None:
    """A job that switches features `to` and goes on, or waits for a person's approval."""
    return _unfinished(cluster, to).exclude(state=JobState.HALTED).first()


def request_switching(principal: Principal, cluster: Cluster, to: str, reason: str) -> Job:
    """A new job in place of those of its sort that are halted."""
    for halted in _unfinished(cluster, to).filter(state=JobState.HALTED):
        cancel_job(principal, halted.pk)
    request = JobRequest(cluster_id=cluster.pk, kind=FEATURES, options={"to": to}, reason=reason)
    return request_job(principal, request)[0]


def cancel_switching(principal: Principal, cluster: Cluster, to: str) -> None:
    """Cancel what has not ended; asking twice is fine."""
    for job in _unfinished(cluster, to):
        cancel_job(principal, job.pk)


def _unfinished(cluster: Cluster, to: str) -> QuerySet[Job]:
    return switching_jobs(cluster, to).filter(state__in=JOB_ACTIVE)


def _needs_switching_off(cluster: Cluster) -> bool:
    """Not where MDaemon's own service replicates, clustering is not enabled, there is no primary, nobody knows where
    any switch is, or a job is at it already."""
    if cluster.replication_mode != ReplicationMode.PORTAL or cluster.clustering != Clustering.ON:
        return False
    if primary_of(cluster) is None or at_work(cluster, OFF) is not None:
        return False
    known = [rule for rule in cluster_features(cluster) if rule.key]
    return bool(known) and _may_be_on(cluster, known)


def _may_be_on(cluster: Cluster, known: list[FeatureRule]) -> bool:
    """Whether a switch of the primary stands on as far as is known, or was not read (lately) where it is."""
    reading = cluster_reading(cluster)
    primary = reading.primary
    if primary is None or primary.age is None or primary.age > reading.stale_after:
        return True
    places = {_place(rule) for rule in known}
    switches = [switch for switch in primary.switches if _place(switch) in places]
    unread = places - {_place(switch) for switch in switches}
    return bool(unread) or any(switch.is_on for switch in switches)


def _place(found: FeatureSetting | FeatureRule) -> tuple[str, str, str]:
    """What a rule and the switches that were read by it have in common."""
    return found.code if isinstance(found, FeatureRule) else found.feature, found.path, found.key.casefold()
