"""How a session's user is read."""

from __future__ import annotations

from allauth.account.auth_backends import AuthenticationBackend

from accounts.models import User
from accounts.second_factor import with_factor


class PortalUsers(AuthenticationBackend):
    """The login library's users. What every request must know of their second factor comes with them, unasked."""

    def get_user(self, user_id: int) -> User | None:
        """The user of a session; None where it is shut out or gone."""
        user = with_factor(User.objects.filter(pk=user_id)).first()
        return user if user is not None and self.user_can_authenticate(user) else None
