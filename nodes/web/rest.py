"""What resources share: rows by what the caller may see, checked requests, pages, answers with an ETag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer, ModelSerializer
from rest_framework.viewsets import GenericViewSet

from accounts.api.base import (
    Pages,
    Versioned,
    WithPrincipal,
    tagged,
)
from accounts.principals import Principal

Row = TypeVar("Row", bound=Model)
Related = TypeVar("Related", bound=Model)

IF_MATCH = OpenApiParameter(
    "If-Match", str, OpenApiParameter.HEADER, description="the ETag you saw; 412 when the row changed since"
)


def checked(shape: type[BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    """The request's body, checked for shape. Raises ValidationError by field."""
    return _valid(shape(data=request.data))


def checked_query(shape: type[BaseSerializer[Any]], request: Request) -> dict[str, Any]:
    """What stands behind the address's `?`, checked for shape. Raises ValidationError by field."""
    return _valid(shape(data=request.query_params))


def _valid(given: BaseSerializer[Any]) -> dict[str, Any]:
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


class Rows(WithPrincipal, mixins.ListModelMixin, GenericViewSet[Row]):
    """A list and its rows, by what the caller may see. `list` comes from DRF."""

    lookup_value_regex = "[0-9]{1,18}"

    def visible(self, selector: Callable[[Principal], QuerySet[Row]]) -> QuerySet[Row]:
        """The selector's rows for the caller; none while the schema is being made."""
        if getattr(self, "swagger_fake_view", False):
            return super().get_queryset()
        return selector(self.principal)

    def get_object(self) -> Row:
        """The row of the address, if the caller may see it. The list's filters do not matter here."""
        return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])

    def retrieve(self, request: Request, pk: str) -> Response:
        """One row."""
        return Response(self.get_serializer(self.get_object()).data)


class Resource(Rows[Row]):
    """Rows that count their changes: each is answered with its ETag."""

    def retrieve(self, request: Request, pk: str) -> Response:
        """One row with its ETag."""
        row = self.get_object()
        return tagged(request, cast(Versioned, row), self.get_serializer(row).data)

    def answer(self, pk: int, status: int = 200) -> Response:
        """The row as it is now, with its ETag."""
        row = self.get_queryset().get(pk=pk)
        return tagged(self.request, cast(Versioned, row), self.get_serializer(row).data, status=status)

    def page(self, rows: QuerySet[Related], shape: type[ModelSerializer[Related]]) -> Response:
        """One page of related rows."""
        pages = Pages()
        found = pages.paginate_queryset(rows, self.request, view=self)
        return pages.get_paginated_response(shape(found, many=True).data)
