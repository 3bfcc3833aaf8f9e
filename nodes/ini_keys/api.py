"""The ini keys of a node over REST."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from nodes.ini_keys import services as ini_keys_services
from nodes.ini_keys.selectors import ini_keys_of
from nodes.ini_keys.serializers import IniAnswerIn, IniKeyOut, IniKeyQuery
from nodes.registry.models import Node
from nodes.web.rest import Resource, checked


class IniKeyActions(Resource[Node]):
    """Which ini keys of a node are its own."""

    @extend_schema(
        summary="List ini keys that are or were the node's own",
        parameters=[IniKeyQuery],
        responses=IniKeyOut(many=True),
        filters=False,
    )
    @action(detail=True, url_path="ini-keys", filterset_class=None)
    def ini_keys(self, request: Request, pk: str) -> Response:
        """What nobody answered is kept."""
        query = IniKeyQuery(data=request.query_params.dict())
        query.is_valid(raise_exception=True)
        rows = ini_keys_of(self.principal, self.get_object()).filter(**query.validated_data)
        return self.page(rows, IniKeyOut)

    @extend_schema(summary="Keep an ini key or replicate the primary's", request=IniAnswerIn, responses=IniKeyOut)
    @action(detail=True, methods=["post"], url_path="ini-keys/answer")
    def answer_ini_key(self, request: Request, pk: str) -> Response:
        """Holds from the next job on."""
        node = self.get_object()
        answer = ini_keys_services.IniAnswer(**checked(IniAnswerIn, request))
        decision = ini_keys_services.answer_ini_key(self.principal, node_id=node.pk, answer=answer)
        return Response(IniKeyOut(decision).data)
