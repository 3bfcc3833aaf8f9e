"""Nodes: registering, changing, pausing, removing. A change of address never touches the approved host key: the key
stays pinned, and a server that shows another one is refused."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from accounts.audit import Subject, record
from accounts.errors import Refused
from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import take_cluster
from nodes.clusters.models import Cluster
from nodes.credentials.models import Credential
from nodes.enums import OUTSIDE, SERVERS, Joining, NodeRole, PlatformName
from nodes.platforms import platform_named
from nodes.registry.access import take_node
from nodes.registry.models import Node
from nodes.registry.services import host_keys
from nodes.rows import put
from nodes.signals import CLUSTER_CHANGED
from nodes.validators import (
    FieldErrors,
    address,
    fingerprint,
    host_name,
    install_root,
    port,
    remark,
)


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


_SERVER = frozenset({"address", "port", "platform", "install_root"})
"""Columns that say which server a node is."""


def _platform(word: str) -> str:
    if word not in PlatformName.values:
        raise ValidationError(f"Use one of: {', '.join(PlatformName.values)}.", code="invalid_choice")
    return word


def _role(word: str) -> str:
    if word not in NodeRole.values:
        raise ValidationError(f"Use one of: {', '.join(NodeRole.values)}.", code="invalid_choice")
    return word


@dataclass(frozen=True, slots=True)
class _Settings:
    """The columns that an administrator sets."""

    name: str
    address: str
    port: int
    platform: str
    role: str
    install_root: str
    credential_id: int | None

    @classmethod
    def of(cls, source: NewNode | Node) -> _Settings:
        """The settings of a node, or of one to be registered."""
        return cls(**{column.name: getattr(source, column.name) for column in fields(cls)})

    def changed_by(self, change: NodeChange) -> _Settings:
        """The settings after a change; what it leaves None stays."""
        given = {name: value for name, value in asdict(change).items() if value is not None}
        return replace(self, **given)


def _root(text: str, platform: str) -> str:
    clean = install_root(text, platform)
    try:
        platform_named(platform).sftp_path(clean)
    except ValueError as error:
        raise ValidationError(str(error)) from error
    return clean


def _check(checks: FieldErrors, cluster_id: int, wanted: _Settings, besides: int = 0) -> _Settings:
    """Clean settings; complaints go to `checks`."""
    platform = checks("platform", _platform, wanted.platform)
    root = wanted.install_root
    if checks.passed("platform"):
        root = checks("install_root", lambda text: _root(text, platform), root)
    clean = _Settings(
        name=checks("name", host_name, wanted.name),
        address=checks("address", address, wanted.address),
        port=checks("port", port, wanted.port),
        platform=platform,
        role=checks("role", _role, wanted.role),
        install_root=root,
        credential_id=wanted.credential_id,
    )
    _check_taken(checks, Node.objects.filter(cluster=cluster_id).exclude(pk=besides), clean)
    own = Credential.objects.filter(cluster=cluster_id, pk=wanted.credential_id or 0)
    if wanted.credential_id is not None and not own.exists():
        checks.complain("credential", "Use a credential of the node's own cluster.", code="does_not_exist")
    return clean


def _check_taken(checks: FieldErrors, others: QuerySet[Node], wanted: _Settings) -> None:
    if others.filter(name__iexact=wanted.name).exists():
        checks.complain("name", "Another node of this cluster has this name; choose a different one.", code="unique")
    if checks.passed("address", "port") and others.filter(address=wanted.address, port=wanted.port).exists():
        checks.complain(
            "address", "Another node of this cluster has this address and port; change that one.", code="unique"
        )
    primary = others.filter(role=NodeRole.PRIMARY).first() if wanted.role == NodeRole.PRIMARY else None
    if primary is not None:
        checks.complain("role", f"{primary.name} is this cluster's primary; make it a secondary first.", code="unique")


@transaction.atomic
def register_node(principal: Principal, *, new: NewNode) -> Node:
    """Add a server to a cluster. Needs the cluster's administrator. Raises ValidationError by field."""
    cluster = take_cluster(principal, new.cluster_id, Role.ADMINISTRATOR)
    checks = FieldErrors()
    settings = _check(checks, cluster.pk, _Settings.of(new))
    given = checks("host_key_fingerprint", fingerprint, new.host_key_fingerprint) if new.host_key_fingerprint else ""
    checks.finish()
    node = Node.objects.create(cluster=cluster, **asdict(settings))
    text = f"Registered {node.name} ({node.address}, port {node.port}) as {node.role} of cluster {cluster.name}."
    _audit(principal, node, "node.register", text, asdict(settings))
    if given:
        host_keys.give_fingerprint(principal, node_id=node.pk, fingerprint=given)
    CLUSTER_CHANGED.send(sender=None, cluster_id=cluster.pk)
    return node


@transaction.atomic
def update_node(principal: Principal, *, node_id: int, change: NodeChange, seen_version: int | None = None) -> Node:
    """Change a node. Needs the cluster's administrator. The approved host key stays pinned whatever changes.
    Raises ValidationError by field, Stale."""
    node = take_node(principal, node_id, Role.ADMINISTRATOR, seen_version)
    checks = FieldErrors()
    settings = _check(checks, node.cluster_id, _Settings.of(node).changed_by(change), besides=node.pk)
    checks.finish()
    changed = put(node, asdict(settings) | _joining_after(node, settings))
    changed.pop("joining_since", None)  # a moment, and no setting
    if changed:
        _audit(principal, node, "node.update", f"Changed {', '.join(changed)} of {node.name}.", changed)
        CLUSTER_CHANGED.send(sender=None, cluster_id=node.cluster_id)
    return node


def _joining_after(node: Node, settings: _Settings) -> dict[str, object]:
    """What was confirmed for a node holds for its part only: a demoted primary joins anew. What was seen of a node
    outside holds for the server that stood there only."""
    moved = any(getattr(settings, column) != getattr(node, column) for column in _SERVER)
    if settings.role == node.role and not (moved and node.joining in OUTSIDE):
        return {}
    return {"joining": Joining.REGISTERED, "joining_since": timezone.now()}


@transaction.atomic
def pause_node(principal: Principal, *, node_id: int, reason: str = "") -> Node:
    """Keep jobs from changing the node. Needs an operator. Pausing twice is fine."""
    node = take_node(principal, node_id, Role.OPERATOR)
    checks = FieldErrors()
    clean = checks("reason", remark, reason)
    checks.finish()
    if put(node, {"paused": True, "paused_reason": clean}):
        _audit(principal, node, "node.pause", f"Paused {node.name}. {clean}".strip(), {"reason": clean})
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
    paused, so that no job is at work on it. A server of the cluster leaves first. Raises Refused."""
    node = take_node(principal, node_id, Role.ADMINISTRATOR, seen_version)
    cluster = Cluster.objects.get(pk=node.cluster_id)
    if not (node.paused or cluster.paused):
        raise Refused("not_paused", "Pause the node first, so that no job works on it while it is removed.")
    if node.role == NodeRole.SECONDARY and node.joining in SERVERS:
        text = f"Let {node.name} leave the cluster first; with keep where the server is gone."
        raise Refused("not_left", text)
    _audit(
        principal, node, "node.remove", f"Removed {node.name} from cluster {cluster.name}.", asdict(_Settings.of(node))
    )
    node.delete()
    CLUSTER_CHANGED.send(sender=None, cluster_id=cluster.pk)


def _audit(principal: Principal, node: Node, action: str, text: str, data: Mapping[str, object]) -> None:
    record(principal, action, text, cluster=node.cluster, subject=Subject.of(node), data=data)
