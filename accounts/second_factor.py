"""The second factor: of whom it is demanded, who has none, and what to do about a lost one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet, Subquery

from accounts.access import best_role, require_portal, take_user
from accounts.audit import Subject, record
from accounts.errors import Refused
from accounts.models import Demand, Role, SecondFactorPolicy, User
from accounts.principals import Principal, rank
from accounts.sessions import end_sessions, sessions_in_words

_LEAST = {Demand.ADMINISTRATORS: Role.ADMINISTRATOR, Demand.OPERATORS: Role.OPERATOR, Demand.EVERYONE: ""}


@dataclass(frozen=True, slots=True)
class FactorState:
    """Whether a user has a second factor, and of whom one is demanded."""

    has: bool
    demand: Demand


@cache
def users_with_factor() -> QuerySet[User]:
    """All users with what `FactorState` holds, in the same query; to be narrowed, never read as it is. Recovery codes
    alone are no factor. Spelled once: that took most of the time of asking whose a session is, at every request."""
    factor = Authenticator.objects.filter(user=OuterRef("pk"), type=Authenticator.Type.TOTP)
    policy = SecondFactorPolicy.objects.values("demanded_of")[:1]
    return User.objects.annotate(has_factor=Exists(factor), factor_demand=Subquery(policy))


def state_of(user: User) -> FactorState:
    """What came with the user, else what the database says."""
    known: Any = user if hasattr(user, "has_factor") else users_with_factor().get(pk=user.pk)
    return FactorState(known.has_factor, Demand(known.factor_demand or Demand.NOBODY))


def is_demanded(user: User) -> bool:
    """Whether the user must have a second factor, by the roles they hold now. Asks for roles on clusters only where
    the policy depends on them."""
    demand = state_of(user).demand
    if demand == Demand.NOBODY:
        return False
    least = _LEAST[demand]
    return not least or rank(best_role(Principal(user=user, via="console"))) >= rank(least)


def lacks_factor(user: User) -> bool:
    """Whether a second factor is demanded of the user and they have none."""
    return not state_of(user).has and is_demanded(user)


def demand_in_force() -> Demand:
    """Of whom a second factor is demanded."""
    return Demand(SecondFactorPolicy.objects.values_list("demanded_of", flat=True).first() or Demand.NOBODY)


@transaction.atomic
def demand_of(principal: Principal, demand: str) -> str:
    """Demand a second factor from now on, of sessions under way as well. Administrators of the portal only. Raises
    Refused for somebody without one, who would shut the door behind them; ValidationError naming the field."""
    require_portal(principal, Role.ADMINISTRATOR)
    if demand not in Demand.values:
        raise ValidationError({"demanded_of": f"Use one of {', '.join(Demand.values)}."})
    if demand != Demand.NOBODY and principal.user is not None and not state_of(principal.user).has:
        raise Refused("own_second_factor_first", "You have no second factor yourself.", "Set up your own first.")
    before = demand_in_force()
    if demand == before:
        return demand
    SecondFactorPolicy.objects.update_or_create(pk=1, defaults={"demanded_of": demand})
    text = f"{principal.name} demanded a second factor of: {Demand(demand).label.lower()} (before: {before})."
    record(principal, "mfa.demand", text, data={"before": before, "after": demand})
    return demand


@transaction.atomic
def remove_lost_factor(principal: Principal, user_id: int) -> User:
    """Take a lost second factor from a user, recovery codes too, and end their sessions. The password stays: where one
    is demanded, it opens nothing but the page for a new factor. Administrators of the portal only; raises Refused for
    oneself, who may be somebody at an unlocked screen, and where there is none."""
    require_portal(principal, Role.ADMINISTRATOR)
    user = take_user(user_id)
    if principal.user is not None and principal.user.pk == user.pk:
        raise Refused("own_second_factor", "This is your own second factor.", "Ask another administrator.")
    removed, _ = Authenticator.objects.filter(user=user).delete()
    if not removed:
        raise Refused("no_second_factor", f"{user} has no second factor.")
    ended = end_sessions(user)
    text = f"{principal.name} removed the lost second factor of {user}; {sessions_in_words(ended)} ended."
    record(principal, "mfa.lost", text, subject=Subject.of(user), data={"sessions": ended})
    return user
