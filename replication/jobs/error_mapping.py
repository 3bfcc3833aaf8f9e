"""What an exception of a runner means for its target."""

from __future__ import annotations

import logging

from django.db import IntegrityError

from accounts.database import fault, is_away
from accounts.errors import Refused
from nodes.errors import LimitBroken, NodeError, TimedOut, Unreachable
from replication.jobs.core.plan_json import OutdatedPlan
from replication.jobs.core.states import TargetState
from replication.jobs.models import Target
from replication.jobs.runner import (
    Cancelled,
    Interrupted,
    Paused,
    TargetOutcome,
    WritesStopped,
)
from replication.jobs.services.backoff import QUICK_TRIES, short_wait, wait_after
from replication.jobs.services.outcomes import Ended
from replication.objects import ObjectLost, StoreError

_LOG = logging.getLogger(__name__)

INTERNAL = "The portal failed while working on this node. Its log says why."

GETS_NOWHERE = (Unreachable, TimedOut, LimitBroken)
"""A node of which any of these was said will hardly do better a second later, and finding out takes long; anything else
deserves quick tries first."""

RETURNING = frozenset({TargetState.PENDING, TargetState.WAITING})
"""States from which a target is tried again."""


def ended_by_outcome(outcome: TargetOutcome, target: Target) -> Ended:
    """What the runner said of its target."""
    waits = outcome.state in RETURNING
    delay = outcome.retry_after if outcome.retry_after is not None else wait_after(target.attempt)
    sentence = outcome.error or ("proven." if outcome.state == TargetState.VERIFIED else f"{outcome.state}.")
    return Ended(
        outcome.state,
        sentence,
        evidence=outcome.evidence,
        error_code=outcome.error_code,
        error=outcome.error,
        phase=outcome.error if waits else "",
        delay=delay if waits else None,
    )


def ended_by_error(error: BaseException, target: Target) -> Ended:
    """What an exception amounts to. A lost lease is no end: the caller writes nothing for it."""
    if isinstance(error, Interrupted):
        return _interrupted(error)
    if isinstance(error, Refused):
        return _failed(error.code, error.detail)
    if isinstance(error, NodeError | StoreError):
        return _node_error(error, target) if isinstance(error, NodeError) else _store_error(error, target)
    if isinstance(error, OutdatedPlan):
        return _failed("plan_outdated", str(error))
    if is_away(error) or isinstance(error, IntegrityError):
        _LOG.warning("%s: the database did not take it: %s", target, error, exc_info=fault(error))
        text = "The portal's database was out of reach."
        return Ended(
            TargetState.PENDING, text, error_code="database_away", error=text, delay=wait_after(target.attempt)
        )
    _LOG.error("%s failed", target, exc_info=error)
    return _failed("internal_error", INTERNAL)


def _failed(code: str, text: str) -> Ended:
    return Ended(TargetState.FAILED, text, error_code=code, error=text)


def _tried_again(code: str, text: str) -> Ended:
    return Ended(TargetState.PENDING, text, error_code=code, error=text, phase="trying again", delay=short_wait())


def away(error: str, failures: int, code: str = Unreachable.code) -> Ended:
    """A node that did not answer, or got nowhere, for the so-many-th time in a row."""
    return _waiting(code, error, failures)


def _waiting(code: str, text: str, failures: int) -> Ended:
    delay = wait_after(failures)
    phase = f"next try in {delay:.0f} s: {text}"
    return Ended(TargetState.WAITING, text, error_code=code, error=text, phase=phase, delay=delay)


def _store_error(error: StoreError, target: Target) -> Ended:
    if not isinstance(error, ObjectLost):
        return _failed(error.code, str(error))
    # a bundle is built anew, and a content that is known to be lost keeps only its own file back
    if target.attempt < QUICK_TRIES:
        return _tried_again(error.code, str(error))
    return _failed(error.code, f"{error} {error.remedy}")


def _interrupted(error: Interrupted) -> Ended:
    text = str(error)
    if isinstance(error, Cancelled):
        return Ended(TargetState.CANCELLED, f"{text}.", error_code="cancelled", error=text)
    if isinstance(error, Paused) and error.node:
        return Ended(TargetState.WAITING, f"{text}.", phase=text)
    if isinstance(error, Paused | WritesStopped):
        return Ended(TargetState.PENDING, f"{text}.", phase=text, job_phase=text)
    return Ended(TargetState.PENDING, f"stopped: {text}.", phase=text, delay=short_wait())


def _node_error(error: NodeError, target: Target) -> Ended:
    text = str(error)
    if not error.retryable:
        return _failed(error.code, text)
    silent = isinstance(error, GETS_NOWHERE)
    if target.attempt < QUICK_TRIES and not silent:
        return _tried_again(error.code, text)
    return _waiting(error.code, text, target.attempt if silent else target.attempt - QUICK_TRIES + 1)
