"""The sessions under way, for whoever wants to see and end them: one's own, and for administrators those of a user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from allauth.usersessions.models import UserSession
from django.contrib.auth import HASH_SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404
from django.utils import timezone

from accounts.access import best_role, require_portal, take_user
from accounts.audit import Subject, record
from accounts.devices import device
from accounts.models import Role, User
from accounts.principals import Principal, rank
from accounts.sessions import BEGAN, USED, end_session, end_sessions, sessions_in_words, why_over


@dataclass(frozen=True, slots=True)
class Login:
    """A session under way. `id` names it and opens nothing; `used`: when its owner last did something, to the minute;
    `current`: it is the one that asks."""

    id: int
    device: str
    user_agent: str
    address: str
    began: datetime
    used: datetime
    current: bool


def sessions_of(user: User, current: str | None = None) -> list[Login]:
    """A user's sessions under way: the one that asks, whose key is `current`, then the last used first."""
    rows = {row.session_key: row for row in UserSession.objects.filter(user=user)}
    stored = Session.objects.filter(session_key__in=rows, expire_date__gt=timezone.now())
    under_way = ((rows[found.session_key], found.get_decoded()) for found in stored)
    password = user.get_session_auth_hash()
    found = [
        _login(row, held, current)
        for row, held in under_way
        if why_over(held) is None and held.get(HASH_SESSION_KEY) == password
    ]
    return sorted(found, key=lambda login: (login.current, login.used), reverse=True)


def _login(row: UserSession, held: Mapping[str, Any], current: str | None) -> Login:
    began, used = (datetime.fromtimestamp(held[name], UTC) for name in (BEGAN, USED))
    here = row.session_key == current
    return Login(row.pk, device(row.user_agent), row.user_agent, row.ip, began, used, here)


def own_sessions(principal: Principal, current: str | None = None) -> list[Login]:
    """The caller's own. Raises PermissionDenied for a token that may less than its owner: a session may all."""
    return sessions_of(_whole(principal), current)


def _whole(principal: Principal) -> User:
    user, token = principal.user, principal.token
    if user is None:
        raise PermissionDenied("The portal itself has no sessions.")
    if token is not None and (token.cluster_ids or rank(token.role) < rank(best_role(replace(principal, token=None)))):
        raise PermissionDenied("A session may more than this token.")
    return user


@transaction.atomic
def end_own_session(principal: Principal, session_id: int) -> None:
    """End one of the caller's sessions at once. Raises Http404 for what is not theirs; PermissionDenied as above."""
    ended = end_session(_whole(principal), session_id)
    if not ended:
        raise Http404("No such session.")
    _record_end(principal, principal.name, ended)


@transaction.atomic
def end_own_sessions(principal: Principal, but: str | None) -> int:
    """End all of the caller's sessions, all `but` the one of that key. Raises PermissionDenied as above."""
    user = _whole(principal)
    ended = end_sessions(user, but)
    _record_end(principal, user.username, ended)
    return ended


@transaction.atomic
def end_sessions_of(principal: Principal, user_id: int) -> int:
    """End all sessions of a user. Administrators of the portal only."""
    require_portal(principal, Role.ADMINISTRATOR)
    user = take_user(user_id)
    ended = end_sessions(user)
    _record_end(principal, user.username, ended, Subject.of(user))
    return ended


def _record_end(principal: Principal, whose: str, ended: int, subject: Subject | None = None) -> None:
    if ended:
        text = f"{principal.name} ended {sessions_in_words(ended)} of {whose}."
        record(principal, "session.end", text, subject=subject, data={"sessions": ended})
