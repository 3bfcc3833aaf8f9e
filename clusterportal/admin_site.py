"""Django's own admin, as a way of last resort: superusers with a second factor, through the portal's own login."""

from __future__ import annotations

from typing import NoReturn

from allauth.mfa.utils import is_mfa_enabled
from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from accounts.models import User


class LastResort(AdminSite):
    """Nobody else gets in, staff or not."""

    site_header = "clusterportal: tables (changes here skip the portal's checks)"
    site_title = "clusterportal"

    def has_permission(self, request: HttpRequest) -> bool:
        """Superusers with a second factor."""
        user = request.user
        return isinstance(user, User) and user.is_active and user.is_superuser and bool(is_mfa_enabled(user))

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> NoReturn:
        """There is none: the portal's own login, with lockout and second factor, came before this."""
        raise PermissionDenied("The tables are for superusers with a second factor.")
