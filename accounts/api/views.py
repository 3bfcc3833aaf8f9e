"""REST: own tokens, the people of the portal, the audit log, and who the caller is."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status, viewsets
from rest_framework.decorators import action
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.access import require_portal, visible_cluster_ids
from accounts.api.base import WithPrincipal
from accounts.api.serializers import (
    ChainSerializer,
    EndedSessionsSerializer,
    EventSerializer,
    IssuedTokenSerializer,
    LetInSerializer,
    NewTokenSerializer,
    NewUserSerializer,
    SecondFactorPolicySerializer,
    SessionSerializer,
    TokenSerializer,
    UserChangeSerializer,
    UserSerializer,
    WhoSerializer,
)
from accounts.api.sessions import answer_page
from accounts.chain import chain_now
from accounts.events import events_visible_to
from accounts.filters import EventFilter
from accounts.logins import end_sessions_of, sessions_of
from accounts.models import ApiToken, AuditEvent, Role, User
from accounts.second_factor import demand_in_force, demand_of, remove_lost_factor
from accounts.tokens import NewToken, issue_token, revoke_token, tokens_visible_to
from accounts.users import (
    LetIn,
    NewUser,
    change_user,
    create_user,
    reset_password,
    users_visible_to,
)


@extend_schema_view(
    list=extend_schema(summary="List API tokens", tags=["accounts"]),
    retrieve=extend_schema(summary="Show an API token", tags=["accounts"]),
)
class TokenViewSet(WithPrincipal, viewsets.ReadOnlyModelViewSet[ApiToken]):
    """One's own tokens, as far as they may no more than the one in use; all tokens for administrators. The secret is
    answered once, on creation."""

    serializer_class = TokenSerializer
    queryset = ApiToken.objects.none()
    lookup_field = "token_key"
    lookup_url_kwarg = "id"
    lookup_value_regex = "[0-9a-z_]{1,25}"

    def get_queryset(self) -> QuerySet[ApiToken]:
        """What the caller may see."""
        return tokens_visible_to(self.principal)

    @extend_schema(
        summary="Make an API token of one's own",
        tags=["accounts"],
        request=NewTokenSerializer,
        responses={201: IssuedTokenSerializer},
    )
    def create(self, request: Request) -> Response:
        """The role is at most one's own; it expires after at most a year."""
        given = NewTokenSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        fields = {**given.validated_data, "cluster_ids": tuple(given.validated_data["cluster_ids"])}
        owner = self.principal.user
        if owner is None:
            raise PermissionDenied()
        issued = issue_token(self.principal, owner, NewToken(**fields))
        data = {**TokenSerializer(issued.token).data, "secret": issued.secret}
        return Response(data, status=status.HTTP_201_CREATED)

    @extend_schema(summary="Revoke an API token", tags=["accounts"])
    def destroy(self, request: Request, id: str) -> Response:
        """It ends at once."""
        revoke_token(self.principal, id)
        return Response(status=status.HTTP_204_NO_CONTENT)


def _let_in(made: LetIn, code: int) -> Response:
    return Response({**UserSerializer(made.user).data, "one_time_password": made.password}, status=code)


@extend_schema_view(
    list=extend_schema(summary="List users", tags=["accounts"]),
    retrieve=extend_schema(summary="Show a user", tags=["accounts"]),
)
class UserViewSet(WithPrincipal, viewsets.ReadOnlyModelViewSet[User]):
    """The people of the portal, for its administrators."""

    serializer_class = UserSerializer
    queryset = User.objects.none()
    lookup_value_regex = "[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[User]:
        """All, or a refusal."""
        return users_visible_to(self.principal)

    @extend_schema(
        summary="Let somebody in", tags=["accounts"], request=NewUserSerializer, responses={201: LetInSerializer}
    )
    def create(self, request: Request) -> Response:
        """With a one-time password, answered once."""
        given = NewUserSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return _let_in(create_user(self.principal, NewUser(**given.validated_data)), status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change a user's role or shut them out",
        tags=["accounts"],
        request=UserChangeSerializer,
        responses=UserSerializer,
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """The last active administrator stays one."""
        given = UserChangeSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        changes = given.validated_data
        users_visible_to(self.principal)
        change_user(self.principal, int(pk), role=changes.get("portal_role"), active=changes.get("is_active"))
        return Response(UserSerializer(self.get_object()).data)

    @extend_schema(
        summary="Give a new one-time password", tags=["accounts"], request=None, responses={200: LetInSerializer}
    )
    @action(detail=True, methods=["post"], url_path="reset-password")
    def reset_password(self, request: Request, pk: str) -> Response:
        """Sessions and API tokens end at once."""
        return _let_in(reset_password(self.principal, int(pk)), status.HTTP_200_OK)

    @extend_schema(
        summary="Remove a lost second factor", tags=["accounts"], request=None, responses={200: UserSerializer}
    )
    @action(detail=True, methods=["post"], url_path="remove-second-factor")
    def remove_second_factor(self, request: Request, pk: str) -> Response:
        """Recovery codes go with it, and all sessions of the user end. Nobody does this to themselves."""
        return Response(UserSerializer(remove_lost_factor(self.principal, int(pk))).data)

    @extend_schema(summary="List the sessions of a user", tags=["accounts"], responses=SessionSerializer(many=True))
    @action(detail=True, methods=["get"])
    def sessions(self, request: Request, pk: str) -> Response:
        """Those under way, the last used first."""
        return answer_page(self, sessions_of(self.get_object(), request.session.session_key))

    @extend_schema(
        summary="End all sessions of a user",
        tags=["accounts"],
        request=None,
        responses={200: EndedSessionsSerializer},
    )
    @action(detail=True, methods=["post"], url_path="end-sessions")
    def end_sessions(self, request: Request, pk: str) -> Response:
        """At once; API tokens go on."""
        return Response({"ended": end_sessions_of(self.principal, int(pk))})


class SecondFactorPolicyView(WithPrincipal, APIView):
    """Of whom a second factor is demanded, for administrators of the portal."""

    @extend_schema(
        summary="Of whom is a second factor demanded?", tags=["accounts"], responses=SecondFactorPolicySerializer
    )
    def get(self, request: Request) -> Response:
        """What is in force."""
        require_portal(self.principal, Role.ADMINISTRATOR)
        return Response({"demanded_of": demand_in_force()})

    @extend_schema(
        summary="Demand a second factor",
        tags=["accounts"],
        request=SecondFactorPolicySerializer,
        responses=SecondFactorPolicySerializer,
    )
    def put(self, request: Request) -> Response:
        """In force at once, for sessions under way as well. Refused for somebody without one of their own."""
        given = SecondFactorPolicySerializer(data=request.data)
        given.is_valid(raise_exception=True)
        return Response({"demanded_of": demand_of(self.principal, given.validated_data["demanded_of"])})


@extend_schema_view(
    list=extend_schema(summary="Read the audit log", tags=["accounts"]),
    retrieve=extend_schema(summary="Show one event", tags=["accounts"]),
)
class EventViewSet(WithPrincipal, viewsets.ReadOnlyModelViewSet[AuditEvent]):
    """The audit log, newest first: all for administrators, else the events of visible clusters and one's own."""

    serializer_class = EventSerializer
    queryset = AuditEvent.objects.none()
    filterset_class = EventFilter
    lookup_value_regex = "[0-9]{1,18}"

    def get_queryset(self) -> QuerySet[AuditEvent]:
        """What the caller may see."""
        return events_visible_to(self.principal)

    @extend_schema(summary="Read the newest hash of the audit log", tags=["accounts"], responses=ChainSerializer)
    @action(detail=False, pagination_class=None, filterset_class=None)
    def chain(self, request: Request) -> Response:
        """For administrators, to be kept elsewhere: `verify_audit --expect` says whether it is still in the log.
        `trouble`: the first break that the portal found by itself; empty where there is none."""
        require_portal(self.principal, Role.ADMINISTRATOR)
        return Response(ChainSerializer(chain_now()).data)


class WhoView(WithPrincipal, APIView):
    """Who the caller is, to test a token with."""

    @extend_schema(summary="Who am I?", tags=["accounts"], responses=WhoSerializer)
    def get(self, request: Request) -> Response:
        """Name, role, token, clusters."""
        who = self.principal
        return Response(
            {
                "username": who.name,
                "portal_role": who.portal_role(),
                "token": who.token.token_key if who.token else "",
                "cluster_ids": sorted(visible_cluster_ids(who)),
            }
        )
