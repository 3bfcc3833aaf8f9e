"""The end of clustering: the primary gets its features back, then its secondaries; then nothing is replicated."""

from __future__ import annotations

import logging

from accounts.errors import Refused
from accounts.principals import SYSTEM
from nodes.clusters.models import Cluster
from nodes.enums import Clustering, NodeRole
from nodes.facts.models import FeatureMemory
from nodes.facts.services.feature_memory import Switched, note_switched
from nodes.leases.transactions import write_transaction
from nodes.lifecycle.services.clustering import note_disabled
from nodes.registry.models import Node
from replication.clustering.core.features import RESTORE
from replication.clustering.feature_jobs import giving_to_secondaries, switching
from replication.configuration.core.configuration import REPLICATE
from replication.configuration.models import Baseline
from replication.jobs.core.states import JobState
from replication.jobs.services.requests import JobRequest, request_job

_LOG = logging.getLogger(__name__)

REASON = "clustering is being disabled: the secondaries get their features back"


def note_given(node: Node, done: Switched) -> None:
    """The primary's switches stand as they should. Where no secondary has to be given anything, clustering that is
    being disabled is disabled now. Call it in the transaction of that proof."""
    note_switched(node=node, done=done)
    cluster = Cluster.objects.get(pk=node.cluster_id)
    if not done.off and cluster.clustering == Clustering.ENDING and not _secondaries_lack_it(cluster):
        note_disabled(cluster.pk)


def _secondaries_lack_it(cluster: Cluster) -> bool:
    """Whether secondaries were given what was switched off, and the primary got it back since."""
    back = FeatureMemory.objects.filter(node__cluster=cluster, restored_at__gte=cluster.clustering_since)
    proven = Baseline.objects.filter(node__cluster=cluster, node__role=NodeRole.SECONDARY)
    return back.exists() and proven.exists()


def finish_disabling() -> None:
    """Bring what primaries got back to their secondaries, and note where that is done. A job that ended badly waits for
    a person, who retries it, or disables clustering again."""
    for cluster in Cluster.objects.filter(clustering=Clustering.ENDING):
        with write_transaction():
            locked = Cluster.objects.select_for_update().get(pk=cluster.pk)
            if locked.clustering == Clustering.ENDING:
                _go_on(locked)


def _request(cluster: Cluster) -> None:
    try:
        request_job(SYSTEM, JobRequest(cluster.pk, REPLICATE, reason=REASON))
    except Refused as refused:
        # a server's own cluster service may be on by now; the page says what is waited for, the checks say why
        _LOG.debug("cluster %s: its secondaries cannot be given their features back: %s", cluster.pk, refused)


def _go_on(cluster: Cluster) -> None:
    restore = switching(cluster, RESTORE).first()
    if restore is None or restore.state != JobState.SUCCEEDED:
        return
    giving = giving_to_secondaries(cluster, restore)
    if giving is None:
        _request(cluster)
    elif giving.state == JobState.SUCCEEDED:
        note_disabled(cluster.pk)
