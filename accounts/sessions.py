"""Logins that are under way: each is a row of the session store, named by the library's row of its owner and device."""

from __future__ import annotations

from dataclasses import dataclass

from allauth.account.adapter import get_adapter
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.template.defaultfilters import pluralize
from django.utils import timezone

from accounts.models import ApiToken, User

_AGENT = UserSession._meta.get_field("user_agent").max_length


def begin_session(request: HttpRequest, user: User) -> None:
    """Note whose session this is from now on, and from where: by whichever door they came, or nobody could end it."""
    if request.session.session_key is None:  # somebody else was logged in here before
        request.session.save()
    device = {
        "user": user,
        "ip": get_adapter().get_client_ip(request),
        "user_agent": request.META.get("HTTP_USER_AGENT", "")[:_AGENT],
    }
    UserSession.objects.update_or_create(session_key=request.session.session_key, defaults=device)


@transaction.atomic
def end_sessions(user: User, but: str | None = None) -> int:
    """End a user's sessions at once, all `but` the one of that key; answers how many were under way."""
    rows = UserSession.objects.filter(user=user).exclude(session_key=but or "")
    keys = list(rows.values_list("session_key", flat=True))
    ended, _ = Session.objects.filter(session_key__in=keys).delete()
    rows.filter(session_key__in=keys).delete()
    return int(ended)


@dataclass(frozen=True, slots=True)
class Ended:
    """How many sessions and API tokens ended."""

    sessions: int = 0
    tokens: int = 0

    def __str__(self) -> str:
        sessions = f"{self.sessions} session{pluralize(self.sessions)}"
        return f"{sessions} and {self.tokens} API token{pluralize(self.tokens)} ended"


def end_tokens(user: User) -> int:
    """End all API tokens of a user; answers how many had not expired."""
    tokens = ApiToken.objects.filter(user=user)
    alive = tokens.filter(expiry__gt=timezone.now()).count()
    tokens.delete()
    return alive


def end_all(user: User) -> Ended:
    """Let nobody go on who is in as this user, by browser or by token."""
    return Ended(end_sessions(user), end_tokens(user))
