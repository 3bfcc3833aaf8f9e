"""What operators do about edits that replication overwrote."""

from __future__ import annotations

from django.http import Http404

from accounts.audit import Subject, record
from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require
from nodes.leases.clock import now
from nodes.leases.transactions import write_transaction
from replication.configuration.models import Conflict


def close_conflict(principal: Principal, conflict_id: int) -> Conflict:
    """Say that a person has dealt with it; operators only. Closed already is fine. Raises Http404, PermissionDenied."""
    with write_transaction():
        conflict = Conflict.objects.select_related("node__cluster").filter(pk=conflict_id).first()
        if conflict is None:
            raise Http404("No such conflict.")
        require(principal, conflict.node.cluster_id, Role.OPERATOR)
        rows = Conflict.objects.filter(pk=conflict_id, closed_at=None)
        if rows.update(closed_at=now(), closed_by=principal.name):
            subject = Subject.of(conflict)
            cluster = conflict.node.cluster
            record(principal, "conflict.close", f"Closed the conflict {conflict}.", cluster=cluster, subject=subject)
    return Conflict.objects.select_related("node").get(pk=conflict_id)
