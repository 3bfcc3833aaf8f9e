"""Whoever logged in with a one-time password gets nowhere before changing it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin

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
