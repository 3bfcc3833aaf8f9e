"""Logins, lockouts and second factors, as the libraries announce them, into the audit log."""

from __future__ import annotations

from typing import Any

from allauth.account.signals import authentication_step_completed, password_changed
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authentication_failed, authenticator_added, authenticator_removed, authenticator_reset
from axes.signals import user_locked_out
from django.contrib import messages
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.dispatch import receiver
from django.http import HttpRequest
from knox.signals import token_expired

from accounts.audit import Subject, record, record_unknown
from accounts.codes import use_first_code
from accounts.guessing import known_user
from accounts.models import User
from accounts.principals import Principal
from accounts.requests import remote_address
from accounts.sessions import Ended, begin_session, end_sessions, renew_key
from accounts.users import password_changed as password_changed_by_owner


def _record(request: HttpRequest | None, user: User, action: str, text: str, **data: object) -> None:
    address = remote_address(request) if request is not None else None
    who = Principal(user=user, via="console", remote_address=address)
    record(who, action, text, subject=Subject.of(user), data=data)


@receiver(user_logged_in)
def on_login(request: HttpRequest | None, user: User, **rest: Any) -> None:
    """Somebody is in, second factor included."""
    if request is not None:
        begin_session(request, user)
    _record(request, user, "login.success", f"{user} logged in.")


@receiver(authentication_step_completed)
def on_step(request: HttpRequest, user: User, method: str, reauthenticated: bool = False, **rest: Any) -> None:
    """Somebody who is in proved once more who they are; the session goes on under another key."""
    if reauthenticated:
        renew_key(request.session)
        _record(request, user, "login.again", f"{user} proved once more who they are.", method=method)


@receiver(user_logged_out)
def on_logout(request: HttpRequest | None, user: User | None, **rest: Any) -> None:
    """Somebody left."""
    if user is not None:
        _record(request, user, "login.logout", f"{user} logged out.")


@receiver(user_login_failed)
def on_failed_login(credentials: dict[str, Any], request: HttpRequest | None = None, **rest: Any) -> None:
    """A wrong password, or any while locked out. Unknown names are not kept: people type passwords into that field."""
    user = known_user(str(credentials.get("username") or ""))
    text = f"A login as {user} failed." if user else "A login under an unknown name failed."
    address = remote_address(request) if request is not None else None
    record_unknown("login.failed", text, remote_address=address, subject=Subject.of(user) if user else None)


@receiver(user_locked_out)
def on_lockout(request: HttpRequest, username: str | None, **rest: Any) -> None:
    """Too many failures."""
    user = known_user(username or "")
    text = f"Logins as {user or 'an unknown name'} from this address are refused for a while, after too many failures."
    subject = Subject.of(user) if user else None
    record_unknown("login.locked", text, remote_address=remote_address(request), subject=subject)


@receiver(password_changed)
def on_password_changed(request: HttpRequest, user: User, **rest: Any) -> None:
    """Whoever else is in as this user is out."""
    who = Principal(user=user, via="console", remote_address=remote_address(request))
    key, tokens = request.session.session_key or "", "end_tokens" in request.POST
    ended = password_changed_by_owner(who, user, session=key, tokens=tokens)
    if ended != Ended():
        messages.success(request, f"{ended}.")


@receiver(authenticator_added)
def on_factor_added(request: HttpRequest, user: User, authenticator: Any, **rest: Any) -> None:
    """A second factor is in place; who logged in without it is asked for it."""
    if authenticator.type == Authenticator.Type.TOTP:
        use_first_code(authenticator, request.POST.get("code", ""))
        end_sessions(user, but=request.session.session_key)
    _record(request, user, "mfa.add", f"{user} added a second factor.", type=str(authenticator.type))


@receiver(authenticator_removed)
def on_factor_removed(request: HttpRequest, user: User, authenticator: Any, **rest: Any) -> None:
    """A second factor is gone."""
    _record(request, user, "mfa.remove", f"{user} removed a second factor.", type=str(authenticator.type))


@receiver(authenticator_reset)
def on_factor_reset(request: HttpRequest, user: User, authenticator: Any, **rest: Any) -> None:
    """New recovery codes."""
    _record(request, user, "mfa.reset", f"{user} made new recovery codes.", type=str(authenticator.type))


@receiver(token_expired)
def on_token_expired(username: str, **rest: Any) -> None:
    """The library removes what is over once it meets it."""
    record(Principal(user=None, via="api"), "token.expire", f"An API token of {username} expired and was removed.")


@receiver(authentication_failed)
def on_factor_failed(request: HttpRequest, user: User, **rest: Any) -> None:
    """A wrong code after a right password."""
    record_unknown(
        "mfa.failed",
        f"A second factor of {user} failed after a right password.",
        remote_address=remote_address(request),
        subject=Subject.of(user),
    )
