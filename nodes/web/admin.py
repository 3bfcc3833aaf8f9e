"""What the stock admin of both apps shares: it looks and changes nothing."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest

from accounts.models import User


class LookOnly(admin.ModelAdmin):  # type: ignore[type-arg]  # not a generic at run time
    """Rows can be read and searched by superusers."""

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Whether the app is listed: for superusers."""
        return isinstance(request.user, User) and request.user.is_superuser

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Whether rows are shown: to superusers."""
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Rows are made by the services alone."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows are changed by the services alone, which audit it."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Rows are deleted by the services alone, which audit it."""
        return False
