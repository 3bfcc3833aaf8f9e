"""Nodes over REST: the rows, pausing, host keys."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import check_if_match
from nodes.api.base import IF_MATCH, Resource, checked
from nodes.api.filters import NodeFilter
from nodes.api.inputs import EmptyIn, FingerprintIn, NodeIn, NodePatch, ReasonIn
from nodes.api.serializers import HostKeyOut, HostKeysOut, NodeOut
from nodes.connect import look_at_host_key
from nodes.enums import HostKeyState
from nodes.models.node import Node
from nodes.selectors.nodes import host_keys_of, nodes_for
from nodes.services import host_keys, registry


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
        new = registry.NewNode(cluster_id=body.pop("cluster"), credential_id=body.pop("credential"), **body)
        return self.answer(registry.register_node(self.principal, new=new).pk, status.HTTP_201_CREATED)

    @extend_schema(summary="Change a node", parameters=[IF_MATCH], request=NodePatch, responses=NodeOut)
    def partial_update(self, request: Request, pk: str) -> Response:
        """The approved host key stays pinned, also at another address."""
        node = self.get_object()
        body = checked(NodePatch, request)
        change = registry.NodeChange(credential_id=body.pop("credential", None), **body)
        seen = check_if_match(request, node)
        registry.update_node(self.principal, node_id=node.pk, change=change, seen_version=seen)
        return self.answer(node.pk)

    @extend_schema(summary="Remove a paused node", parameters=[IF_MATCH], responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """The portal forgets it; nothing on the server changes."""
        node = self.get_object()
        seen = check_if_match(request, node)
        registry.remove_node(self.principal, node_id=node.pk, seen_version=seen)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Pause a node", request=ReasonIn, responses=NodeOut)
    @action(detail=True, methods=["post"])
    def pause(self, request: Request, pk: str) -> Response:
        """No job changes it until it is resumed."""
        node = self.get_object()
        registry.pause_node(self.principal, node_id=node.pk, **checked(ReasonIn, request))
        return self.answer(node.pk)

    @extend_schema(summary="Resume a node", request=EmptyIn, responses=NodeOut)
    @action(detail=True, methods=["post"])
    def resume(self, request: Request, pk: str) -> Response:
        """Jobs may change it again."""
        node = self.get_object()
        checked(EmptyIn, request)
        registry.resume_node(self.principal, node_id=node.pk)
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
