"""What people ask of jobs: make one, approve, cancel, retry, override a brake. Each act is audited."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError
from django.http import Http404

from accounts.audit import Subject, record
from accounts.errors import Refused
from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require
from nodes.clusters.models import Cluster
from nodes.leases.clock import now
from nodes.leases.transactions import write_transaction
from nodes.registry.models import Node
from replication.jobs import wake
from replication.jobs.core.states import JOB_TERMINAL, JobState, TargetState
from replication.jobs.kinds import (
    check_mode,
    kind_named,
    phases_of,
    role_for,
)
from replication.jobs.models import Job, Target
from replication.jobs.services import events, signals_log
from replication.jobs.services.events import WARNING, Line
from replication.jobs.services.job_state import update_job_state
from replication.jobs.services.overrides import entry, holding
from replication.jobs.services.supersede import supersede
from replication.jobs.services.transitions import advance_job, cancel_idle_targets

OPTIONS_LIMIT = 20_000
"""Characters of a job's options as JSON."""

IDLE = frozenset({JobState.REQUESTED, JobState.AWAITING_APPROVAL, JobState.HALTED})
"""States in which no worker has the job."""

FAILED_TARGETS = frozenset(
    {TargetState.FAILED, TargetState.BLOCKED, TargetState.CONTENDED, TargetState.HALTED, TargetState.CANCELLED}
)
"""States of targets that a retry takes up again."""


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job to be made. `node_ids` empty: all nodes the kind concerns. `dry_run`: plan only, change nothing."""

    cluster_id: int
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    dry_run: bool = False
    reason: str = ""
    node_ids: tuple[int, ...] = ()
    idempotency_key: str = ""

    def digest(self) -> str:
        """What two requests under one idempotency key must have in common: everything."""
        words = [self.cluster_id, self.kind, dict(self.options), self.dry_run, self.reason, sorted(self.node_ids)]
        return hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()


def request_job(principal: Principal, request: JobRequest) -> tuple[Job, bool]:
    """Make a job and wake a worker. Answers the job and whether it is new: the same idempotency key with the same
    request answers the job made before.

    Raises Http404, PermissionDenied (the kind says who may), ValidationError, and Refused for a key used for something
    else and for a kind that the cluster's mode refuses.
    """
    require(principal, request.cluster_id, role_for(request.kind))
    if known := _made_before(principal, request):
        return known, False
    cluster = Cluster.objects.filter(pk=request.cluster_id).first()
    if cluster is None:
        raise Http404("No such cluster.")
    options = _options(request)
    _check_nodes(request)
    check_mode(request.kind, cluster, dry_run=request.dry_run)
    try:
        with write_transaction():
            job = _create(principal, request, cluster, options)
    except IntegrityError:  # the same key, at the same moment
        if known := _made_before(principal, request):
            return known, False
        raise
    return job, True


def _made_before(principal: Principal, request: JobRequest) -> Job | None:
    if not request.idempotency_key:
        return None
    job = Job.objects.filter(requester=principal.name, idempotency_key=request.idempotency_key).first()
    if job is not None and job.request_digest != request.digest():
        text = f"This Idempotency-Key was used for job #{job.pk}, which asked for something else."
        raise Refused("idempotency_key_reused", text, "Use a new key.")
    return job


def _options(request: JobRequest) -> dict[str, Any]:
    if len(json.dumps(dict(request.options))) > OPTIONS_LIMIT:
        raise ValidationError({"options": f"The options are larger than {OPTIONS_LIMIT} characters of JSON."})
    if len(request.reason) > 300:
        raise ValidationError({"reason": "The reason is longer than 300 characters. Shorten it."})
    return kind_named(request.kind).parse_options(request.options)


def _check_nodes(request: JobRequest) -> None:
    known = set(Node.objects.filter(cluster=request.cluster_id, pk__in=request.node_ids).values_list("pk", flat=True))
    strange = sorted(set(request.node_ids) - known)
    if strange:
        names = ", ".join(str(pk) for pk in strange)
        raise ValidationError({"nodes": f"Not nodes of this cluster: {names}. Use the ids of its nodes."})


def _create(
    principal: Principal, request: JobRequest, cluster: Cluster, options: dict[str, Any], retry_of: Job | None = None
) -> Job:
    job = Job.objects.create(
        kind=request.kind,
        cluster=cluster,
        options=options,
        node_ids=sorted(set(request.node_ids)),
        dry_run=request.dry_run,
        reason=request.reason,
        requested_by=principal.user,
        requester=principal.name,
        idempotency_key=request.idempotency_key or None,
        request_digest=request.digest(),
        retry_of=retry_of,
        phase="cluster is paused" if cluster.paused else "",
    )
    what = f"{kind_named(request.kind).label}{', plan only' if request.dry_run else ''}"
    why = f" Reason: {request.reason}" if request.reason else ""
    events.note(job.pk, Line("job.requested", f"{principal.name} requested: {what}.{why}"))
    _audit(principal, "job.request", f"Requested {job}.", job)
    wake.plan(job.pk)
    return job


def _audit(principal: Principal, action: str, text: str, job: Job, data: Mapping[str, object] | None = None) -> None:
    record(principal, action, text, cluster=job.cluster, subject=Subject.of(job), data=data)


def _take(principal: Principal, job_id: int, role: Role | None = None) -> Job:
    """The job, its row locked, if the principal may act on it: with `role`, else with what its kind asks for. Raises
    Http404, PermissionDenied."""
    job = Job.objects.select_related("cluster").select_for_update(of=("self",)).filter(pk=job_id).first()
    if job is None:
        raise Http404("No such job.")
    require(principal, job.cluster_id, role or role_for(job.kind))
    return job


def approve_job(principal: Principal, job_id: int, digest: str) -> Job:
    """Let a planned job run exactly as seen: `digest` is that of the plan the person saw. Raises Refused where the job
    does not await approval or its plan is another one by now."""
    with write_transaction():
        job = _take(principal, job_id)
        if job.state != JobState.AWAITING_APPROVAL:
            raise Refused("not_awaiting", f"Job #{job_id} does not await approval; it is {_words(job.state)}.")
        if digest != job.plan_digest:
            raise Refused("plan_changed", f"Job #{job_id} has another plan by now.", "Read it again.")
        line = Line("job.approved", f"{principal.name} approved the plan.", data={"digest": digest})
        advance_job(job_id, JobState.RUNNING, line, columns={"approved_by": principal.name, "approved_at": now()})
        supersede(job_id)
        update_job_state(job_id)  # all of its nodes may be away
        _audit(principal, "job.approve", f"Approved the plan of {job}.", job, {"digest": digest})
        wake.drive()
    return Job.objects.get(pk=job_id)


def _words(state: str) -> str:
    return state.replace("_", " ")


def cancel_job(principal: Principal, job_id: int) -> Job:
    """Cancel: at once what nobody works on, the rest at its worker's next check. Asking twice is fine. A job with
    phases gives back what it has done; cancelled again meanwhile, it gives up the nodes that are away. Raises Refused
    where the job has ended otherwise."""
    with write_transaction():
        job = _take(principal, job_id, Role.OPERATOR)
        if job.state == JobState.CANCELLED or (job.cancel_requested_at and job.state not in JOB_TERMINAL):
            return job
        if job.state in JOB_TERMINAL:
            raise Refused("has_ended", f"Job #{job_id} has already ended: {_words(job.state)}.")
        Job.objects.filter(pk=job_id).update(cancel_requested_by=principal.name, cancel_requested_at=now())
        line = Line("job.cancel_requested", f"{principal.name} cancelled the job.", WARNING)
        if job.state in IDLE or not phases_of(job.kind):  # else what was done is given back first
            cancel_idle_targets(job_id, line)
        if job.state in IDLE:
            advance_job(job_id, JobState.CANCELLED, line)
        else:
            events.note(job_id, line)
            update_job_state(job_id)
        _audit(principal, "job.cancel", f"Cancelled {job}.", job)
    return Job.objects.get(pk=job_id)


def retry_job(principal: Principal, job_id: int) -> Job:
    """A new job of the same kind and options for the nodes that did not succeed; where there are no targets, for what
    the old one was asked for. Raises Refused where the old one has not ended, or succeeded."""
    with write_transaction():
        old = _take(principal, job_id)
        if old.state not in (JobState.FAILED, JobState.CANCELLED):
            text = f"Job #{job_id} is {_words(old.state)}; only failed and cancelled jobs can be retried."
            raise Refused("not_failed", text)
        failed = Target.objects.filter(job=job_id, state__in=FAILED_TARGETS).values_list("node", flat=True)
        again = JobRequest(
            cluster_id=old.cluster_id,
            kind=old.kind,
            options=old.options,
            dry_run=old.dry_run,
            reason=f"retry of #{job_id}",
            node_ids=tuple(failed) or tuple(old.node_ids),
        )
        check_mode(again.kind, old.cluster, dry_run=again.dry_run)
        return _create(principal, again, old.cluster, kind_named(old.kind).parse_options(old.options), retry_of=old)


def override_brakes(principal: Principal, job_id: int, codes: Collection[str], reason: str) -> Job:
    """Let a halted job plan again without the named brakes, for an hour; administrators only. Raises Refused where the
    job is not halted, ValidationError for codes that do not hold it or a missing reason."""
    with write_transaction():
        job = _take(principal, job_id, Role.ADMINISTRATOR)
        if job.state != JobState.HALTED:
            raise Refused("not_halted", f"Job #{job_id} is not halted; it is {_words(job.state)}.")
        _check_override(job, codes, reason)
        entries = [entry(code, by=principal.name, reason=reason.strip()) for code in sorted(set(codes))]
        named = ", ".join(sorted(set(codes)))
        line = Line("job.overridden", f"{principal.name} overrode {named} for an hour: {reason.strip()}", WARNING)
        columns = {"overrides": [*job.overrides, *entries], "error_code": "", "error": "", "attempt": 0}
        advance_job(job_id, JobState.REQUESTED, line, columns=columns)
        signals_log.overridden(job, line.text)
        _audit(
            principal, "job.override", f"Overrode {named} for {job}: {reason.strip()}", job, {"codes": sorted(codes)}
        )
        wake.plan(job_id)
    return Job.objects.get(pk=job_id)


def _check_override(job: Job, codes: Collection[str], reason: str) -> None:
    if not reason.strip() or len(reason) > 300:
        raise ValidationError({"reason": "Say in 1 to 300 characters why it is right to go on."})
    known = holding(job)
    if not codes or set(codes) - set(known):
        raise ValidationError({"codes": f"Name brakes that hold this job: {', '.join(sorted(known))}."})
