"""Who is asking: the value that every face makes from its request and hands to services and selectors."""

from __future__ import annotations

from dataclasses import dataclass

from accounts.models import ApiToken, Role, User

_ORDER = {"": 0, Role.VIEWER.value: 1, Role.OPERATOR.value: 2, Role.ADMINISTRATOR.value: 3}


def rank(role: str) -> int:
    """A role's place in the order none < viewer < operator < administrator."""
    return _ORDER[role]


@dataclass(frozen=True, slots=True)
class Principal:
    """A user, by which door, and the token that narrows them. `user` None is the portal itself, which may do all."""

    user: User | None
    via: str
    token: ApiToken | None = None
    remote_address: str | None = None

    @property
    def name(self) -> str:
        """What audit events call them."""
        return self.user.get_username() if self.user else "system"

    def narrowed(self, role: str) -> str:
        """The user's role on a cluster, cut to what the token allows."""
        if self.token is not None and rank(self.token.role) < rank(role):
            return self.token.role
        return role

    def portal_role(self) -> str:
        """The role that holds on every cluster; "" for none."""
        if self.user is None:
            return Role.ADMINISTRATOR
        role = Role.ADMINISTRATOR if self.user.is_superuser else self.user.portal_role
        return self.narrowed(role)


SYSTEM = Principal(user=None, via="worker")
"""The portal acting by itself."""
