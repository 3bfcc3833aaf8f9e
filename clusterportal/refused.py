"""What was refused, into the audit log: what a role does not allow, what a caller may not see, tokens that failed,
forms without their security token, what was asked too often.

Here, where every refusal of both faces passes. Within a bound (`accounts.tally`), and never instead of the answer:
where no event can be left, the log says so.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from django.apps import apps
from django.contrib.auth import get_user
from django.core.exceptions import PermissionDenied
from django.db import DatabaseError
from django.http import HttpRequest
from knox.settings import CONSTANTS
from rest_framework.request import Request

from accounts.access import visible_cluster_ids
from accounts.audit import Subject, record_refusal, record_unknown
from accounts.events import HIDDEN
from accounts.models import ApiToken, User
from accounts.principals import Principal
from accounts.requests import principal_of, remote_address
from accounts.tally import Refusal
from accounts.throttling import FailedTokens
from nodes.one_line import one_line

_LOG = logging.getLogger(__name__)

LONGEST = 200
"""Characters of an address that an event tells."""

_ACTIONS = {403: "access.denied", 404: HIDDEN, 429: "access.throttled"}
_REASONS = {404: "It is there; they may not see it.", 429: "There were too many requests."}
"""What an event is called, by the status of the answer, and why it was, where the answer does not say it so."""

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
        elif status in _ACTIONS and hasattr(request, "user"):  # else it came no further than the first middleware
            _note_access(request, status, reason)
    except DatabaseError as error:
        _LOG.warning("a refusal (%s) could not be audited: %s", status, error)


def _note_token(request: HttpRequest | Request) -> None:
    """Of a token nothing is told but its beginning, where one that begins so is known."""
    words = str(request.META.get("HTTP_AUTHORIZATION", "")).split()
    if not words:
        return
    if len(words) > 1:
        _note_wrong_token(request, words[1])
    if not FailedTokens().allow_request(request, None):  # type: ignore[arg-type] # asks no view, and counts nothing
        text = "API tokens from this address are refused for a while, after too many wrong ones."
        record_unknown("token.throttled", text, remote_address=remote_address(request), via="api")


def _note_wrong_token(request: HttpRequest | Request, secret: str) -> None:
    token = ApiToken.objects.filter(token_key=secret[: CONSTANTS.TOKEN_KEY_LENGTH]).first()
    subject = Subject("apitoken", token.token_key, str(token)[:200]) if token else None
    text = f"Somebody failed with {f'an API token that begins like {token}' if token else 'an unknown API token'}."
    record_unknown("token.failed", text, remote_address=remote_address(request), subject=subject, via="api")


def _note_access(request: HttpRequest | Request, status: int, reason: str) -> None:
    who = _caller(request, status)
    if status == 404 and (who is None or not _is_hidden(who, request.path)):
        return
    if who is None and isinstance(request, Request):  # of tokens all was said when the first was refused unread
        return
    name = who.name if who else "Somebody"
    words = f"{name} was refused {request.method} {one_line(request.path, LONGEST, instead='?')}."
    text = f"{words} {_REASONS.get(status, reason)}".strip()
    if who is None:
        record_unknown(_ACTIONS[status], text, remote_address=remote_address(request))
        return
    token = who.token.token_key if who.token else ""
    subject = Subject("apitoken", token, str(who.token)[:200]) if who.token else None
    record_refusal(Refusal(who.name, who.via, who.remote_address, _ACTIONS[status], token), text, subject=subject)


def _caller(request: HttpRequest | Request, status: int) -> Principal | None:
    """Who is asking; None for a stranger."""
    try:
        return principal_of(request)
    except PermissionDenied:
        # REST forgets whose session it is once the request lacks the security token
        user = get_user(request._request) if status == 403 and isinstance(request, Request) else None
    return Principal(user=user, via="api", remote_address=remote_address(request)) if isinstance(user, User) else None


def _is_hidden(who: Principal, path: str) -> bool:
    """Whether an address is of something that exists, of a cluster the caller may not see."""
    thing = _THING.match(path)
    if thing is None:
        return False
    model, column = _CLUSTER_OF[thing[1]]
    rows = apps.get_model(model)._default_manager.filter(pk=int(thing[2]))
    cluster = rows.values_list(column, flat=True).first()
    return cluster is not None and cluster not in visible_cluster_ids(who)
