"""What this room's resources share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from rest_framework import mixins
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.viewsets import GenericViewSet

from accounts.principals import Principal
from clusterportal.api import WithPrincipal
from replication.models import Conflict, Job, Snapshot

Row = TypeVar("Row", Job, Snapshot, Conflict)


def checked(shape: type[BaseSerializer[Any]], values: Any) -> Any:
    """A request's body or query, checked for shape. Raises ValidationError by field."""
    body = shape(data=values)
    body.is_valid(raise_exception=True)
    return body


class Resource(WithPrincipal, mixins.ListModelMixin, GenericViewSet[Row]):
    """A list and its rows, by what the caller may see."""

    lookup_value_regex = "[0-9]{1,18}"

    def visible(self, selector: Callable[[Principal], QuerySet[Row]]) -> QuerySet[Row]:
        """The selector's rows for the caller; none while the schema is being made."""
        if getattr(self, "swagger_fake_view", False):
            return cast("QuerySet[Row]", super().get_queryset())
        return selector(self.principal)

    def get_object(self) -> Row:
        """The row of the address, if the caller may see it. The list's filters do not matter here."""
        return get_object_or_404(self.get_queryset(), pk=self.kwargs["pk"])

    def retrieve(self, request: Request, pk: str) -> Response:
        """One row."""
        return Response(self.get_serializer(self.get_object()).data)
