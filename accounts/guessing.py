"""How fast passwords may be guessed. Counted in the database, so that nothing that restarts forgets it.

Wrong passwords for one name from one address are few, those from one address for any names more, and so are those for
one name from all addresses together: that slows down who has many addresses. A browser in which the user has logged in
before is counted by itself, and nobody else's failures keep the user out there.

Kept are a keyed digest of the name, as people type passwords into its field, and where it came from, until somebody
logs in an hour later.
"""

from __future__ import annotations

import math
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from axes.handlers.base import AxesHandler
from axes.signals import user_locked_out
from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import salted_hmac

from accounts.models import LoginFailure, User
from accounts.names import normalised
from accounts.requests import network, network_of

FEW, SHORT = 5, timedelta(minutes=15)
"""Failures for one name from one address, or in one known browser, and how long they count."""

MANY = 50
"""Failures from one address for any names, as long."""

SPREAD, LONG = 100, timedelta(hours=1)
"""Failures for one name from all addresses, and how long they count."""

AHEAD = timedelta(minutes=1)
"""A failure later than that is of a clock that was set back: nobody waits until it is there again."""

COOKIE = "__Host-known" if settings.TLS else "known"
COOKIE_AGE = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class _Guess:
    name: str
    client: str
    known: bool


def known_user(typed: str) -> User | None:
    """Whom a log-in under this name is for."""
    return User.objects.filter(username__iexact=normalised(typed)[:150]).first() if typed else None


def _digest(name: str) -> str:
    return salted_hmac("accounts.guessing", normalised(name).strip().casefold(), algorithm="sha256").hexdigest()


def _guess(request: HttpRequest, credentials: Mapping[str, Any] | None) -> _Guess:
    typed = str((credentials or {}).get("username") or "")
    user = known_user(typed)
    browser = _browser_of(request, user)
    return _Guess(_digest(user.username if user else typed), browser or network_of(request), bool(browser))


def _browser_of(request: HttpRequest, user: User | None) -> str:
    """The name of a browser in which this user has logged in before; "" for any other."""
    try:
        said = _signer().unsign(request.COOKIES.get(COOKIE, ""), max_age=COOKIE_AGE)
    except BadSignature:
        return ""
    owner, _, browser = said.partition(":")
    return browser if user is not None and owner == str(user.pk) else ""


def _signer() -> TimestampSigner:
    return TimestampSigner(salt="accounts.guessing")


def remember_browser(response: HttpResponse, user: User) -> None:
    """Let the browser prove at its next log-in that this user has been in by it."""
    value = _signer().sign(f"{user.pk}:{secrets.token_urlsafe(12)}")
    response.set_cookie(COOKIE, value, max_age=COOKIE_AGE, secure=settings.TLS, httponly=True, samesite="Lax")


def _waits(guess: _Guess) -> Iterator[timedelta]:
    rows = LoginFailure.objects.all()
    yield _wait(rows.filter(name=guess.name, client=guess.client), FEW, SHORT)
    if not guess.known:
        yield _wait(rows.filter(client=guess.client), MANY, SHORT)
        yield _wait(rows.filter(name=guess.name), SPREAD, LONG)


def _wait(rows: QuerySet[LoginFailure], limit: int, counts: timedelta) -> timedelta:
    """How long until less than `limit` of these count, beside the one that is asking; none or less: not at all."""
    newest = rows.order_by("-at").values_list("at", flat=True)
    return max((at + counts - timezone.now() for at in newest[limit : limit + 1]), default=timedelta())


def password_was_right(request: HttpRequest, credentials: Mapping[str, Any]) -> None:
    """The failures so far were the user's own."""
    guess = _guess(request, credentials)
    LoginFailure.objects.filter(name=guess.name, client=guess.client).delete()


def forget_failures(name: str) -> None:
    """Let this user log in from everywhere at once."""
    LoginFailure.objects.filter(name=_digest(name)).delete()


class LoginLimits(AxesHandler):
    """What the lockout's library asks before a password is looked at, and tells afterwards."""

    def is_allowed(self, request: Any, credentials: Mapping[str, Any] | None = None) -> bool:
        """Whether the password may be looked at. It counts as wrong until it turned out to be right: of many at once
        each is counted before any is compared."""
        guess = _guess(request, credentials)
        now = timezone.now()
        LoginFailure.objects.filter(Q(at__lt=now - LONG) | Q(at__gt=now + AHEAD)).delete()
        row = LoginFailure.objects.create(name=guess.name, client=guess.client)
        request.login_wait = max(_waits(guess))
        if request.login_wait <= timedelta():
            return True
        row.delete()  # who is refused does not wait for longer by asking
        return False

    def user_login_failed(self, sender: object, credentials: dict[str, Any], request: Any = None, **_: Any) -> None:
        """Answer with the page that says when to try again."""
        if getattr(request, "login_wait", timedelta()) > timedelta():
            request.axes_locked_out = True
            user_locked_out.send("axes", request=request, username=credentials.get("username"))

    def reset_attempts(
        self, *, ip_address: str | None = None, username: str | None = None, ip_or_username: bool = False
    ) -> int:
        """For the library's commands: of a name, an address, both, or all; answers how many no longer count."""
        by_name = Q(name=_digest(username)) if username else Q()
        by_address = Q(client=network(ip_address)) if ip_address else Q()
        chosen = by_name | by_address if ip_or_username else by_name & by_address
        return LoginFailure.objects.filter(chosen).delete()[0]


def locked_out(request: Any, response: HttpResponse, credentials: Mapping[str, Any] | None) -> HttpResponse:
    """The page for who has to wait."""
    seconds = math.ceil(request.login_wait.total_seconds())
    page = render(request, "account/locked.html", {"minutes": math.ceil(seconds / 60)}, status=429)
    page["Retry-After"] = str(seconds)
    return page
