"""Nodes over REST: the rows, pausing, host keys."""

from __future__ import annotations

import django_filters
from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.base import WithPrincipal, check_if_match
from accounts.filters import IdFilter
from nodes.credentials.passwords import Server
from nodes.enums import HostKeyState
from nodes.registry.models import Node
from nodes.registry.selectors import host_keys_of, nodes_for
from nodes.registry.serializers import (
    FingerprintIn,
    HostKeyOut,
    HostKeysOut,
    NodeIn,
    NodeOut,
    NodePatch,
    PasswordIn,
)
from nodes.registry.services import host_keys, nodes, passwords
from nodes.registry.services.host_keys import look_at_host_key
from nodes.web.rest import IF_MATCH, Resource, checked
from nodes.web.serializers import EmptyIn, ReasonIn


class NodeFilter(django_filters.FilterSet):
    """Nodes by cluster, part of name or address, role, platform, health, pause and quarantine."""

    cluster = IdFilter("cluster_id")
    name = django_filters.CharFilter(lookup_expr="icontains")
    address = django_filters.CharFilter(lookup_expr="icontains")
    quarantined = django_filters.BooleanFilter(method="by_quarantine")

    class Meta:
        model = Node
        fields = ["cluster", "name", "address", "role", "platform", "health", "paused"]

    def by_quarantine(self, rows: QuerySet[Node], name: str, value: bool) -> QuerySet[Node]:
        """Nodes in quarantine, or those that are not."""
        return rows.exclude(quarantined_reason="") if value else rows.filter(quarantined_reason="")


class OfNode(WithPrincipal, APIView):
    """About one node."""

    def node(self, pk: int) -> Node:
        """The node of the address, if the caller may see it."""
        return get_object_or_404(nodes_for(self.principal), pk=pk)


@extend_schema_view(
    list=extend_schema(summary="List nodes", responses=NodeOut(many=True)),
    retrieve=extend_schema(summary="Show a node", responses=NodeOut),
)
class NodeRows(Resource[Node]):
    """The mail servers themselves; the packages above add what they know of one."""

    queryset = Node.objects.none()
    serializer_class = NodeOut
    filterset_class = NodeFilter

    def get_queryset(self) -> QuerySet[Node]:
        """What the caller may see."""
        return self.visible(nodes_for)

    @extend_schema(summary="Register a node", request=NodeIn, responses={201: NodeOut})
    def create(self, request: Request) -> Response:
        """Nothing on the server changes. Its host key must be approved before the portal logs in."""
        body = checked(NodeIn, request)
        new = nodes.NewNode(cluster_id=body.pop("cluster"), credential_id=body.pop("credential"), **body)
        return self.answer(nodes.register_node(self.principal, new=new).pk, status.HTTP_201_CREATED)

    @extend_schema(summary="Change a node", parameters=[IF_MATCH], request=NodePatch, responses=NodeOut)
    def partial_update(self, request: Request, pk: str) -> Response:
        """The approved host key stays pinned, also at another address."""
        node = self.get_object()
        body = checked(NodePatch, request)
        change = nodes.NodeChange(credential_id=body.pop("credential", None), **body)
        seen = check_if_match(request, node)
        nodes.update_node(self.principal, node_id=node.pk, change=change, seen_version=seen)
        return self.answer(node.pk)

    @extend_schema(summary="Remove a paused node", parameters=[IF_MATCH], responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """The portal forgets it; nothing on the server changes."""
        node = self.get_object()
        seen = check_if_match(request, node)
        nodes.remove_node(self.principal, node_id=node.pk, seen_version=seen)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Pause a node", request=ReasonIn, responses=NodeOut)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """No job changes it until it is resumed."""
        node = self.get_object()
        nodes.pause_node(self.principal, node_id=node.pk, **checked(ReasonIn, request))
        return self.answer(node.pk)

    @extend_schema(summary="Resume a node", request=EmptyIn, responses=NodeOut)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Jobs may change it again."""
        node = self.get_object()
        checked(EmptyIn, request)
        nodes.resume_node(self.principal, node_id=node.pk)
        return self.answer(node.pk)

    @extend_schema(summary="Type the credential's password for a node", request=PasswordIn, responses=NodeOut)
    @action(detail=True, methods=["post"])
    def password(self, request: Request, pk: str) -> Response:
        """A password is sent only to a server that it was typed for. Send where the node is and its approved host key
        as you see them: where one changed meanwhile this is refused with 409, as it is after five wrong passwords."""
        node = self.get_object()
        body = checked(PasswordIn, request)
        password = body.pop("password")
        passwords.type_password(self.principal, server=Server(node.pk, **body), password=password)
        return self.answer(node.pk)

    @extend_schema(summary="Show approved and seen host keys", responses=HostKeysOut)
    @action(detail=True, url_path="host-key")
    def host_key(self, request: Request, pk: str) -> Response:
        """Compare a fingerprint with what the server itself says before approving it."""
        return self._host_keys(self.get_object())

    def _host_keys(self, node: Node) -> Response:
        keys = list(host_keys_of(self.principal, node))
        approved = next((key for key in keys if key.state == HostKeyState.APPROVED), None)
        answer = {"approved": approved, "quarantined_reason": node.quarantined_reason, "keys": keys}
        return Response(HostKeysOut(answer).data)

    @extend_schema(summary="Read the host key from the server now", request=EmptyIn, responses=HostKeyOut)
    @action(detail=True, methods=["post"], url_path="host-key/fetch")
    def fetch_host_key(self, request: Request, pk: str) -> Response:
        """Without logging in. The key waits for approval."""
        node = self.get_object()
        checked(EmptyIn, request)
        return Response(HostKeyOut(look_at_host_key(self.principal, node=node)).data)

    @extend_schema(summary="Approve a host key the node showed", request=FingerprintIn, responses=HostKeysOut)
    @action(detail=True, methods=["post"], url_path="host-key/approve")
    def approve_host_key(self, request: Request, pk: str) -> Response:
        """It is pinned, the one before is revoked, and a quarantine ends."""
        node = self.get_object()
        host_keys.approve_host_key(self.principal, node_id=node.pk, **checked(FingerprintIn, request))
        return self._host_keys(self.get_object())

    @extend_schema(summary="Give a host key in advance", request=FingerprintIn, responses=HostKeysOut)
    @action(detail=True, methods=["post"], url_path="host-key/give")
    def give_host_key(self, request: Request, pk: str) -> Response:
        """Learned on another way, before the server was asked; it is pinned."""
        node = self.get_object()
        host_keys.give_fingerprint(self.principal, node_id=node.pk, **checked(FingerprintIn, request))
        return self._host_keys(self.get_object())

    @extend_schema(summary="Revoke a host key", request=FingerprintIn, responses=HostKeysOut)
    @action(detail=True, methods=["post"], url_path="host-key/revoke")
    def revoke_host_key(self, request: Request, pk: str) -> Response:
        """The portal no longer logs in to a server that shows it."""
        node = self.get_object()
        host_keys.revoke_host_key(self.principal, node_id=node.pk, **checked(FingerprintIn, request))
        return self._host_keys(self.get_object())
