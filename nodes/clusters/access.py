"""Who may do what on which cluster. Every face asks here; nothing is visible by default."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404

from accounts.access import require_portal as require_portal  # noqa: PLC0414 - for this room's callers
from accounts.models import Role
from accounts.principals import Principal, rank
from nodes.clusters.models import Cluster, Membership
from nodes.rows import compare, take


def role_on(principal: Principal, cluster_id: int) -> str:
    """The principal's role on a cluster; "" for none."""
    token = principal.token
    if token is not None and token.cluster_ids and cluster_id not in token.cluster_ids:
        return ""
    best = principal.portal_role()
    if principal.user is not None and rank(best) < rank(Role.ADMINISTRATOR):
        for role in Membership.objects.filter(user=principal.user, cluster=cluster_id).values_list("role", flat=True):
            best = max(best, principal.narrowed(role), key=rank)
    return best


def roles_held(principal: Principal) -> frozenset[str]:
    """The roles that the principal was given on single clusters, cut to what the token allows."""
    rows = Membership.objects.filter(user=principal.user)
    if principal.token is not None and principal.token.cluster_ids:
        rows = rows.filter(cluster__in=principal.token.cluster_ids)
    return frozenset(principal.narrowed(role) for role in rows.values_list("role", flat=True).distinct())


def visible_clusters(principal: Principal) -> QuerySet[Cluster]:
    """The clusters the principal may at least view."""
    rows = Cluster.objects.all()
    if principal.token is not None and principal.token.cluster_ids:
        rows = rows.filter(pk__in=principal.token.cluster_ids)
    if principal.portal_role():
        return rows
    return rows.filter(pk__in=Membership.objects.filter(user=principal.user).values("cluster"))


def require(principal: Principal, cluster_id: int, role: Role) -> None:
    """Raise Http404 where the principal may not even see the cluster, PermissionDenied where the role is too small."""
    held = role_on(principal, cluster_id)
    if not held:
        raise Http404("No such cluster.")
    if rank(held) < rank(role):
        whose = "yours" if principal.token is None else "this token's"
        raise PermissionDenied(f"This needs the role {role.label} on the cluster; {whose} is {Role(held).label}.")


def take_cluster(principal: Principal, cluster_id: int, role: Role, seen_version: int | None = None) -> Cluster:
    """Lock a cluster. Raises Http404, PermissionDenied, Stale."""
    require(principal, cluster_id, role)
    return compare(take(Cluster.objects.all(), cluster_id, "cluster"), seen_version)


@dataclass(frozen=True, slots=True)
class Rights:
    """What a page may offer; the services check again."""

    operate: bool
    administer: bool

    def include(self, role: Role) -> bool:
        """Whether they reach as far as a role's. Whoever sees a page is a viewer."""
        return {Role.OPERATOR: self.operate, Role.ADMINISTRATOR: self.administer}.get(role, True)

    @classmethod
    def on(cls, principal: Principal, cluster_id: int) -> Rights:
        """What a principal may do on a cluster."""
        return cls.of(role_on(principal, cluster_id))

    @classmethod
    def of(cls, role: str) -> Rights:
        """What a role may do."""
        held = rank(role)
        return cls(operate=held >= rank(Role.OPERATOR), administer=held >= rank(Role.ADMINISTRATOR))
