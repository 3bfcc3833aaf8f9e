"""Whether clustering is enabled, and how it is with the features that it has switched off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require
from nodes.clusters.models import Cluster
from nodes.enums import Clustering
from nodes.facts.models import FeatureMemory
from nodes.facts.selectors.facts import cluster_features
from nodes.products.profile import FeatureRule
from replication.clustering.core.features import OFF, RESTORE
from replication.clustering.feature_jobs import giving_to_secondaries, switching
from replication.jobs.core.states import JOB_TERMINAL, JobState
from replication.jobs.models import Job

_WORK = {OFF: "switches off what does not go with clustering", RESTORE: "gives back what clustering had switched off"}


@dataclass(frozen=True, slots=True)
class ClusteringShown:
    """How a cluster's clustering stands. `to_do`: features whose switch nobody has found yet. `remembered`: what was
    switched off and not given back. `job`: the newest job that switched features since `since`."""

    cluster: Cluster
    sentence: str
    to_do: tuple[FeatureRule, ...]
    remembered: tuple[FeatureMemory, ...]
    job: Job | None

    @property
    def state(self) -> str:
        """new, on, ending or off."""
        return self.cluster.clustering

    @property
    def label(self) -> str:
        """The state in words."""
        return Clustering(self.cluster.clustering).label

    @property
    def since(self) -> datetime | None:
        """When clustering became what it is."""
        return self.cluster.clustering_since

    @property
    def by(self) -> str:
        """Who enabled or disabled it."""
        return self.cluster.clustering_by


def clustering_of(principal: Principal, cluster: Cluster) -> ClusteringShown:
    """Raises Http404 where the cluster is not visible."""
    require(principal, cluster.pk, Role.VIEWER)
    memories = FeatureMemory.objects.filter(node__cluster=cluster, restored_at=None).select_related("node")
    job = switching(cluster, RESTORE if cluster.clustering in (Clustering.ENDING, Clustering.OFF) else OFF).first()
    to_do = tuple(rule for rule in cluster_features(cluster) if not rule.key)
    return ClusteringShown(cluster, _sentence(cluster, job), to_do, tuple(memories), job)


def _sentence(cluster: Cluster, job: Job | None) -> str:
    if cluster.clustering == Clustering.NEW:
        return "Nothing is replicated before somebody enables clustering."
    if cluster.clustering == Clustering.OFF:
        return "Nothing is replicated; secondaries keep what they were given last."
    if cluster.clustering == Clustering.ENDING:
        return _ending(cluster, job)
    if job is None or job.state == JobState.SUCCEEDED:
        return ""
    return _standing(job, OFF)


def _giving(cluster: Cluster, restore: Job) -> str:
    """The primary has its features back; a replication gives its secondaries the same."""
    giving = giving_to_secondaries(cluster, restore)
    if giving is None or giving.state == JobState.SUCCEEDED:
        return "The primary has its features back; its secondaries follow as soon as the checks let replication go on."
    words = (
        f"The primary has its features back; job #{giving.pk}, which gives them to its secondaries, is {_how(giving)}"
    )
    if _stopped(giving):
        return f"Not disabled: {words} Retry it, disable clustering again, or enable it."
    return words


def _ending(cluster: Cluster, job: Job | None) -> str:
    if job is not None and job.state == JobState.SUCCEEDED:
        return _giving(cluster, job)
    if job is None or _stopped(job):
        return f"Not disabled: {_standing(job, RESTORE) if job else 'its job is gone.'} Disable it again, or enable it."
    return f"{_standing(job, RESTORE)} Replication goes on until that is proven."


def _standing(job: Job, to: str) -> str:
    return f"Job #{job.pk}, which {_WORK[to]}, is {_how(job)}"


def _how(job: Job) -> str:
    """Its state, and why, to end a sentence."""
    return job.state.replace("_", " ") + (f": {job.error}" if job.error else ".")


def _stopped(job: Job) -> bool:
    """Whether it goes on only by a person's doing."""
    return job.state in JOB_TERMINAL or job.state == JobState.HALTED
