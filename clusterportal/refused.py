"""What was refused, into the audit log: what a role does not allow, what a caller may not see, tokens that failed.

Here, where every refusal of both faces passes. Within a bound (`accounts.tally`), and never instead of the answer:
where no event can be left, the log says so.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from django.apps import apps
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest
from knox.settings import CONSTANTS
from rest_framework.request import Request

from accounts.access import visible_cluster_ids
from accounts.audit import Subject, record_refusal, record_unknown
from accounts.events import HIDDEN
from accounts.models import ApiToken
from accounts.principals import Principal
from accounts.requests import principal_of, remote_address
from accounts.tally import Refusal
from nodes.one_line import one_line

_LOG = logging.getLogger(__name__)

LONGEST = 200
"""Characters of an address that an event tells."""

_CLUSTER_OF: Mapping[str, tuple[str, str]] = {
    "clusters": ("nodes.Cluster", "pk"),
    "nodes": ("nodes.Node", "cluster"),
    "credentials": ("nodes.Credential", "cluster"),
    "jobs": ("replication.Job", "cluster"),
    "snapshots": ("replication.Snapshot", "cluster"),
    "conflicts": ("replication.Conflict", "node__cluster"),
}
"""How addresses call what belongs to a cluster, and where its row says to which."""

_THING = re.compile(rf"/(?:api/v1/)?({'|'.join(_CLUSTER_OF)})/([0-9]{{1,18}})(?:/|\Z)")


def note_refusal(request: HttpRequest | Request, status: int, reason: str = "") -> None:
    """Leave an event of a refusal, where there is something in it: not of strangers without any token, nor of what is
    nowhere."""
    try:
        if status == 401:
            _note_token(request)
        elif status in (403, 404) and hasattr(request, "user"):  # else it came no further than the first middleware
            _note_access(request, status, reason)
    except DatabaseError as error:
        _LOG.warning("a refusal (%s) could not be audited: %s", status, error)


def _note_token(request: HttpRequest | Request) -> None:
    """Of a token nothing is told but its beginning, where one that begins so is known."""
    words = str(request.META.get("HTTP_AUTHORIZATION", "")).split()
    if len(words) < 2:
        return
    token = ApiToken.objects.filter(token_key=words[1][: CONSTANTS.TOKEN_KEY_LENGTH]).first()
    subject = Subject("apitoken", token.token_key, str(token)[:200]) if token else None
    text = f"Somebody failed with {f'an API token that begins like {token}' if token else 'an unknown API token'}."
    record_unknown("token.failed", text, remote_address=remote_address(request), subject=subject, via="api")


def _note_access(request: HttpRequest | Request, status: int, reason: str) -> None:
    try:
        who = principal_of(request)
    except PermissionDenied:
        return
    if status == 404 and not _is_hidden(who, request.path):
        return
    what = "access.denied" if status == 403 else HIDDEN
    token = who.token.token_key if who.token else ""
    words = f"{who.name} was refused {request.method} {one_line(request.path, LONGEST, instead='?')}."
    text = f"{words} {reason}".strip() if status == 403 else f"{words} It is there; they may not see it."
    subject = Subject("apitoken", token, str(who.token)[:200]) if who.token else None
    record_refusal(Refusal(who.name, who.via, who.remote_address, what, token), text, subject=subject)


def _is_hidden(who: Principal, path: str) -> bool:
    """Whether an address is of something that exists, of a cluster the caller may not see."""
    thing = _THING.match(path)
    if thing is None:
        return False
    model, column = _CLUSTER_OF[thing[1]]
    rows = apps.get_model(model)._default_manager.filter(pk=int(thing[2]))
    cluster = rows.values_list(column, flat=True).first()
    return cluster is not None and cluster not in visible_cluster_ids(who)
