"""What is settled before any view: sessions that are over, what somebody must do first (log in, change a one-time
password, set up a second factor), and addresses that can name no row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.contrib import messages
from django.contrib.auth import SESSION_KEY
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import (
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    HttpResponseRedirect,
)
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import url_has_allowed_host_and_scheme
from rest_framework.views import APIView

from accounts.filters import LARGEST_ID
from accounts.models import User
from accounts.second_factor import lacks_factor
from accounts.sessions import forget_session, is_act, note_use, why_over

_ALWAYS = frozenset({"account_change_password", "account_logout", "account_reauthenticate", "healthz", "readyz"})


def send_to(request: HttpRequest, address: str) -> HttpResponse:
    """Lead the whole page to an address, also when only a part of it was asked for."""
    if request.headers.get("HX-Request") == "true":
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    return HttpResponseRedirect(address)


def _is_rest(view: Callable[..., HttpResponseBase]) -> bool:
    kind = getattr(view, "cls", None)
    return isinstance(kind, type) and issubclass(kind, APIView)


class SessionLimits(MiddlewareMixin):
    """Ends a session that was not used for long, or that began long ago, at its next request. What a page asks for by
    itself is answered, and keeps no session alive."""

    def process_request(self, request: HttpRequest) -> None:
        """End it, or note that it is used."""
        session = request.session
        if SESSION_KEY not in session:
            return
        why = why_over(session)
        if why is None:
            if is_act(request):
                note_use(session)
            return
        forget_session(session)
        if why:
            messages.warning(request, why)


class LoginFirst(LoginRequiredMiddleware):
    """Leads to the login, and from there back to the page that somebody was on."""

    def handle_no_permission(  # type: ignore[override] # a redirect of a part of a page is no redirect
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase]
    ) -> HttpResponse:
        """The page's own address where only a part of it was asked for, or something was sent from it."""
        page = request.get_full_path()
        if request.headers.get("HX-Request") == "true":
            page = _own_path(request, request.headers.get("HX-Current-URL", ""))
        elif request.method not in ("GET", "HEAD"):
            page = _own_path(request, request.headers.get("Referer", ""))
        login = resolve_url(self.get_login_url(view_func))
        return send_to(request, f"{login}?{urlencode({self.get_redirect_field_name(view_func): page}, safe='/')}")


def _own_path(request: HttpRequest, address: str) -> str:
    """Path and query of an address of this site; "/" of any other."""
    if not url_has_allowed_host_and_scheme(address, {request.get_host()}, require_https=request.is_secure()):
        return "/"
    parts = urlsplit(address)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


class _Before(MiddlewareMixin):
    """Leads users of whom something is `missing` to the page where they do it. REST refuses their session itself
    (`ConsoleSession`)."""

    page: str
    allowed = _ALWAYS

    def missing(self, user: User) -> bool:
        """Whether the user must go there first."""
        raise NotImplementedError

    def process_view(
        self, request: HttpRequest, view: Callable[..., HttpResponseBase], args: Any, kwargs: Any
    ) -> HttpResponseBase | None:
        """Redirect, or None to go on; `request.must_first` tells a page of those allowed to offer no way past it."""
        match, user = request.resolver_match, request.user
        if _is_rest(view) or not isinstance(user, User) or not self.missing(user):
            return None
        request.must_first = self.page  # type: ignore[attr-defined]
        if match is not None and match.url_name in self.allowed:
            return None
        return send_to(request, reverse(self.page))


class PasswordChangeFirst(_Before):
    """Whoever logged in with a one-time password chooses their own."""

    page = "account_change_password"

    def missing(self, user: User) -> bool:
        """A password that nobody else knows."""
        return user.must_change_password


class SecondFactorFirst(_Before):
    """Whoever must have a second factor and has none sets one up, however long they have been logged in."""

    page = "mfa_index"
    allowed = _ALWAYS | {"mfa_index", "mfa_activate_totp"}

    def missing(self, user: User) -> bool:
        """A second factor."""
        return lacks_factor(user)


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
