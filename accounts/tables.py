"""Tables of this room's console pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.models import ApiToken, AuditEvent, Role, User

PER_PAGE = 50


class ListTable(tables.Table):
    """A table whose order and page come from an address, hence from anybody. It names no length."""

    @property
    def order_by(self) -> Any:
        """The columns it is sorted by."""
        return super().order_by

    @order_by.setter
    def order_by(self, value: Any) -> None:
        """Names that no column can have do not sort; the library fails at a dot."""
        names = value.split(",") if isinstance(value, str) else value or ()
        tables.Table.order_by.fset(self, [name for name in names if "." not in name])

    def paginate(self, *args: Any, per_page: int = PER_PAGE, **kwargs: Any) -> Any:
        """A page of the usual length, whatever was asked for."""
        return super().paginate(*args, per_page=PER_PAGE, **kwargs)


class EventTable(ListTable):
    """The audit log."""

    label = "Audit log"
    at = tables.DateTimeColumn(verbose_name="When", format="Y-m-d H:i:s", order_by="id")
    actor = tables.Column(verbose_name="Who")
    action = tables.Column(verbose_name="Act")
    text = tables.Column(verbose_name="What happened", orderable=False, attrs={"td": {"class": "wrap"}})
    cluster_name = tables.Column(verbose_name="Cluster")
    via = tables.Column(verbose_name="By", orderable=False)
    remote_address = tables.Column(verbose_name="From", orderable=False)

    class Meta:
        model = AuditEvent
        fields = ("at", "actor", "action", "text", "cluster_name", "via", "remote_address")
        empty_text = "No event matches."

    def render_action(self, value: str) -> SafeString:
        """A code."""
        return format_html("<code>{}</code>", value)


class TokenTable(ListTable):
    """API tokens."""

    label = "API tokens"
    name = tables.Column()
    token_key = tables.Column(verbose_name="Begins with", orderable=False)
    user = tables.Column(verbose_name="Owner", order_by="user__username")
    role = tables.Column(verbose_name="May do at most")
    cluster_ids = tables.Column(
        verbose_name="Clusters", orderable=False, default="All of the owner's", empty_values=(None, [])
    )
    created = tables.DateTimeColumn(format="Y-m-d")
    expiry = tables.DateTimeColumn(verbose_name="Expires", format="Y-m-d")
    revoke = tables.TemplateColumn(
        template_name="accounts/revoke_button.html", verbose_name="Act", orderable=False, empty_values=()
    )

    class Meta:
        model = ApiToken
        fields = ("name", "token_key", "user", "role", "cluster_ids", "created", "expiry", "revoke")
        empty_text = "There is no token."

    def render_token_key(self, value: str) -> SafeString:
        """A code."""
        return format_html("<code>{}…</code>", value)

    def __init__(self, *args: Any, names: Mapping[int, str], **kwargs: Any) -> None:
        """`names`: of the clusters that the reader may see, by id."""
        super().__init__(*args, **kwargs)
        self._names = names

    def render_cluster_ids(self, value: list[int]) -> str:
        """Names, numbers for what the reader may not see or is gone."""
        return ", ".join(self._names.get(number, f"#{number}") for number in value)


class SessionTable(tables.Table):
    """Sessions under way."""

    label = "Sessions"
    device = tables.Column(orderable=False)
    address = tables.Column(verbose_name="From", orderable=False)
    began = tables.DateTimeColumn(verbose_name="Login", format="Y-m-d H:i", orderable=False)
    used = tables.DateTimeColumn(verbose_name="Last used", format="Y-m-d H:i", orderable=False)
    end = tables.TemplateColumn(
        template_name="accounts/end_button.html", verbose_name="Act", orderable=False, empty_values=()
    )

    class Meta:
        empty_text = "There is no session."


class UserTable(ListTable):
    """The people of the portal."""

    label = "Users"
    username = tables.Column(verbose_name="User name", linkify=("user", {"pk": tables.A("pk")}))
    email = tables.Column(verbose_name="E-mail")
    portal_role = tables.Column(verbose_name="Role on every cluster", empty_values=())
    has_factor = tables.Column(verbose_name="Second factor", orderable=False)
    is_active = tables.Column(verbose_name="State")
    last_login = tables.DateTimeColumn(verbose_name="Last login", format="Y-m-d H:i")

    class Meta:
        model = User
        fields = ("username", "email", "portal_role", "has_factor", "is_active", "last_login")
        empty_text = "There is no user."

    def render_portal_role(self, record: User) -> str:
        """In words; superusers hold all."""
        if record.is_superuser:
            return "Superuser"
        return Role(record.portal_role).label if record.portal_role else "None"

    def render_has_factor(self, value: bool) -> str:
        """In words."""
        return "Set up" if value else "None"

    def render_is_active(self, record: User) -> str:
        """In words."""
        if not record.is_active:
            return "Shut out"
        return "One-time password" if record.must_change_password else "Active"
