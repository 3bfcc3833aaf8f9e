"""How the API learns who is asking: the console's session, or a token."""

from __future__ import annotations

from knox.auth import TokenAuthentication
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, PermissionDenied
from rest_framework.request import Request

from accounts.models import ApiToken, User
from accounts.second_factor import lacks_factor
from accounts.throttling import wrong_tokens_counted


class ConsoleSession(SessionAuthentication):
    """A logged-in browser; unsafe methods need the CSRF token. Refused while a one-time password is in use, or a second
    factor is demanded and missing."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        """The session's user."""
        found = super().authenticate(request)
        if found is not None and found[0].must_change_password:
            raise AuthenticationFailed("Change the one-time password in the console first.", "password_change_required")
        if found is not None and lacks_factor(found[0]):
            raise AuthenticationFailed("Set up a second factor in the console first.", "second_factor_required")
        return found

    def enforce_csrf(self, request: Request) -> None:
        """Raises PermissionDenied, which says what to do."""
        try:
            super().enforce_csrf(request)
        except PermissionDenied as error:
            text = "The security token of the form was missing or wrong. Send it as X-CSRFToken, or an API token."
            raise PermissionDenied(text) from error


class BearerToken(TokenAuthentication):
    """`Authorization: Bearer cpt_...` or `Authorization: Token cpt_...`; the token is hashed, scoped and expires."""

    keywords = (b"bearer", b"token")

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        """The token's owner and the token."""
        words = str(request.META.get("HTTP_AUTHORIZATION", "")).encode("latin-1", "replace").split()
        if not words or words[0].lower() not in self.keywords:
            return None
        with wrong_tokens_counted(request, words[-1]):
            if len(words) != 2 or not words[1].replace(b"_", b"").isalnum():
                raise AuthenticationFailed(
                    "The Authorization header must be 'Bearer' and one token.", "malformed_token"
                )
            user, token = self.authenticate_credentials(words[1])
        return user, token

    def authenticate_header(self, request: Request) -> str:
        """What WWW-Authenticate of a 401 says."""
        return 'Bearer realm="clusterportal"'
