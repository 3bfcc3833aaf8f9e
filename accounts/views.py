"""Console pages of this room: the audit log, own tokens, the people of the portal."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from django_filters.views import FilterView
from django_tables2 import RequestConfig, SingleTableMixin

from accounts.access import require_portal, visible_cluster_names
from accounts.chain import chain_now
from accounts.events import events_visible_to
from accounts.filters import EventFilter
from accounts.forms import NewTokenForm, NewUserForm, PortalRoleForm
from accounts.logins import end_sessions_of, sessions_of
from accounts.models import AuditEvent, Role, User
from accounts.refusals import refusals_as_messages
from accounts.requests import principal_of
from accounts.tables import EventTable, SessionTable, TokenTable, UserTable
from accounts.tokens import issue_token, revoke_token, tokens_visible_to
from accounts.users import (
    NewUser,
    create_user,
    reset_password,
    set_active,
    set_portal_role,
    users_visible_to,
)


class AuditView(SingleTableMixin, FilterView):
    """The audit log, newest first."""

    table_class = EventTable
    filterset_class = EventFilter

    def get_queryset(self) -> QuerySet[AuditEvent]:
        """What the caller may read."""
        return events_visible_to(principal_of(self.request))

    def get_template_names(self) -> list[str]:
        """The page, or the table alone when the filter form asks."""
        asked = self.request.headers.get("HX-Target") == "list"
        restored = self.request.headers.get("HX-History-Restore-Request") == "true"
        return ["components/list_body.html" if asked and not restored else "accounts/audit.html"]


@require_safe
def audit_hash(request: HttpRequest) -> HttpResponse:
    """The newest hash of the audit log as a file to keep elsewhere; its first line is the hash. Administrators."""
    require_portal(principal_of(request), Role.ADMINISTRATOR)
    head, now = chain_now(), timezone.now()
    text = f"{head.digest}\n{head.length} events of the audit log, {now:%Y-%m-%d %H:%M:%S} UTC\n"
    file = f"audit-hash-{now:%Y%m%dT%H%M%S}.txt"
    headers = {"Content-Disposition": f'attachment; filename="{file}"'}
    return HttpResponse(text, content_type="text/plain; charset=utf-8", headers=headers)


def _listing(request: HttpRequest, table: TokenTable | UserTable) -> Any:
    RequestConfig(request).configure(table)
    return table


@never_cache
@require_http_methods(["GET", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """One's own tokens (administrators: all), and a form for a new one, whose secret is shown once."""
    principal = principal_of(request)
    clusters = visible_cluster_names(principal)
    form = NewTokenForm(request.POST or None, clusters=clusters)
    owner = principal.user
    made = form.attempt(lambda: issue_token(principal, owner, form.token())) if owner else None
    if made is not None:
        form = NewTokenForm(clusters=clusters)
    table = _listing(request, TokenTable(tokens_visible_to(principal), names=clusters))
    return render(
        request, "accounts/tokens.html", {"form": form, "table": table, "secret": made.secret if made else ""}
    )


@require_POST
def revoke(request: HttpRequest, token_key: str) -> HttpResponse:
    """End a token."""
    revoke_token(principal_of(request), token_key)
    messages.success(request, "The token ended.")
    return redirect("tokens")


@require_http_methods(["GET"])
def users(request: HttpRequest) -> HttpResponse:
    """The people of the portal."""
    table = _listing(request, UserTable(users_visible_to(principal_of(request))))
    return render(request, "accounts/users.html", {"table": table})


@never_cache
@require_http_methods(["GET", "POST"])
def new_user(request: HttpRequest) -> HttpResponse:
    """Let somebody in; the one-time password is shown once."""
    principal = principal_of(request)
    users_visible_to(principal)
    form = NewUserForm(request.POST or None)
    made = form.attempt(lambda: create_user(principal, NewUser(**form.cleaned_data)))
    if made is not None:
        return render(request, "accounts/let_in.html", {"made": made})
    return render(request, "accounts/new_user.html", {"form": form})


@never_cache
@require_http_methods(["GET", "POST"])
def user(request: HttpRequest, pk: int) -> HttpResponse:
    """One user: change the role, shut out, let in again, new one-time password."""
    principal = principal_of(request)
    somebody = get_object_or_404(users_visible_to(principal), pk=pk)
    if request.method == "GET":
        form = PortalRoleForm(initial={"portal_role": somebody.portal_role})
        table = SessionTable(sessions_of(somebody, request.session.session_key), exclude=("end",))
        return render(request, "accounts/user.html", {"somebody": somebody, "form": form, "table": table})
    act = request.POST.get("act", "")
    if act == "password":
        return render(request, "accounts/let_in.html", {"made": reset_password(principal, pk)})
    return _change(request, somebody, act)


def _change(request: HttpRequest, somebody: User, act: str) -> HttpResponse:
    principal = principal_of(request)
    with refusals_as_messages(request):
        if act == "role":
            set_portal_role(principal, somebody.pk, request.POST.get("portal_role", ""))
        elif act == "sessions":
            end_sessions_of(principal, somebody.pk)
        elif act in ("shut-out", "let-in"):
            set_active(principal, somebody.pk, act == "let-in")
        else:
            raise Http404("No such act.")
        messages.success(request, f"{somebody} was changed.")
    return redirect("user", pk=somebody.pk)
