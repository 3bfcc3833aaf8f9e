"""Logins that are under way: each is a row of the session store, named by the library's row of its owner and device."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import pluralize
from django.utils import timezone

from accounts.models import ApiToken, User

BEGAN, USED = "began", "used"
"""What a session itself holds: when somebody logged in, and when they last did something, in seconds since 1970."""

NOTED_EVERY = 60
"""Seconds for which a session that is used is not written again."""

AHEAD = 60
"""Seconds by which a clock may be set back, so that a session's end is not put off for longer."""

_AGENT = UserSession._meta.get_field("user_agent").max_length


def begin_session(request: HttpRequest, user: User) -> None:
    """Note whose session this is from now on, and from where: by whichever door they came, or nobody could end it."""
    request.session[BEGAN] = request.session[USED] = int(time.time())
    if request.session.session_key is None:  # somebody else was logged in here before
        request.session.save()
    device = {
        "user": user,
        "ip": get_adapter().get_client_ip(request),
        "user_agent": request.META.get("HTTP_USER_AGENT", "")[:_AGENT],
    }
    UserSession.objects.update_or_create(session_key=request.session.session_key, defaults=device)


@transaction.atomic
def renew_key(session: SessionBase) -> None:
    """Go on under another key: whoever knew the one before is out."""
    known = UserSession.objects.filter(session_key=session.session_key)
    session.cycle_key()
    known.update(session_key=session.session_key)


@transaction.atomic
def end_sessions(user: User, but: str | None = None) -> int:
    """End a user's sessions at once, all `but` the one of that key; answers how many were under way."""
    return _end(UserSession.objects.filter(user=user).exclude(session_key=but or ""))


@transaction.atomic
def end_session(user: User, session_id: int) -> int:
    """End one session of a user at once; answers how many were under way."""
    return _end(UserSession.objects.filter(user=user, pk=session_id))


def _end(rows: QuerySet[UserSession]) -> int:
    keys = list(rows.values_list("session_key", flat=True))
    ended, _ = Session.objects.filter(session_key__in=keys).delete()
    UserSession.objects.filter(session_key__in=keys).delete()
    return int(ended)


def sessions_in_words(count: int) -> str:
    """Such as "2 sessions"."""
    return f"{count} session{pluralize(count)}"


@dataclass(frozen=True, slots=True)
class Ended:
    """How many sessions and API tokens ended."""

    sessions: int = 0
    tokens: int = 0

    def __str__(self) -> str:
        return f"{sessions_in_words(self.sessions)} and {self.tokens} API token{pluralize(self.tokens)} ended"


def end_tokens(user: User) -> int:
    """End all API tokens of a user; answers how many had not expired."""
    tokens = ApiToken.objects.filter(user=user)
    alive = tokens.filter(expiry__gt=timezone.now()).count()
    tokens.delete()
    return alive


def end_all(user: User) -> Ended:
    """Let nobody go on who is in as this user, by browser or by token."""
    return Ended(end_sessions(user), end_tokens(user))


def forget_session(session: SessionBase) -> None:
    """End the session of the request at hand."""
    UserSession.objects.filter(session_key=session.session_key).delete()
    session.flush()


def clear_ended_sessions() -> None:
    """Remove the rows of sessions whose time is over, and what names a session that is gone."""
    Session.objects.filter(expire_date__lt=timezone.now()).delete()
    UserSession.objects.exclude(session_key__in=Session.objects.values("session_key")).delete()


def why_over(session: SessionBase | Mapping[str, Any]) -> str | None:
    """Why a session, or what one holds, is over, in words for its owner; None while it is not; "" where it is of a
    version that noted nothing."""
    now = time.time()
    if BEGAN not in session:
        return ""
    if now - session[BEGAN] >= settings.SESSION_COOKIE_AGE:
        return f"You were logged out {settings.SESSION_COOKIE_AGE / 3600:g} hours after your login."
    if session[BEGAN] - now > AHEAD:
        return "You were logged out, as the portal's clock was set back."
    if now - session[USED] >= settings.PORTAL_IDLE:
        return f"You were logged out after {settings.PORTAL_IDLE / 60:g} minutes without use."
    return None


def note_use(session: SessionBase) -> None:
    """Its owner did something. Writes once a minute at most; also where the clock was set back."""
    now = int(time.time())
    if not 0 <= now - session[USED] < NOTED_EVERY:
        session[USED] = now


def is_act(request: HttpRequest) -> bool:
    """Whether a person did this, rather than a page that renews itself or a program. Of a part of a page the console's
    script says so."""
    if request.method not in ("GET", "HEAD"):
        return True
    if request.headers.get("HX-Request") == "true":
        return request.headers.get("X-Act") == "1"
    return not request.path.startswith("/api/")
