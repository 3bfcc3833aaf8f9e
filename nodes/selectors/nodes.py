"""Nodes, credentials and what is known of them, as pages, lists and jobs need them."""

from __future__ import annotations

from datetime import datetime

from django.db.models import OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from accounts.models import Role
from accounts.principals import Principal
from nodes.access import require, visible_clusters
from nodes.enums import HostKeyState
from nodes.models.credential import Credential
from nodes.models.node import HostKey, IniDecision, Node


def nodes_for(principal: Principal) -> QuerySet[Node]:
    """The nodes the principal may see, with cluster, credential (without its secrets), facts and `approved_key`."""
    approved = HostKey.objects.filter(node=OuterRef("pk"), state=HostKeyState.APPROVED).values("fingerprint")
    return (
        Node.objects.filter(cluster__in=visible_clusters(principal))
        .select_related("cluster", "credential", "facts")
        .defer("credential__secret", "credential__passphrase")
        .annotate(approved_key=Coalesce(Subquery(approved[:1]), Value("")))
    )


def credentials_for(principal: Principal) -> QuerySet[Credential]:
    """The credentials of the clusters the principal may see; their secrets are not loaded."""
    return (
        Credential.objects.filter(cluster__in=visible_clusters(principal))
        .select_related("cluster")
        .defer("secret", "passphrase")
    )


def host_keys_of(principal: Principal, node: Node) -> QuerySet[HostKey]:
    """The keys a node showed or that were given, newest first."""
    require(principal, node.cluster_id, Role.VIEWER)
    return HostKey.objects.filter(node=node)


def ini_keys_of(principal: Principal, node: Node) -> QuerySet[IniDecision]:
    """The ini keys that differ on a node or differed once, with what was decided."""
    require(principal, node.cluster_id, Role.VIEWER)
    return IniDecision.objects.filter(node=node)


def nodes_to_observe(older_than: datetime) -> list[int]:
    """Nodes that can be logged in to and whose facts were last read before a moment, or never."""
    reachable = Node.objects.filter(
        host_keys__state=HostKeyState.APPROVED, credential__isnull=False, quarantined_reason=""
    )
    due = Q(facts__isnull=True) | Q(facts__read_at__lt=older_than)
    return list(reachable.filter(due).order_by("pk").values_list("pk", flat=True))


def approved_fingerprint(node: Node) -> str:
    """The fingerprint a node must show; "" while none is approved."""
    found = HostKey.objects.filter(node=node, state=HostKeyState.APPROVED).values_list("fingerprint", flat=True)
    return found.first() or ""
