"""Nodes: registering, changing, pausing, removing. A change of address never touches the approved host key: the key
stays pinned, and a server that shows another one is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.audit import Subject, record
from accounts.errors import Conflict
from accounts.models import Role
from accounts.principals import Principal
from nodes.enums import NodeRole, PlatformName
from nodes.models import Cluster, Credential, Node
from nodes.platforms import platform_named
from nodes.services import host_keys
from nodes.services.rows import put, take_cluster, take_node
from nodes.validators import Checks, address, fingerprint, host_name, install_root, port, remark


@dataclass(frozen=True, slots=True)
class NewNode:
    """A server to be registered. `host_key_fingerprint` may be given in advance; it counts as approved by whoever
    registers the node."""

    cluster_id: int
    name: str
    address: str
    platform: str
    install_root: str
    port: int = 22
    role: str = NodeRole.SECONDARY
    credential_id: int | None = None
    host_key_fingerprint: str = ""


@dataclass(frozen=True, slots=True)
class NodeChange:
    """What to change; None leaves a value as it is."""

    name: str | None = None
    address: str | None = None
    port: int | None = None
    platform: str | None = None
    role: str | None = None
    install_root: str | None = None
    credential_id: int | None = None


def _platform(word: str) -> str:
    if word not in PlatformName.values:
        raise ValidationError(f"Use one of: {', '.join(PlatformName.values)}.", code="invalid_choice")
    return word


def _role(word: str) -> str:
    if word not in NodeRole.values:
        raise ValidationError(f"Use one of: {', '.join(NodeRole.values)}.", code="invalid_choice")
    return word


_CHECKS = {"name": host_name, "address": address, "port": port, "platform": _platform, "role": _role}


def _check_root(checks: Checks, root: str, platform: str) -> str:
    clean = checks("install_root", lambda text: install_root(text, platform), root)
    try:
        platform_named(platform).sftp_path(clean)
    except ValueError as error:
        checks("install_root", _refuse(str(error)), clean)
    return clean


def _refuse(message: str) -> object:
    def check(_: str) -> str:
        raise ValidationError(message)

    return check


def _check_taken(checks: Checks, cluster_id: int, values: Mapping[str, object], besides: int | None = None) -> None:
    others = Node.objects.filter(cluster=cluster_id).exclude(pk=besides)
    if others.filter(name__iexact=values["name"]).exists():
        checks.complain("name", "Another node of this cluster has this name; choose a different one.", code="unique")
    if others.filter(address__iexact=values["address"], port=values["port"]).exists():
        checks.complain(
            "address", "Another node of this cluster has this address and port; change that one.", code="unique"
        )
    primary = others.filter(role=NodeRole.PRIMARY).first() if values["role"] == NodeRole.PRIMARY else None
    if primary is not None:
        checks.complain("role", f"{primary.name} is this cluster's primary; make it a secondary first.", code="unique")


def _check_credential(checks: Checks, cluster_id: int, credential_id: int | None) -> None:
    if credential_id is None:
        return
    if not Credential.objects.filter(pk=credential_id, cluster=cluster_id).exists():
        checks.complain("credential", "Use a credential of the node's own cluster.", code="does_not_exist")


@transaction.atomic
def register_node(principal: Principal, *, new: NewNode) -> Node:
    """Add a server to a cluster. Needs the cluster's administrator. Raises ValidationError by field."""
    cluster = take_cluster(principal, new.cluster_id, Role.ADMINISTRATOR)
    checks = Checks()
    values: dict[str, object] = {field: checks(field, check, getattr(new, field)) for field, check in _CHECKS.items()}
    if new.platform in PlatformName.values:
        values["install_root"] = _check_root(checks, new.install_root, new.platform)
    _check_credential(checks, cluster.pk, new.credential_id)
    given = checks("host_key_fingerprint", fingerprint, new.host_key_fingerprint) if new.host_key_fingerprint else ""
    _check_taken(checks, cluster.pk, values)
    checks.finish()
    node = Node.objects.create(cluster=cluster, credential_id=new.credential_id, **values)
    text = f"Registered {node.name} ({node.address}, port {node.port}) as {node.role} of cluster {cluster.name}."
    record(principal, "node.register", text, cluster=cluster, subject=Subject.of(node), data=_shown(node))
    if given:
        host_keys.give_fingerprint(principal, node_id=node.pk, fingerprint=given)
    return node


def _shown(node: Node) -> dict[str, object]:
    columns = (*_CHECKS, "install_root", "credential_id")
    return {column: getattr(node, column) for column in columns}


@transaction.atomic
def update_node(principal: Principal, *, node_id: int, change: NodeChange, seen_version: int | None = None) -> Node:
    """Change a node. Needs the cluster's administrator. The approved host key stays pinned whatever changes.
    Raises ValidationError by field, Stale."""
    node = take_node(principal, node_id, Role.ADMINISTRATOR, seen_version)
    checks = Checks()
    values = _shown(node) | {column: value for column, value in _given(change).items() if value is not None}
    for field, check in _CHECKS.items():
        values[field] = checks(field, check, values[field])
    if values["platform"] in PlatformName.values:
        values["install_root"] = _check_root(checks, str(values["install_root"]), str(values["platform"]))
    _check_credential(checks, node.cluster_id, change.credential_id)
    _check_taken(checks, node.cluster_id, values, besides=node.pk)
    checks.finish()
    changed = put(node, values)
    if changed:
        text = f"Changed {', '.join(changed)} of {node.name}."
        record(principal, "node.update", text, cluster=node.cluster, subject=Subject.of(node), data=changed)
    return node


def _given(change: NodeChange) -> dict[str, object]:
    return {column: getattr(change, column) for column in (*_CHECKS, "install_root", "credential_id")}


@transaction.atomic
def pause_node(principal: Principal, *, node_id: int, reason: str = "") -> Node:
    """Keep jobs from changing the node. Needs an operator. Pausing twice is fine."""
    node = take_node(principal, node_id, Role.OPERATOR)
    checks = Checks()
    clean = checks("reason", remark, reason)
    checks.finish()
    if put(node, {"paused": True, "paused_reason": clean}):
        _audit(principal, node, "node.pause", f"Paused {node.name}.", {"reason": clean})
    return node


@transaction.atomic
def resume_node(principal: Principal, *, node_id: int) -> Node:
    """Let jobs change the node again. Needs an operator."""
    node = take_node(principal, node_id, Role.OPERATOR)
    if put(node, {"paused": False, "paused_reason": ""}):
        _audit(principal, node, "node.resume", f"Resumed {node.name}.", {})
    return node


@transaction.atomic
def remove_node(principal: Principal, *, node_id: int, seen_version: int | None = None) -> None:
    """Forget a node; nothing on the server changes. Needs the cluster's administrator, and the node or its cluster
    paused, so that no job is at work on it. Raises Conflict."""
    node = take_node(principal, node_id, Role.ADMINISTRATOR, seen_version)
    cluster = Cluster.objects.get(pk=node.cluster_id)
    if not (node.paused or cluster.paused):
        raise Conflict("Pause the node first, so that no job works on it while it is removed.", code="not_paused")
    _audit(principal, node, "node.remove", f"Removed {node.name} from cluster {cluster.name}.", _shown(node))
    node.delete()


def _audit(principal: Principal, node: Node, action: str, text: str, data: Mapping[str, object]) -> None:
    record(principal, action, text, cluster=node.cluster, subject=Subject.of(node), data=data)
