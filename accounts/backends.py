"""How a session's user is read."""

from __future__ import annotations

from allauth.account.auth_backends import AuthenticationBackend

from accounts.models import User
from accounts.names import normalised
from accounts.second_factor import users_with_factor


class PortalUsers(AuthenticationBackend):
    """The login library's users. What every request must know of their second factor comes with them, unasked."""

    def _authenticate_by_username(self, username: str, password: str) -> User | None:
        """Whoever types in letters of full width, as some keyboards do, is let in as well."""
        found: User | None = super()._authenticate_by_username(normalised(username), password)
        return found

    def get_user(self, user_id: int) -> User | None:
        """The user of a session; None where it is shut out or gone."""
        user = users_with_factor().filter(pk=user_id).first()
        return user if user is not None and self.user_can_authenticate(user) else None
