"""Who may read which audit events."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from accounts.access import may_on_portal, visible_cluster_ids
from accounts.models import AuditEvent, Role
from accounts.principals import Principal


def events_visible_to(principal: Principal) -> QuerySet[AuditEvent]:
    """Administrators of the portal read all; others the events of clusters they may view, and their own acts unless
    a token narrows them."""
    rows = AuditEvent.objects.all()
    if may_on_portal(principal, Role.ADMINISTRATOR):
        return rows
    allowed = Q(cluster_id__in=visible_cluster_ids(principal))
    if principal.token is None:
        allowed |= Q(actor=principal.name)
    return rows.filter(allowed)
