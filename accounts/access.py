"""Rights on the portal as a whole, and the one question this room must ask about clusters.

Roles per cluster live in a higher room. The settings name its module (`PORTAL_CLUSTER_ACCESS`), so that no import
points back.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any, Protocol, cast

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404

from accounts.models import Role, User
from accounts.principals import Principal, rank


class ClusterAccess(Protocol):
    """What the room that knows clusters answers."""

    def visible_clusters(self, principal: Principal) -> QuerySet[Any]:
        """The clusters the principal may at least view."""

    def roles_held(self, principal: Principal) -> frozenset[str]:
        """The roles that the principal was given on single clusters."""


def _clusters() -> ClusterAccess:
    return cast(ClusterAccess, import_module(settings.PORTAL_CLUSTER_ACCESS))


def visible_cluster_ids(principal: Principal) -> frozenset[int]:
    """The ids of the clusters the principal may at least view."""
    return frozenset(_clusters().visible_clusters(principal).values_list("pk", flat=True))


def visible_cluster_names(principal: Principal) -> dict[int, str]:
    """The same clusters with their names, by name."""
    return dict(_clusters().visible_clusters(principal).order_by("name").values_list("pk", "name"))


def best_role(principal: Principal) -> str:
    """The largest role the principal holds anywhere; "" for none."""
    roles = [principal.portal_role()]
    if rank(roles[0]) < rank(Role.ADMINISTRATOR):
        roles += _clusters().roles_held(principal)
    return max(roles, key=rank)


def may_on_portal(principal: Principal, role: Role) -> bool:
    """Whether the role holds on the whole portal; a token for some clusters only never does."""
    limited = principal.token is not None and bool(principal.token.cluster_ids)
    return not limited and rank(principal.portal_role()) >= rank(role)


def require_portal(principal: Principal, role: Role) -> None:
    """Raise PermissionDenied unless the role holds on the whole portal (creating clusters, stopping all writes)."""
    if not may_on_portal(principal, role):
        raise PermissionDenied(f"This needs the role {role.label} on the whole portal.")


def take_user(user_id: int) -> User:
    """The row of a user who is to be changed, locked. Raises Http404."""
    user = User.objects.select_for_update().filter(pk=user_id).first()
    if user is None:
        raise Http404("No such user.")
    return user
