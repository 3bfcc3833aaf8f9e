"""A secondary's way into its cluster and out of it: nothing is written to a node before somebody typed its name."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.audit import Subject, record
from accounts.errors import Conflict
from accounts.models import Role
from accounts.principals import Principal
from nodes.enums import HostKeyState, Joining, NodeRole, ReplicationMode
from nodes.models import Node
from nodes.services import cluster_log
from nodes.services.cluster_log import Entry
from nodes.services.rows import put, take_node

OVERWRITTEN = "All settings on that server will be overwritten."
"""What is confirmed on joining, in the guide's words."""

SERVERS = (Joining.JOINING, Joining.JOINED, Joining.LEAVING)
"""Secondaries that somebody took in and that have not left."""


@transaction.atomic
def confirm_joining(principal: Principal, *, node_id: int, confirm_name: str) -> tuple[Node, bool]:
    """Let replication overwrite a secondary's configuration. Needs the cluster's administrator, who typed the node's
    name. Answers the node, and whether it begins anew (it had never joined, or had left). Doing it twice is fine.

    Raises ValidationError for another name, and Conflict where the node cannot join yet.
    """
    node = take_node(principal, node_id, Role.ADMINISTRATOR)
    _check_name(node, confirm_name)
    if node.role == NodeRole.SECONDARY and node.joining in (Joining.JOINING, Joining.JOINED):
        return node, False
    _check_may_join(node)
    anew = node.joining != Joining.LEAVING
    native = node.cluster.replication_mode == ReplicationMode.NATIVE
    _become(node, Joining.JOINED if native else Joining.JOINING, principal.name)
    text = f"Confirmed that {node.name} joins cluster {node.cluster}. {OVERWRITTEN}"
    record(principal, "node.join", text, cluster=node.cluster, subject=Subject.of(node))
    if anew:
        added = Entry(cluster_log.SECONDARY_ADDED, f"Secondary cluster node added: {node.name}", node_name=node.name)
        cluster_log.write(node.cluster_id, [added])
    return node, anew


@transaction.atomic
def confirm_leaving(principal: Principal, *, node_id: int, confirm_name: str, keep: bool) -> Node:
    """Take a secondary out: replication writes to it no more. Needs the cluster's administrator, who typed its name.
    `keep`: it keeps the replicated configuration. Raises ValidationError, Conflict."""
    node = take_node(principal, node_id, Role.ADMINISTRATOR)
    _check_name(node, confirm_name)
    check_may_leave(node, keep=keep)
    _become(node, Joining.LEAVING, principal.name)
    what = "keeps the replicated configuration" if keep else "gets back what it had before joining"
    text = f"Confirmed that {node.name} leaves cluster {node.cluster} and {what}."
    record(principal, "node.leave", text, cluster=node.cluster, subject=Subject.of(node), data={"keep": keep})
    return node


def check_may_leave(node: Node, *, keep: bool) -> None:
    """Raise Conflict where a node is no secondary that could leave."""
    if node.role == NodeRole.PRIMARY:
        raise Conflict(f"{node.name} is the primary. Make another node the primary first.", code="is_primary")
    if node.joining not in SERVERS:
        raise Conflict(f"{node.name} is no server of the cluster; there is nothing to leave.", code="not_joined")
    if node.cluster.replication_mode == ReplicationMode.NATIVE and not keep:
        text = "MDaemon's own cluster service replicates here; the portal has nothing to give back. Leave with keep."
        raise Conflict(text, code="native_mode")


def note_joined(node_id: int) -> None:
    """The node was proven to hold the primary's configuration. Call it in the transaction of that proof."""
    _advance(node_id, Joining.JOINING, Joining.JOINED)


def note_left(node_id: int) -> None:
    """The node was proven to be what it shall be after leaving. Call it in the transaction of that proof."""
    _advance(node_id, Joining.LEAVING, Joining.LEFT)


def _advance(node_id: int, source: Joining, to: Joining) -> None:
    node = Node.objects.select_for_update().filter(pk=node_id, joining=source).first()
    if node is not None:
        _become(node, to, node.joining_by)


def _become(node: Node, state: Joining, by: str) -> None:
    put(node, {"joining": state, "joining_by": by, "joining_since": timezone.now()})


def _check_name(node: Node, typed: str) -> None:
    if typed.strip() != node.name:
        text = f"This is not the server's name. Type {node.name} to confirm."
        raise ValidationError({"confirm_name": ValidationError(text, code="mismatch")})


def _check_may_join(node: Node) -> None:
    """Raise Conflict with what has to be done first."""
    if node.role == NodeRole.PRIMARY:
        raise Conflict(f"{node.name} is the primary; only secondaries join.", code="is_primary")
    if not node.cluster.nodes.filter(role=NodeRole.PRIMARY).exists():
        raise Conflict("The cluster has no primary. Give one node the role primary first.", code="no_primary")
    if node.quarantined_reason or not node.host_keys.filter(state=HostKeyState.APPROVED).exists():
        raise Conflict(f"Approve the host key of {node.name} first.", code="host_key_unknown")
    if node.credential_id is None:
        raise Conflict(f"Give {node.name} a credential first.", code="no_credential")
