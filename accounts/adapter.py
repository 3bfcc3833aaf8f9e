"""How the login library is told the portal's rules."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from accounts.audit import Subject, record_unknown
from accounts.codes import note_password
from accounts.guessing import password_was_right, remember_browser
from accounts.models import User
from accounts.requests import remote_address


class AccountAdapter(DefaultAccountAdapter):
    """No sign-up: administrators let people in."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def pre_login(self, request: HttpRequest, user: User, **rest: Any) -> HttpResponse | None:
        """Refuse a one-time password whose time is over; its owner, who typed it right, is told so."""
        if user.one_time_until is None or user.one_time_until > timezone.now():
            note_password(request, user)
            answer: HttpResponse | None = super().pre_login(request, user, **rest)
            return answer
        text = f"A login as {user} by a one-time password failed, as its time is over."
        record_unknown("login.expired", text, remote_address=remote_address(request), subject=Subject.of(user))
        messages.error(request, "This one-time password is too old. Ask an administrator of the portal for another.")
        return redirect(settings.LOGIN_URL)

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        """Nothing: the library counts failures by name alone, so that anybody could lock out everybody."""

    def authenticate(self, request: HttpRequest, **credentials: Any) -> User | None:
        """Who has this password, at a log-in or when it is asked again."""
        user: User | None = super().authenticate(request, **credentials)
        if user is not None:
            password_was_right(request, credentials)
        return user

    def post_login(self, request: HttpRequest, user: User, **rest: Any) -> HttpResponse:
        """The browser is known from now on."""
        answer: HttpResponse = super().post_login(request, user, **rest)
        remember_browser(answer, user)
        return answer

    def get_password_change_redirect_url(self, request: HttpRequest) -> str:
        """Back to work."""
        return str(settings.LOGIN_REDIRECT_URL)

    def is_safe_url(self, url: str | None) -> bool:
        """Whether to lead there. The library fails at what is no address (`http://[`)."""
        try:
            return bool(super().is_safe_url(url))
        except ValueError:
            return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address that rate limits count by; one bucket for callers without one (a Unix socket)."""
        return remote_address(request) or "0.0.0.0"  # noqa: S104 - a label, nothing listens
