"""What jobs leave in the cluster log, in the transaction of what the line reports. Only kinds that replicate speak the
guide's lines."""

from __future__ import annotations

from collections.abc import Sequence

from nodes.cluster_log import services as cluster_log_services
from nodes.cluster_log.services import Entry
from nodes.enums import LogLevel, NodeRole
from nodes.registry.models import Node
from replication.jobs.kinds import replicates
from replication.jobs.models import Job, Target


def rebuilt(*, cluster_id: int, job_id: int) -> None:
    """A changed set of files was planned."""
    primary = _primary(cluster_id)
    text = "Completed re-building current replication file list"
    cluster_log_services.write(
        cluster_id, [Entry(cluster_log_services.LIST_REBUILT, text, node_name=primary, job=job_id)]
    )


def _primary(cluster_id: int) -> str:
    names = Node.objects.filter(cluster=cluster_id, role=NodeRole.PRIMARY).values_list("name", flat=True)
    return names.first() or ""


def signalled(job: Job, targets: Sequence[Target]) -> None:
    """These targets begin; `node` of each is at hand. A target that is tried again was signalled before."""
    first = [target for target in targets if target.attempt == 1]
    if not first or not replicates(job.kind):
        return
    text = f"Replication Signal from: {_primary(job.cluster_id)}"
    entries = [Entry(cluster_log_services.SIGNAL, text, node_name=target.node.name, job=job.pk) for target in first]
    cluster_log_services.write(job.cluster_id, entries)


def completed(targets: Sequence[Target]) -> None:
    """These targets were proven."""
    jobs = Job.objects.in_bulk({target.job_id for target in targets})
    for job in jobs.values():
        if replicates(job.kind):
            names = [target.node.name for target in targets if target.job_id == job.pk]
            text = "Replication Job Completed"
            cluster_log_services.write(
                job.cluster_id,
                [Entry(cluster_log_services.COMPLETED, text, LogLevel.INFO, name, job.pk) for name in names],
            )


def halted(job_id: int, sentence: str) -> None:
    """A brake halted a job."""
    cluster_id = Job.objects.values_list("cluster", flat=True).get(pk=job_id)
    cluster_log_services.write(
        cluster_id, [Entry(cluster_log_services.HALTED, f"Halted: {sentence}", LogLevel.ERROR, job=job_id)]
    )


def overridden(job: Job, sentence: str) -> None:
    """A person overrode brakes."""
    cluster_log_services.write(
        job.cluster_id, [Entry(cluster_log_services.OVERRIDDEN, sentence, LogLevel.WARNING, job=job.pk)]
    )
