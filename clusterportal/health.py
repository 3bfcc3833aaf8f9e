"""For supervisors and load balancers: is the process alive, and can it work? Answers name no addresses."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import lru_cache

import redis
from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

_LOG = logging.getLogger(__name__)
_BROKER_SECONDS = 2.0


class NotReady(Exception):
    """A part cannot work; the text may be shown to anyone."""


def _database() -> None:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError as error:
        raise NotReady("The database does not answer.") from error


def _broker() -> None:
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=_BROKER_SECONDS, socket_connect_timeout=_BROKER_SECONDS
    )
    try:
        client.ping()
    except (redis.RedisError, OSError) as error:
        raise NotReady("The broker does not answer; work waits for the next sweep.") from error
    finally:
        client.close()


@lru_cache(maxsize=1)
def _wanted_migrations() -> frozenset[tuple[str, str]]:
    """What this code brings; it cannot change while the process lives."""
    loader = MigrationLoader(None)
    return frozenset(key for key in loader.disk_migrations or {})


def _schema() -> None:
    try:
        applied = frozenset(MigrationRecorder(connection).applied_migrations())
    except DatabaseError as error:
        raise NotReady("The schema cannot be read.") from error
    if _wanted_migrations() - applied:
        raise NotReady("Migrations are missing; run `./run manage migrate`.")


_PARTS: dict[str, Callable[[], None]] = {"database": _database, "migrations": _schema, "broker": _broker}


def _state(name: str, check: Callable[[], None]) -> str:
    try:
        check()
    except NotReady as reason:
        _LOG.warning("not ready: %s: %s", name, reason.__cause__ or reason)
        return str(reason)
    return "ok"


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> JsonResponse:
    """200 while the process answers."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when database, schema and broker are there, else 503 and which is not."""
    checks = {name: _state(name, check) for name, check in _PARTS.items()}
    ready = all(state == "ok" for state in checks.values())
    return JsonResponse({"status": "ok" if ready else "unready", "checks": checks}, status=200 if ready else 503)
