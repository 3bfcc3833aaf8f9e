"""REST: the sessions of the console, one's own and those of a user."""

from __future__ import annotations

from typing import Any

from allauth.account.internal.flows.reauthentication import is_reauthentication_required
from allauth.usersessions.models import UserSession
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from accounts.api.base import WithPrincipal
from accounts.api.serializers import EndedSessionsSerializer, SessionSerializer
from accounts.logins import Login, end_own_session, end_own_sessions, own_sessions


def answer_page(view: GenericViewSet[Any], found: list[Login]) -> Response:
    """A page of sessions."""
    page: Any = view.paginate_queryset(found)
    return view.get_paginated_response(SessionSerializer(page, many=True).data)


def _require_proof(request: Request) -> None:
    """Raises PermissionDenied where a session asks whose owner has not just proved who they are, as the console's page
    demands. A token is a proof of its own."""
    if request.auth is None and is_reauthentication_required(request._request, app="account"):
        text = "Enter your password again at /account/reauthenticate/, then repeat this."
        raise PermissionDenied(text, code="reauthenticate")


class SessionViewSet(WithPrincipal, GenericViewSet[Any]):
    """One's own sessions. A token must be allowed all that its owner is: a session is."""

    serializer_class = SessionSerializer
    queryset = UserSession.objects.none()
    lookup_value_regex = "[0-9]{1,18}"

    @extend_schema(summary="List one's own sessions", tags=["accounts"], responses=SessionSerializer(many=True))
    def list(self, request: Request) -> Response:
        """Those under way: the one that asks, then the last used first."""
        return answer_page(self, own_sessions(self.principal, request.session.session_key))

    @extend_schema(summary="End a session of one's own", tags=["accounts"])
    def destroy(self, request: Request, pk: str) -> Response:
        """At once; also the one that asks. By a session only for who has just proved who they are."""
        _require_proof(request)
        end_own_session(self.principal, int(pk))
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(
        summary="End all other sessions of one's own",
        tags=["accounts"],
        request=None,
        responses={200: EndedSessionsSerializer},
    )
    @action(detail=False, methods=["post"], url_path="end-others")
    def end_others(self, request: Request) -> Response:
        """At once; all, where a token asks. By a session only for who has just proved who they are."""
        _require_proof(request)
        return Response({"ended": end_own_sessions(self.principal, request.session.session_key)})
