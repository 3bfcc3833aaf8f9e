"""Console page of one's own sessions."""

from __future__ import annotations

from allauth.account.decorators import reauthentication_required
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from accounts.logins import end_own_session, end_own_sessions, own_sessions
from accounts.requests import principal_of
from accounts.tables import SessionTable


@require_http_methods(["GET", "POST"])
@reauthentication_required(allow_get=True)
def sessions(request: HttpRequest) -> HttpResponse:
    """One's own sessions; ends the one that is named, else all others, for who has just proved who they are: whoever
    finds a browser open must not shut its owner out."""
    principal, key = principal_of(request), request.session.session_key
    if request.method == "POST":
        named = request.POST.get("session", "")
        if not named:
            end_own_sessions(principal, key)
        elif named.isascii() and named.isdigit() and len(named) <= 18:
            end_own_session(principal, int(named))
        else:
            raise Http404("No such session.")
        messages.success(request, "Ended.")
        return redirect("usersessions_list")
    found = own_sessions(principal, key)
    return render(request, "accounts/sessions.html", {"table": SessionTable(found), "others": len(found) > 1})
