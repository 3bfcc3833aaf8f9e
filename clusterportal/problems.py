"""Every refusal of the API as problem details (RFC 9457): what is wrong, with which field, and what to do about it."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django.core.exceptions import (
    NON_FIELD_ERRORS,
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.core.exceptions import ValidationError as DjangoValidationError
from django.db import IntegrityError
from django.db.models import ProtectedError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from accounts.database import is_away
from accounts.errors import Refused, Stale
from clusterportal.refused import note_refusal
from nodes.errors import HostKeyMismatch, HostKeyUnknown, NodeError, TimedOut
from nodes.vault import WrongKey

_LOG = logging.getLogger(__name__)

_REMEDIES: Mapping[str, str] = {
    "required": "Give a value for this field.",
    "null": "Give a value for this field.",
    "blank": "Give a value that is not empty.",
    "invalid_choice": "Use one of the values the schema lists.",
    "max_length": "Shorten the value.",
    "max_value": "Use a smaller number.",
    "min_value": "Use a larger number.",
    "does_not_exist": "Use the id of something that exists and that you may see.",
    "unique": "Use a value that is not taken.",
}
_ANY_REMEDY = "Correct this value and send the request again."

_TITLES: Mapping[int, str] = {
    400: "The request is not valid",
    401: "Log in first",
    403: "Not allowed",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    408: "The request came too slowly",
    409: "The request contradicts the present state",
    412: "It was changed meanwhile",
    413: "The request is too large",
    414: "The address is too long",
    415: "Unsupported media type",
    429: "Too many requests",
    431: "The header is too long",
    500: "The portal failed",
    502: "The node failed",
    503: "Try again shortly",
    504: "The node did not answer in time",
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One thing wrong with one field. `field` is dotted (`nodes.0.port`), "" for the request as a whole."""

    field: str
    code: str
    message: str
    remedy: str

    def as_json(self) -> dict[str, str]:
        """As the answer spells it."""
        return {"field": self.field, "code": self.code, "message": self.message, "remedy": self.remedy}


@dataclass(frozen=True, slots=True)
class ProblemDetail:
    """A refusal. `code` is stable for programs, `detail` is for a person, `retry_after` is in seconds."""

    status: int
    code: str
    detail: str
    errors: tuple[FieldError, ...] = field(default=())
    retry_after: int | None = None

    @property
    def title(self) -> str:
        """What kind of refusal this is, for a person."""
        return _TITLES.get(self.status, "The request failed")

    def as_json(self) -> dict[str, object]:
        """As the answer spells it."""
        return {
            "type": f"urn:clusterportal:problem:{self.code}",
            "title": self.title,
            "status": self.status,
            "code": self.code,
            "detail": self.detail,
            "errors": [error.as_json() for error in self.errors],
        }


class ProblemRenderer(JSONRenderer):
    """JSON under the media type of problem details."""

    media_type = "application/problem+json"
    format = "problem"


def _walk(detail: object, path: str) -> Iterator[FieldError]:
    """Flatten DRF's nested details into one error a field."""
    if isinstance(detail, Mapping):
        for key, inner in detail.items():
            step = "" if key in (NON_FIELD_ERRORS, "non_field_errors") else str(key)
            yield from _walk(inner, ".".join(part for part in (path, step) if part))
    elif isinstance(detail, Sequence) and not isinstance(detail, str):
        nested = any(isinstance(inner, Mapping) for inner in detail)
        for number, inner in enumerate(detail):
            yield from _walk(inner, f"{path}.{number}" if nested else path)
    else:
        code = str(getattr(detail, "code", "invalid"))
        yield FieldError(path, code, str(detail), _REMEDIES.get(code, _ANY_REMEDY))


def _from_django(error: DjangoValidationError, path: str = "") -> Iterator[FieldError]:
    """A service's ValidationError; `params={"remedy": ...}` says what to do, else the code does."""
    if hasattr(error, "error_dict"):
        for name, inner in error.error_dict.items():
            for single in inner:
                yield from _from_django(single, "" if name == NON_FIELD_ERRORS else name)
        return
    for single in error.error_list:
        code = single.code or "invalid"
        remedy = str((single.params or {}).get("remedy", "")) if isinstance(single.params, Mapping) else ""
        yield FieldError(path, code, single.messages[0], remedy or _REMEDIES.get(code, _ANY_REMEDY))


def _invalid(errors: Sequence[FieldError]) -> ProblemDetail:
    named = ", ".join(sorted({error.field for error in errors if error.field}))
    detail = f"Wrong or missing: {named}." if named else " ".join(error.message for error in errors)
    return ProblemDetail(400, "invalid", detail, tuple(errors))


def _node_status(error: NodeError) -> int:
    if isinstance(error, HostKeyMismatch | HostKeyUnknown):
        return 409
    return 504 if isinstance(error, TimedOut) else 502


def _from_rest(error: exceptions.APIException) -> ProblemDetail:
    if isinstance(error, exceptions.ValidationError):
        return _invalid(tuple(_walk(error.detail, "")))
    wait = getattr(error, "wait", None)
    codes = error.get_codes()
    code = codes if isinstance(codes, str) else error.default_code
    return ProblemDetail(
        error.status_code, code, str(error.detail), retry_after=None if wait is None else int(wait) + 1
    )


def _from_database(error: Exception) -> ProblemDetail | None:
    if isinstance(error, ProtectedError):
        return ProblemDetail(409, "in_use", "It is still in use. Remove what uses it first.")
    if isinstance(error, IntegrityError):
        return ProblemDetail(
            409, "conflict", "This collides with existing data, perhaps made at the same moment. Read again."
        )
    if is_away(error):
        return ProblemDetail(503, "database_busy", "The database is busy or away. Try again shortly.", retry_after=2)
    return None


def _from_own(error: Exception) -> ProblemDetail | None:
    if isinstance(error, Refused):
        errors = tuple(FieldError("", reason.code, reason.text, reason.remedy) for reason in error.reasons)
        return ProblemDetail(412 if isinstance(error, Stale) else 409, error.code, error.detail, errors)
    if isinstance(error, NodeError):
        return ProblemDetail(_node_status(error), error.code, str(error), retry_after=30 if error.retryable else None)
    if isinstance(error, WrongKey):
        return ProblemDetail(503, "wrong_key", str(error))
    return None


def _from_view(error: Exception) -> ProblemDetail | None:
    """Django's own words for what it does not answer."""
    if isinstance(error, RequestDataTooBig):
        return ProblemDetail(413, "too_large", "The body is too large. Send less at a time.")
    if isinstance(error, SuspiciousOperation | BadRequest):
        return ProblemDetail(400, "invalid", "The request is malformed. Send it as the schema says.")
    if isinstance(error, Http404):
        return ProblemDetail(404, "not_found", str(error) or "There is no such thing, or you may not see it.")
    if isinstance(error, PermissionDenied):
        return ProblemDetail(403, "forbidden", str(error) or "Your role does not allow this.")
    return None


def problem_of(error: Exception) -> ProblemDetail | None:
    """What to answer to an exception of a view; None for one that nobody foresaw."""
    if isinstance(error, exceptions.APIException):
        return _from_rest(error)
    if isinstance(error, DjangoValidationError):
        return _invalid(tuple(_from_django(error)))
    return _from_view(error) or _from_own(error) or _from_database(error)


def _headers(error: Exception, problem: ProblemDetail) -> dict[str, str]:
    headers = {}
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if challenge := getattr(error, "auth_header", ""):
        headers["WWW-Authenticate"] = challenge
    return headers


def answer(error: Exception, context: Mapping[str, object]) -> Response:
    """DRF's exception handler. An unforeseen exception is logged and answered without its text."""
    problem = problem_of(error)
    if problem is None:
        _LOG.error("unforeseen failure of %s", type(context.get("view")).__name__, exc_info=error)
        problem = ProblemDetail(500, "internal", "The portal failed. Its log says why.")
    set_rollback()
    request = context.get("request")
    if isinstance(request, Request):
        note_refusal(request, problem.status, problem.detail)
        request.accepted_renderer, request.accepted_media_type = ProblemRenderer(), ProblemRenderer.media_type
    return Response(problem.as_json(), status=problem.status, headers=_headers(error, problem))
