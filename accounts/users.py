"""People and automation accounts: made, given a role on the portal, shut out, given a new one-time password."""

from __future__ import annotations

import secrets
from dataclasses import asdict, dataclass, field
from datetime import timedelta

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts.access import require_portal, take_user
from accounts.audit import Subject, record
from accounts.errors import Refused
from accounts.guessing import forget_failures
from accounts.models import Role, User
from accounts.names import RESERVED, alike, looks_of, normalised
from accounts.principals import Principal
from accounts.second_factor import users_with_factor
from accounts.sessions import Ended, end_all, end_sessions, end_tokens

_ALPHABET = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no letters that look alike

ONE_TIME = timedelta(days=3)
"""How long a one-time password lets in: over a weekend."""


@dataclass(frozen=True, slots=True)
class NewUser:
    """Who is to be let in. `portal_role` holds on every cluster; "" for somebody with roles on single clusters."""

    username: str
    portal_role: str = ""
    email: str = ""


@dataclass(frozen=True, slots=True)
class LetIn:
    """A user, the one-time password that must be changed at the first login, and what ended when it was given."""

    user: User
    password: str = field(repr=False)
    ended: Ended = field(default_factory=Ended)


def one_time_password() -> str:
    """Four groups of six letters and digits: 138 bits, easy to type."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(6)) for _ in range(4))


def _give_one_time_password(user: User) -> str:
    """Let the user in for ONE_TIME by a password that must be changed then; the caller saves these three columns."""
    password = one_time_password()
    user.set_password(password)
    user.must_change_password, user.one_time_until = True, timezone.now() + ONE_TIME
    return password


_PASSWORD = ("password", "must_change_password", "one_time_until")


def _check_role(role: str) -> None:
    if role and role not in Role.values:
        raise ValidationError({"portal_role": f"Use one of {', '.join(Role.values)}, or leave it empty."})


def _check_name(name: str) -> None:
    if any(alike(name, reserved) for reserved in RESERVED):
        raise ValidationError({"username": "The portal calls itself so in the audit log. Choose another name."})
    looks = looks_of(name)
    taken = User.objects.filter(Q(look_typed=looks.typed) | Q(look_small=looks.small)).first()
    if taken is not None:
        same = taken.username.casefold() == name.casefold()
        text = "This user name is taken." if same else f"People could take it for {taken}. Choose a name unlike it."
        raise ValidationError({"username": ValidationError(text, code="unique")})


def _is_administrator() -> Q:
    return Q(is_active=True) & (Q(portal_role=Role.ADMINISTRATOR) | Q(is_superuser=True))


def _one_at_a_time() -> None:
    """Wait for whoever is changing users. What is asked about all of them (who else administers the portal?) holds only
    while nobody else acts on the same answer. The oldest user's row is the lock: no user is ever deleted."""
    list(User.objects.select_for_update(no_key=True).order_by("pk")[:1])


def _keep_one_administrator(but: User) -> None:
    """The portal must not lock itself: refuse to take the role from its last administrator."""
    others = User.objects.filter(_is_administrator()).exclude(pk=but.pk)
    if User.objects.filter(_is_administrator(), pk=but.pk).exists() and not others.exists():
        raise Refused("last_administrator", "This is the last active administrator.", "Make another one first.")


def users_visible_to(principal: Principal) -> QuerySet[User]:
    """All users, for administrators of the portal. Raises PermissionDenied for others."""
    require_portal(principal, Role.ADMINISTRATOR)
    return users_with_factor().order_by("username")


@transaction.atomic
def create_user(principal: Principal, new: NewUser) -> LetIn:
    """Make a user with a one-time password. Administrators only. Raises ValidationError naming the field."""
    require_portal(principal, Role.ADMINISTRATOR)
    _check_role(new.portal_role)
    name = normalised(new.username)
    _one_at_a_time()
    _check_name(name)
    user = User(username=name, portal_role=new.portal_role, email=new.email)
    password = _give_one_time_password(user)
    user.full_clean()
    user.save()
    text = f"{principal.name} let in {user} ({new.portal_role or 'no role on the portal'})."
    record(principal, "user.create", text, subject=Subject.of(user), data={"portal_role": new.portal_role})
    return LetIn(user, password)


@transaction.atomic
def set_portal_role(principal: Principal, user_id: int, role: str) -> User:
    """Give a role on every cluster, or "" to take it. Raises Refused for the last administrator."""
    require_portal(principal, Role.ADMINISTRATOR)
    _check_role(role)
    _one_at_a_time()
    user = take_user(user_id)
    if role == user.portal_role:
        return user
    if not user.is_superuser:
        _keep_one_administrator(user)
    before, user.portal_role = user.portal_role, role
    user.save(update_fields=["portal_role"])
    text = f"{principal.name} changed the role of {user} on the portal from {before or 'none'} to {role or 'none'}."
    record(principal, "user.role", text, subject=Subject.of(user), data={"before": before, "after": role})
    return user


@transaction.atomic
def make_superuser(principal: Principal, user: User) -> None:
    """Let a user look at the tables of last resort, too. Only for who runs the portal: no page leads here."""
    user.is_superuser = user.is_staff = True
    user.save(update_fields=["is_superuser", "is_staff"])
    record(principal, "user.superuser", f"{principal.name} made {user} a superuser.", subject=Subject.of(user))


@transaction.atomic
def set_active(principal: Principal, user_id: int, active: bool) -> User:
    """Shut a user out, which ends sessions and tokens at once, or let them in again. Raises Refused for the last
    administrator."""
    require_portal(principal, Role.ADMINISTRATOR)
    _one_at_a_time()
    user = take_user(user_id)
    if active == user.is_active:
        return user
    if not active:
        _keep_one_administrator(user)
    user.is_active = active
    user.save(update_fields=["is_active"])
    ended = end_all(user)  # also when let in again: a login that was under way when they were shut out is no way back
    text = f"{principal.name} let in again {user}." if active else f"{principal.name} shut out {user}: {ended}."
    action = "user.enable" if active else "user.disable"
    record(principal, action, text, subject=Subject.of(user), data=asdict(ended))
    return user


@transaction.atomic
def change_user(principal: Principal, user_id: int, *, role: str | None = None, active: bool | None = None) -> None:
    """Set the role on the portal, whether the user may log in, or both; None leaves it. Where one is refused, the other
    is not made either."""
    if role is not None:
        set_portal_role(principal, user_id, role)
    if active is not None:
        set_active(principal, user_id, active)


@transaction.atomic
def reset_password(principal: Principal, user_id: int) -> LetIn:
    """Give a new one-time password; sessions and API tokens end: whoever had the old one may have made them."""
    require_portal(principal, Role.ADMINISTRATOR)
    user = take_user(user_id)
    password = _give_one_time_password(user)
    user.save(update_fields=_PASSWORD)
    ended = end_all(user)
    forget_failures(user.username)
    text = f"{principal.name} reset the password of {user}: {ended}."
    record(principal, "user.password_reset", text, subject=Subject.of(user), data=asdict(ended))
    return LetIn(user, password, ended)


@transaction.atomic
def password_changed(principal: Principal, user: User, *, session: str, tokens: bool) -> Ended:
    """Somebody chose a new password: their other sessions end, and their API tokens where they ask for that.
    `session`: the key of the one they go on with."""
    if user.must_change_password:
        user.must_change_password, user.one_time_until = False, None
        user.save(update_fields=["must_change_password", "one_time_until"])
    ended = Ended(end_sessions(user, but=session), end_tokens(user) if tokens else 0)
    text = f"{user} changed their password: {ended}."
    record(principal, "user.password_change", text, subject=Subject.of(user), data=asdict(ended))
    return ended


def choose_password(user: User, password: str) -> None:
    """Replace a fresh one-time password by one that its owner chose. Raises ValidationError for a weak one."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationError({"password": error.messages}) from error
    user.set_password(password)
    user.must_change_password, user.one_time_until = False, None
    user.save(update_fields=_PASSWORD)
