"""What leaves the database, and when: jobs that ended, with their targets and events, and snapshots that nothing names.

A watched cluster makes a job for every change. Of each cluster the newest jobs stay, and those of the last days as far
as there are not too many; whatever else something still needs stays beside them, however old. Rows go in small batches,
each a short transaction, with a rest after it: on SQLite whoever writes waits for one batch at most. A turn that was
cut short is gone on with by the next. The audit log has its own rows and keeps them.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Exists, Max, OuterRef, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.principals import SYSTEM
from nodes.clusters.models import Cluster
from nodes.counted import many
from nodes.leases.transactions import write_transaction
from replication.configuration.models import Baseline, Origin, Snapshot
from replication.jobs.core.states import JOB_TERMINAL
from replication.jobs.kinds import passing_kinds
from replication.jobs.models import Job, Target

_LOG = logging.getLogger(__name__)

BATCH = 200
"""Jobs, or snapshots, removed by one transaction."""

MOST = 50_000
"""Of each sort and cluster removed by one daily turn: years of history go in some nights, none of which is long."""


def remove_old_rows() -> None:
    """The daily turn over all clusters, by the portal's settings. What goes is said in the log and the audit log, of
    each cluster by itself. Doing it twice, or beside running jobs, is fine."""
    for cluster in Cluster.objects.order_by("pk"):
        before = _moment(cluster)
        if before is not None:
            _remove(cluster, before)


def _moment(cluster: Cluster) -> datetime | None:
    """Before when a cluster's history goes; None where it is too short for that."""
    created = Job.objects.filter(cluster=cluster).order_by("-pk").values_list("created_at", flat=True)
    least, most = settings.PORTAL.jobs_least, settings.PORTAL.jobs_most
    oldest_of_least, oldest_of_most = created[least - 1 : least].first(), created[most - 1 : most].first()
    if oldest_of_least is None:
        return None
    moment = timezone.now() - timedelta(days=settings.PORTAL.job_days)
    return min(oldest_of_least, max(moment, oldest_of_most or moment))


def _remove(cluster: Cluster, before: datetime) -> None:
    removed: Counter[str] = Counter()
    try:
        for rows in (_jobs(cluster, before), _snapshots(cluster, before)):
            for batch in _batches(rows):
                removed.update(batch)
    finally:
        _tell(cluster, before, removed)


def _jobs(cluster: Cluster, before: datetime) -> QuerySet[Job]:
    """Those that nothing needs: neither a proof, nor an origin, nor what comes next. Conflicts keep what was lost
    themselves, and only lose the number of the job."""
    ended = Job.objects.filter(cluster=cluster, state__in=JOB_TERMINAL, ended_at__lt=before, kind__in=passing_kinds())
    proofs, origins = (model.objects.filter(job=OuterRef("pk")) for model in (Baseline, Origin))
    return ended.exclude(pk__in=_newest_jobs(cluster)).filter(~Exists(proofs), ~Exists(origins))


def _newest_jobs(cluster: Cluster) -> set[int]:
    """The newest of every sort, of the cluster and of each of its nodes: pages and the watch go by them, and a sort, or
    a node that is paused, may have had none for long."""
    jobs = Job.objects.filter(cluster=cluster).order_by().values("kind", "state", "requester", "options__deep")
    targets = Target.objects.filter(job__cluster=cluster, job__dry_run=False).order_by()
    sorts = targets.values("node", "state", "job__kind")
    return {
        *jobs.annotate(newest=Max("pk")).values_list("newest", flat=True),
        *sorts.annotate(newest=Max("job")).values_list("newest", flat=True),
    }


def _snapshots(cluster: Cluster, before: datetime) -> QuerySet[Snapshot]:
    """Those that no job and no proof names, but the newest of each primary that there was."""
    rows = Snapshot.objects.filter(cluster=cluster)
    newest = rows.order_by().values("node").annotate(newest=Max("pk")).values_list("newest", flat=True)
    jobs, proofs = (model.objects.filter(snapshot=OuterRef("pk")) for model in (Job, Baseline))
    old = rows.filter(taken_at__lt=before).exclude(pk__in=list(newest))
    return old.filter(~Exists(jobs), ~Exists(proofs))


def _batches(rows: QuerySet[Any]) -> Iterator[dict[str, int]]:
    """Remove these rows batch by batch; yields how many rows of each model went with one."""
    ids = list(rows.order_by("pk").values_list("pk", flat=True)[:MOST])
    for start in range(0, len(ids), BATCH):
        begun = time.monotonic()
        with write_transaction():
            _, removed = rows.filter(pk__in=ids[start : start + BATCH]).delete()
        yield removed
        _rest(time.monotonic() - begun)


def _rest(seconds: float) -> None:
    """As long as the batch took: others are at least as often in turn."""
    time.sleep(seconds)


def _tell(cluster: Cluster, before: datetime, removed: Counter[str]) -> None:
    if not removed:
        return
    data = {word: removed[f"replication.{model}"] for word, model in _WORDS.items()}
    told = {word: many(number, word.removesuffix("s")) for word, number in data.items()}
    text = (
        f"Removed {many(data['jobs'], 'ended job')} ({told['targets']}, {told['events']}) and {told['snapshots']} "
        f"of cluster {cluster.name} from before {before:%Y-%m-%d %H:%M} UTC."
    )
    _LOG.info(text)
    audit.record(SYSTEM, "jobs.remove_old", text, cluster=cluster, data=data)


_WORDS = {"jobs": "Job", "targets": "Target", "events": "JobEvent", "snapshots": "Snapshot"}
