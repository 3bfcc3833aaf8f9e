"""Mount points of nodes and the portal's logins to file servers, over REST. Passwords go in and never come out."""

from __future__ import annotations

from dataclasses import replace

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import check_if_match, tagged
from nodes.clusters.api import OfCluster
from nodes.platforms.unc import LONGEST
from nodes.registry.api import OfNode
from nodes.shares.models import FileServerLogin, MountPoint
from nodes.shares.services import reaching
from nodes.shares.services.reaching import SMB_PORT, Mount, ServerLogin
from nodes.validators import MAX_PATH, MAX_USERNAME
from nodes.web.rest import IF_MATCH, checked
from nodes.web.serializers import SecretText, StrictInput


class MountIn(StrictInput):
    """Where a node mounts a share."""

    share = serializers.CharField(max_length=LONGEST, help_text=r"\\server\share, without folders")
    folder = serializers.CharField(max_length=MAX_PATH, help_text="on the node")


class MountOut(serializers.ModelSerializer[MountPoint]):
    """Where a node mounts a share."""

    class Meta:
        model = MountPoint
        fields = ["id", "share", "folder"]
        read_only_fields = fields


class MountsView(OfNode):
    """The mount points of a node without UNC paths."""

    @extend_schema(summary="List mount points", operation_id="nodes_mount_points", responses=MountOut(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """By share."""
        return Response(MountOut(MountPoint.objects.filter(node=self.node(pk)), many=True).data)

    @extend_schema(
        summary="Say where a node mounts a share",
        operation_id="nodes_mount_point_set",
        request=MountIn,
        responses=MountOut,
    )
    def put(self, request: Request, pk: int) -> Response:
        """Replaces what was said of the same share. Nothing is mounted by that."""
        mount = Mount(**checked(MountIn, request))
        return Response(MountOut(reaching.set_mount(self.principal, node_id=self.node(pk).pk, mount=mount)).data)


class MountView(OfNode):
    """One mount point."""

    @extend_schema(summary="Forget a mount point", operation_id="nodes_mount_point_clear", responses={204: None})
    def delete(self, request: Request, pk: int, mount_id: int) -> Response:
        """Nothing changes on the node."""
        reaching.clear_mount(self.principal, node_id=self.node(pk).pk, mount_id=mount_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class LoginIn(StrictInput):
    """How the portal shall log in to a file server."""

    server = serializers.CharField(max_length=255, help_text="as the paths name it")
    port = serializers.IntegerField(default=SMB_PORT)
    username = serializers.CharField(max_length=MAX_USERNAME, help_text=r"DOMAIN\name or name@domain")
    password = SecretText(help_text="sealed; sent to this server and port alone")


class LoginPatch(StrictInput):
    """What to change of a login. Another server or port needs the password again."""

    server = serializers.CharField(max_length=255, required=False)
    port = serializers.IntegerField(required=False)
    username = serializers.CharField(max_length=MAX_USERNAME, required=False)
    password = SecretText(required=False)


class LoginOut(serializers.ModelSerializer[FileServerLogin]):
    """How the portal logs in to a file server."""

    class Meta:
        model = FileServerLogin
        fields = ["id", "server", "port", "username", "version"]
        read_only_fields = fields


class LoginsView(OfCluster):
    """The portal's logins to a cluster's file servers."""

    @extend_schema(
        summary="List logins to file servers", operation_id="clusters_file_servers", responses=LoginOut(many=True)
    )
    def get(self, request: Request, pk: int) -> Response:
        """Without their passwords."""
        rows = FileServerLogin.objects.filter(cluster=self.cluster(pk)).defer("password")
        return Response(LoginOut(rows, many=True).data)

    @extend_schema(
        summary="Store a login to a file server",
        operation_id="clusters_file_server_add",
        request=LoginIn,
        responses={201: LoginOut},
    )
    def post(self, request: Request, pk: int) -> Response:
        """By which the portal tests shares from where it runs; servers do not use it."""
        login = ServerLogin(**checked(LoginIn, request))
        row = reaching.add_login(self.principal, cluster_id=self.cluster(pk).pk, login=login)
        return tagged(request, row, LoginOut(row).data, status=status.HTTP_201_CREATED)


class LoginView(OfCluster):
    """One login."""

    def _row(self, pk: int, login_id: int) -> FileServerLogin:
        rows = FileServerLogin.objects.filter(cluster=self.cluster(pk)).defer("password")
        return get_object_or_404(rows, pk=login_id)

    @extend_schema(summary="Show a login", operation_id="clusters_file_server", responses=LoginOut)
    def get(self, request: Request, pk: int, login_id: int) -> Response:
        """Without its password."""
        row = self._row(pk, login_id)
        return tagged(request, row, LoginOut(row).data)

    @extend_schema(
        summary="Change a login",
        operation_id="clusters_file_server_change",
        parameters=[IF_MATCH],
        request=LoginPatch,
        responses=LoginOut,
    )
    def patch(self, request: Request, pk: int, login_id: int) -> Response:
        """A password goes only to the server that it was typed for: send it again with another server or port."""
        row = self._row(pk, login_id)
        seen = check_if_match(request, row)
        login = ServerLogin(row.server, row.username, row.port)
        changed = reaching.change_login(
            self.principal,
            cluster_id=row.cluster_id,
            login_id=row.pk,
            login=replace(login, **checked(LoginPatch, request)),
            seen_version=seen,
        )
        return tagged(request, changed, LoginOut(changed).data)

    @extend_schema(
        summary="Remove a login",
        operation_id="clusters_file_server_remove",
        parameters=[IF_MATCH],
        responses={204: None},
    )
    def delete(self, request: Request, pk: int, login_id: int) -> Response:
        """With its password."""
        row = self._row(pk, login_id)
        seen = check_if_match(request, row)
        reaching.remove_login(self.principal, cluster_id=row.cluster_id, login_id=row.pk, seen_version=seen)
        return Response(status=status.HTTP_204_NO_CONTENT)
