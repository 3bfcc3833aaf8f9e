"""What every API view shares: who asks, pages of lists, ETags, idempotency keys. Refusals are in `problems`."""

from __future__ import annotations

import hashlib
import re
from typing import Any, Protocol

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.pagination import PageNumberPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.errors import Stale
from accounts.filters import LARGEST_ID
from accounts.principals import Principal
from accounts.requests import principal_of

IDEMPOTENCY_LIMIT = 100
_KEY = re.compile(rf"[\x21-\x7e]{{1,{IDEMPOTENCY_LIMIT}}}")
_TAG = re.compile(r'(?:W/)?"([^"]*)"')


class Versioned(Protocol):
    """A row that counts its changes."""

    pk: int
    version: int


class WithPrincipal(APIView):
    """For API views: `self.principal` is who asks (user, token, address)."""

    @property
    def principal(self) -> Principal:
        """The caller. Raises PermissionDenied for anonymous callers."""
        return principal_of(self.request)


class IdField(serializers.IntegerField):
    """The id of a row, within what a database holds."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=LARGEST_ID, **kwargs)


class Pages(PageNumberPagination):
    """`?page=2&limit=100`; the limit is capped, so that no call can ask for everything at once."""

    page_size = settings.PORTAL_PAGE_SIZE
    page_size_query_param = "limit"
    max_page_size = settings.PORTAL_MAX_PAGE_SIZE


def etag_of(row: Versioned) -> str:
    """The strong ETag of a row: its kind, id and version."""
    text = f"{type(row).__name__}/{row.pk}/{row.version}"
    return f'"{hashlib.sha256(text.encode()).hexdigest()[:32]}"'


def _tags(header: str) -> frozenset[str]:
    return frozenset(f'"{tag}"' for tag in _TAG.findall(header))


def check_if_match(request: Request, row: Versioned) -> int | None:
    """Compare If-Match with the row. Returns the version the caller saw, for services to compare inside their
    transaction; None when the caller sent no If-Match. Raises Stale (412)."""
    header = request.headers.get("If-Match", "").strip()
    if not header:
        return None
    if header != "*" and etag_of(row) not in _tags(header):
        raise Stale()
    return row.version


def tagged(request: Request, row: Versioned, data: object, *, status: int = 200) -> Response:
    """An answer about one row with its ETag; 304 without a body when the caller's If-None-Match already names it."""
    tag = etag_of(row)
    fresh = request.method in ("GET", "HEAD") and tag in _tags(request.headers.get("If-None-Match", ""))
    return Response(None if fresh else data, status=304 if fresh else status, headers={"ETag": tag})


def idempotency_key(request: Request) -> str:
    """The Idempotency-Key header, "" without one. Raises ValidationError for an unusable one."""
    key = request.headers.get("Idempotency-Key", "")
    if key and not _KEY.fullmatch(key):
        raise ValidationError(
            {"Idempotency-Key": [f"Use 1 to {IDEMPOTENCY_LIMIT} printable ASCII characters without spaces."]}
        )
    return key
