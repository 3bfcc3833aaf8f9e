"""Nodes, credentials and what is known of them, as pages, lists and jobs need them."""

from __future__ import annotations

from collections.abc import Collection

from django.db.models import Case, Exists, OuterRef, Prefetch, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require, visible_clusters
from nodes.clusters.models import Cluster
from nodes.credentials.models import PasswordBinding
from nodes.enums import CredentialKind, HostKeyState, Joining, NodeRole
from nodes.registry.models import HostKey, Node
from nodes.registry.status import COLUMNS


def nodes_for(principal: Principal) -> QuerySet[Node]:
    """The nodes the principal may see, with cluster, credential (without its secrets), facts, `approved_key` and
    `password_wanted`: that its credential's password was not typed for the server that it is now."""
    typed = PasswordBinding.objects.filter(
        node=OuterRef("pk"),
        credential=OuterRef("credential"),
        secret_version=OuterRef("credential__secret_version"),
        address=OuterRef("address"),
        port=OuterRef("port"),
        fingerprint=OuterRef("approved_key"),
    )
    approved = HostKey.objects.filter(node=OuterRef("pk"), state=HostKeyState.APPROVED).values("fingerprint")
    return (
        Node.objects.filter(cluster__in=visible_clusters(principal))
        .select_related("cluster", "credential", "facts")
        .defer("credential__secret", "credential__passphrase")
        .annotate(approved_key=Coalesce(Subquery(approved[:1]), Value("")))
        .annotate(
            password_wanted=Case(
                When(Q(credential__kind=CredentialKind.PASSWORD) & ~Exists(typed), then=True), default=False
            )
        )
    )


def still_in(cluster: Cluster | int) -> QuerySet[Node]:
    """The nodes of a cluster but those that left it: what concerns all its servers does not concern them."""
    return Node.objects.filter(cluster=cluster).exclude(joining=Joining.LEFT)


def wants_password(node: Node) -> bool:
    """Whether somebody must type the password of its credential; of one of `nodes_for`."""
    wanted: bool = vars(node)["password_wanted"]  # annotated
    return wanted


def host_keys_of(principal: Principal, node: Node) -> QuerySet[HostKey]:
    """The keys a node showed or that were given, newest first."""
    require(principal, node.cluster_id, Role.VIEWER)
    return HostKey.objects.filter(node=node)


def approved_fingerprint(node: Node) -> str:
    """The fingerprint a node must show; "" while none is approved."""
    return approved_fingerprints([node.pk]).get(node.pk, "")


def approved_fingerprints(node_ids: Collection[int]) -> dict[int, str]:
    """The same for many, by node; those without an approved one are not among them."""
    found = HostKey.objects.filter(node__in=node_ids, state=HostKeyState.APPROVED)
    return dict(found.values_list("node_id", "fingerprint"))


def nodes_with_access() -> QuerySet[Node]:
    """The nodes that can be logged in to: a host key is approved, a credential given, nothing quarantined."""
    return Node.objects.filter(host_keys__state=HostKeyState.APPROVED, credential__isnull=False, quarantined_reason="")


def primary_of(cluster: Cluster) -> Node | None:
    """The cluster's primary; None while none is registered."""
    return Node.objects.filter(cluster=cluster, role=NodeRole.PRIMARY).first()


def with_standing(rows: QuerySet[Cluster]) -> QuerySet[Cluster]:
    """The clusters with what of their nodes tells how they stand, in one more query for any number."""
    return rows.prefetch_related(Prefetch("nodes", Node.objects.only(*COLUMNS)))
