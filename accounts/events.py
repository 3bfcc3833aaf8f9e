"""Who may read which audit events."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from accounts.access import may_on_portal, visible_cluster_ids
from accounts.models import AuditEvent, Role
from accounts.principals import Principal

HIDDEN = "access.hidden"
"""Somebody asked for what exists and was told, as of what does not, that it is not found."""


def events_visible_to(principal: Principal) -> QuerySet[AuditEvent]:
    """Administrators of the portal read all; others the events of clusters they may view, and their own acts unless
    a token narrows them; but not that something is there which they may not see."""
    rows = AuditEvent.objects.all()
    if may_on_portal(principal, Role.ADMINISTRATOR):
        return rows
    allowed = Q(cluster_id__in=visible_cluster_ids(principal))
    if principal.token is None:
        allowed |= Q(actor=principal.name) & ~Q(action=HIDDEN)
    return rows.filter(allowed)
