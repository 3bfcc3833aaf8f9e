"""API tokens: made once, shown once, kept as a hash, narrowed to a role and clusters, always expiring."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from django.template.defaultfilters import pluralize
from django.utils import timezone
from knox.crypto import create_token_string, hash_token
from knox.settings import CONSTANTS, knox_settings

from accounts.access import best_role, may_on_portal, visible_cluster_ids
from accounts.audit import Subject, record
from accounts.models import ApiToken, Role, User
from accounts.principals import Principal, rank

DEFAULT_DAYS = 90
MAX_DAYS = 365


@dataclass(frozen=True, slots=True)
class NewToken:
    """What a token is to be. `cluster_ids` empty: all clusters of its owner. `days` until it expires, 1 to 365."""

    name: str
    role: str = Role.VIEWER
    cluster_ids: tuple[int, ...] = ()
    days: int = DEFAULT_DAYS


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A new token and its secret, which nobody can read again."""

    token: ApiToken
    secret: str = field(repr=False)


def _clean_name(name: str) -> str:
    cleaned = " ".join(name.split())
    if not cleaned or len(cleaned) > 100 or not cleaned.isprintable():
        raise ValidationError({"name": "Give the token a name of 1 to 100 printable characters."})
    return cleaned


def _check_role(owner: Principal, role: str) -> None:
    if role not in Role.values:
        raise ValidationError({"role": f"Use one of {', '.join(Role.values)}."})
    held = best_role(owner)
    if rank(role) > rank(held):
        limit = f"at most {Role(held).label}, which is yours" if held else "none: you hold no role yet"
        raise ValidationError({"role": f"A token may not do more than its owner: {limit}."})


def _check_clusters(owner: Principal, cluster_ids: tuple[int, ...]) -> None:
    unseen = set(cluster_ids) - visible_cluster_ids(owner)
    if unseen:
        raise ValidationError({"cluster_ids": f"There is no cluster {min(unseen)}, or you may not see it."})
    if owner.token is not None and owner.token.cluster_ids and not cluster_ids:
        raise ValidationError({"cluster_ids": "Your own token is for some clusters only; name clusters of these."})


def _expiry(owner: Principal, days: int) -> datetime:
    if not 1 <= days <= MAX_DAYS:
        raise ValidationError({"days": f"A token expires after 1 to {MAX_DAYS} days."})
    expiry = timezone.now() + timedelta(days=days)
    own = owner.token.expiry if owner.token is not None else None
    if own is not None and expiry > own:
        raise ValidationError({"days": f"A token made with a token may not outlive it ({own:%Y-%m-%d})."})
    return expiry


def _check_owner(principal: Principal, owner: User) -> None:
    """No token may come after all of somebody's have ended: whoever ends them holds the row until they are gone."""
    now = User.objects.select_for_update(no_key=True).get(pk=owner.pk)
    if not now.is_active or (now.must_change_password and principal.user is not None):
        raise PermissionDenied("This account may make no tokens now.")


@transaction.atomic
def issue_token(principal: Principal, owner: User, new: NewToken) -> IssuedToken:
    """Make a token of `owner`. Callers make tokens for themselves; only the portal itself (a command) for others.

    Raises ValidationError naming the field."""
    if principal.user is not None and principal.user.pk != owner.pk:
        raise Http404("No such user.")
    _check_owner(principal, owner)
    limits = principal if principal.user is not None else Principal(user=owner, via=principal.via)
    name, cluster_ids = _clean_name(new.name), tuple(sorted(set(new.cluster_ids)))
    _check_role(limits, new.role)
    _check_clusters(limits, cluster_ids)
    secret = f"{knox_settings.TOKEN_PREFIX}{create_token_string()}"
    token = ApiToken.objects.create(
        digest=hash_token(secret),
        token_key=secret[: CONSTANTS.TOKEN_KEY_LENGTH],
        user=owner,
        expiry=_expiry(limits, new.days),
        name=name,
        role=new.role,
        cluster_ids=list(cluster_ids),
    )
    text = f"{principal.name} made the API token {name!r} of {owner} ({new.role}, {new.days} day{pluralize(new.days)})."
    record(principal, "token.create", text, subject=_subject(token), data={"owner": str(owner), "role": new.role})
    return IssuedToken(token, secret)


def _subject(token: ApiToken) -> Subject:
    return Subject("apitoken", token.token_key, str(token)[:200])


def tokens_visible_to(principal: Principal) -> QuerySet[ApiToken]:
    """One's own tokens; all tokens for administrators of the portal. A caller with a token has those that may no more
    than it."""
    rows = ApiToken.objects.select_related("user")
    if may_on_portal(principal, Role.ADMINISTRATOR):
        return rows
    own = rows.filter(user=principal.user)
    if principal.token is None:
        return own
    return own.filter(pk__in=[token.pk for token in own if _may_no_more_than(principal.token, token)])


def _may_no_more_than(limit: ApiToken, token: ApiToken) -> bool:
    inside = not limit.cluster_ids or (token.cluster_ids and set(token.cluster_ids) <= set(limit.cluster_ids))
    return bool(inside) and rank(token.role) <= rank(limit.role)


@transaction.atomic
def revoke_token(principal: Principal, token_key: str) -> None:
    """End a token at once. Raises Http404 for a token that is not there or not the caller's to see."""
    token = tokens_visible_to(principal).filter(token_key=token_key).first()
    if token is None:
        raise Http404("No such token.")
    text = f"{principal.name} revoked the API token {token.name!r} of {token.user}."
    record(principal, "token.revoke", text, subject=_subject(token), data={"owner": str(token.user)})
    token.delete()
