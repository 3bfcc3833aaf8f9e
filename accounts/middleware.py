"""What is settled before any view: whose password must be changed first, and addresses that can name no row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

from accounts.filters import LARGEST_ID
from accounts.models import User

_ALLOWED = frozenset({"account_change_password", "account_logout", "account_reauthenticate", "healthz", "readyz"})


class PasswordChangeFirst(MiddlewareMixin):
    """Sends such users to the password page. The API refuses their session itself (`ConsoleSession`)."""

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Redirect, or None to go on."""
        user = request.user
        if not isinstance(user, User) or not user.must_change_password or request.path.startswith("/api/"):
            return None
        match = request.resolver_match
        if match is not None and match.url_name in _ALLOWED:
            return None
        return HttpResponseRedirect(reverse("account_change_password"))


def _names_no_row(part: object) -> bool:
    return (isinstance(part, int) and part > LARGEST_ID) or (isinstance(part, str) and "\0" in part)


class PossibleAddresses(MiddlewareMixin):
    """An id or a name in an address that no database holds is not found, before anything compares a column with it."""

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: dict[str, Any]
    ) -> None:
        """Raises Http404."""
        if any(_names_no_row(part) for part in kwargs.values()):
            raise Http404("There is no such thing.")
