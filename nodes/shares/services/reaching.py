"""How file servers are reached: where nodes without UNC paths mount shares, and as whom the portal logs in. Nothing
here reaches a node or a file server."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404

from accounts.audit import Subject, record
from accounts.errors import Refused
from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import take_cluster
from nodes.clusters.models import Cluster
from nodes.enums import PlatformName
from nodes.platforms.unc import UncError, UncPath
from nodes.registry.access import take_node
from nodes.registry.models import Node
from nodes.rows import compare
from nodes.secret import Secret
from nodes.shares.models import FileServerLogin, MountPoint
from nodes.shares.services.cells import forget_from_portal, forget_mounted
from nodes.signals import CLUSTER_CHANGED
from nodes.validators import MAX_PATH, FieldErrors, port, username

SMB_PORT = 445
LONGEST_PASSWORD = 256
MOST_MOUNTS = 64
"""Mount points of one node, and logins of one cluster: so many file servers no cluster has."""


@dataclass(frozen=True, slots=True)
class Mount:
    r"""Where a node mounts a share. `share`: `\\server\share`."""

    share: str
    folder: str


@transaction.atomic
def set_mount(principal: Principal, *, node_id: int, mount: Mount) -> MountPoint:
    """Say where a node mounts a share. Needs the cluster's administrator. Saying it again replaces what was said.
    Raises ValidationError by field, Refused for a node that takes UNC paths."""
    node = take_node(principal, node_id, Role.ADMINISTRATOR)
    if node.platform != PlatformName.POSIX:
        text = f"{node.name} runs Windows, which reaches shares by their own paths."
        raise Refused("no_mount_points", text, "It needs no mount point.")
    checks = FieldErrors()
    share, folder = checks("share", _share, mount.share), checks("folder", _folder, mount.folder)
    checks.finish()
    rows = {UncPath.parse(row.share): row for row in MountPoint.objects.filter(node=node)}
    known = rows.get(UncPath.parse(share))
    if known is None and len(rows) >= MOST_MOUNTS:
        raise Refused("too_many", f"{node.name} has {MOST_MOUNTS} mount points, which is the most.", "Clear others.")
    row = known or MountPoint(node=node, share=share)
    former, row.folder = row.folder, folder
    if former != folder:
        row.save()
        forget_mounted(node, UncPath.parse(row.share))
        data = {"share": row.share, "folder": [former, folder]}
        _tell(principal, node.cluster, "mount_point.set", f"{node.name} mounts {row.share} at {folder}.", node, data)
    return row


@transaction.atomic
def clear_mount(principal: Principal, *, node_id: int, mount_id: int) -> None:
    """Forget where a node mounts a share. Needs the cluster's administrator. Raises Http404."""
    node = take_node(principal, node_id, Role.ADMINISTRATOR)
    row = MountPoint.objects.filter(node=node, pk=mount_id).first()
    if row is None:
        raise Http404("No such mount point.")
    row.delete()
    forget_mounted(node, UncPath.parse(row.share))
    data = {"share": row.share, "folder": [row.folder, ""]}
    _tell(principal, node.cluster, "mount_point.clear", f"Forgot where {node.name} mounts {row.share}.", node, data)


def _share(text: str) -> str:
    path = _parsed(text)
    if path.folders:
        raise ValidationError(f"Give the share alone, {path.root}; its folders lie below the mount point.")
    return str(path)


def _parsed(text: str) -> UncPath:
    try:
        return UncPath.parse(text)
    except UncError as error:
        raise ValidationError(str(error)) from error


def _folder(text: str) -> str:
    """An absolute folder, below the root of the file system."""
    clean = text.strip()
    parts = [part for part in clean.split("/") if part]
    if not clean.startswith("/") or not parts or ".." in parts or "." in parts:
        raise ValidationError("Give the folder at which the node mounts the share, such as /mnt/mail.")
    if len(clean) > MAX_PATH or not clean.isprintable():
        raise ValidationError(f"Use at most {MAX_PATH} characters that can be seen.")
    return "/" + "/".join(parts)


@dataclass(frozen=True, slots=True)
class ServerLogin:
    """How the portal shall log in to a file server. `password` None: the one that is kept."""

    server: str
    username: str
    port: int = SMB_PORT
    password: Secret | None = None


@transaction.atomic
def add_login(principal: Principal, *, cluster_id: int, login: ServerLogin) -> FileServerLogin:
    """Say how the portal logs in to a file server. Needs the cluster's administrator. Raises ValidationError by
    field."""
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR)
    if cluster.file_server_logins.count() >= MOST_MOUNTS:
        text = f"Cluster {cluster.name} has {MOST_MOUNTS} logins to file servers, which is the most."
        raise Refused("too_many", text, "Remove others.")
    return _put_login(principal, FileServerLogin(cluster=cluster, version=0), login)


@transaction.atomic
def change_login(
    principal: Principal, *, cluster_id: int, login_id: int, login: ServerLogin, seen_version: int | None = None
) -> FileServerLogin:
    """Change a login. A password goes only to the server that it was typed for: another server or port needs it typed
    again. Needs the cluster's administrator. Raises ValidationError by field, Http404, Stale."""
    take_cluster(principal, cluster_id, Role.ADMINISTRATOR)
    return _put_login(principal, compare(_login(cluster_id, login_id), seen_version), login)


@transaction.atomic
def remove_login(principal: Principal, *, cluster_id: int, login_id: int, seen_version: int | None = None) -> None:
    """Forget a login and its password. Needs the cluster's administrator. Raises Http404, Stale."""
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR)
    row = compare(_login(cluster_id, login_id), seen_version)
    text = f"Removed the portal's login to the file server {row.server}."
    _tell(principal, cluster, "file_server.remove", text, row, {"server": row.server, "username": row.username})
    forget_from_portal(cluster, row.server)
    row.delete()


def _login(cluster_id: int, login_id: int) -> FileServerLogin:
    row = FileServerLogin.objects.filter(cluster=cluster_id, pk=login_id).first()
    if row is None:
        raise Http404("No such login.")
    return row


def _put_login(principal: Principal, row: FileServerLogin, login: ServerLogin) -> FileServerLogin:
    checks = FieldErrors()
    values: dict[str, object] = {
        "server": checks("server", _server, login.server),
        "port": checks("port", port, login.port),
        "username": checks("username", username, login.username),
    }
    others = FileServerLogin.objects.filter(cluster=row.cluster, server=values["server"]).exclude(pk=row.pk)
    if others.exists():
        checks.complain("server", "The portal has a login to this server; change that one.", code="unique")
    moved = row.pk is None or (row.server, row.port) != (values["server"], values["port"])
    if login.password is None and moved:
        checks.complain("password", "Type the password for this server and port; it was typed for no other.")
    if login.password is not None and not 0 < len(login.password.reveal()) <= LONGEST_PASSWORD:
        checks.complain("password", f"Use 1 to {LONGEST_PASSWORD} characters.")
    checks.finish()
    _keep_login(principal, row, values, login.password)
    return row


def _server(text: str) -> str:
    """A server as paths name it, folded."""
    try:
        return UncPath(text.strip().strip("\\/"), "share").server.casefold()
    except UncError as error:
        raise ValidationError(str(error)) from error


def _keep_login(
    principal: Principal, row: FileServerLogin, values: Mapping[str, object], password: Secret | None
) -> None:
    is_new = row.pk is None
    data: dict[str, object] = {
        name: [None if is_new else getattr(row, name), value]
        for name, value in values.items()
        if is_new or getattr(row, name) != value
    }
    if not data and password is None:
        return
    for server in {row.server, str(values["server"])}:
        forget_from_portal(row.cluster, server)
    for name, value in values.items():
        setattr(row, name, value)
    if password is not None:
        row.password, data["password"] = password, "typed"
    row.version += 1
    row.save()
    text = f"The portal logs in to the file server {row.server} as {row.username}."
    _tell(principal, row.cluster, "file_server.set", text, row, data)


def _tell(
    principal: Principal,
    cluster: Cluster,
    action: str,
    text: str,
    row: Node | FileServerLogin,
    data: Mapping[str, object],
) -> None:
    record(principal, action, text, cluster=cluster, subject=Subject.of(row), data=data)
    CLUSTER_CHANGED.send(sender=None, cluster_id=cluster.pk)
