"""A secondary's way into its cluster and out of it: nothing is written to a node before somebody typed its name."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.audit import Subject, record
from accounts.errors import Reason, Refused
from accounts.models import Role
from accounts.principals import Principal
from nodes.checks.core.readings import Standing
from nodes.cluster_log import services as cluster_log_services
from nodes.cluster_log.services import Entry
from nodes.enums import REPLICATED, SERVERS, Clustering, HostKeyState, Joining, LogLevel, NodeRole, ReplicationMode
from nodes.lifecycle.core import ACCEPTABLE, JoinCheck, blocking
from nodes.lifecycle.selectors import checks_of
from nodes.registry.access import take_node
from nodes.registry.models import Node
from nodes.rows import put

OVERWRITTEN = "All settings on that server will be overwritten."
"""What is confirmed on joining, in the guide's words."""


@transaction.atomic
def confirm_joining(
    principal: Principal, *, node_id: int, confirm_name: str, accept: Collection[str] = ()
) -> tuple[Node, bool]:
    """Let replication overwrite a secondary's configuration. Needs the cluster's administrator, who typed the node's
    name. Answers the node, and whether it begins anew (it had never joined, or had left). Doing it twice is fine.

    The checks are judged now, over what was last read: one that fails and makes joining unsafe refuses, unless
    `accept` names it and it is one a person may accept (`nodes.lifecycle.core` says which, and why); each acceptance
    is audited by itself. What is not known does not refuse, but for what the first plan would end at; the confirmation
    names it.

    Raises ValidationError for another name or for a check that cannot be accepted, and Refused where the node cannot
    join yet; its `reasons` are the checks that refuse.
    """
    node = take_node(principal, node_id, Role.ADMINISTRATOR)
    _check_name(node, confirm_name)
    _check_acceptable(accept)
    if node.role == NodeRole.SECONDARY and node.joining in REPLICATED:
        return node, False
    _check_may_join(node)
    checks = checks_of(node)
    _refuse(node, blocking(checks, accept))
    _note_accepted(principal, node, blocking(checks))
    anew = node.joining != Joining.LEAVING
    native = node.cluster.replication_mode == ReplicationMode.NATIVE
    _become(node, Joining.JOINED if native else Joining.JOINING, principal.name)
    _note_confirmed(principal, node, [check for check in checks if check.standing == Standing.UNKNOWN])
    if anew:
        added = Entry(
            cluster_log_services.SECONDARY_ADDED, f"Secondary cluster node added: {node.name}", node_name=node.name
        )
        cluster_log_services.write(node.cluster_id, [added])
    return node, anew


def _check_acceptable(accept: Collection[str]) -> None:
    wrong = sorted(set(accept) - set(ACCEPTABLE))
    if wrong:
        text = f"Nobody can accept {', '.join(wrong)}; only: {', '.join(ACCEPTABLE)}."
        raise ValidationError({"accept": ValidationError(text, code="invalid_choice")})


def _refuse(node: Node, checks: tuple[JoinCheck, ...]) -> None:
    if checks:
        reasons = tuple(Reason(check.code, f"{check.label}: {check.evidence}", _remedy(check)) for check in checks)
        raise Refused("checks_failed", f"{node.name} cannot join while these checks do not pass.", reasons=reasons)


def _remedy(check: JoinCheck) -> str:
    return f"{check.remedy} Or accept it, if you know that it does no harm here." if check.acceptable else check.remedy


def _note_accepted(principal: Principal, node: Node, checks: Iterable[JoinCheck]) -> None:
    """Those that fail and are accepted nevertheless: one event and one line of the cluster log each."""
    for check in checks:
        text = f"{principal.name} accepted for {node.name}: {check.label}. {check.evidence}"
        data = {"check": check.code, "evidence": check.evidence}
        record(principal, "node.join_accept", text, cluster=node.cluster, subject=Subject.of(node), data=data)
        cluster_log_services.write(
            node.cluster_id, [Entry(cluster_log_services.ATTESTED, text, LogLevel.WARNING, node.name)]
        )


def _note_confirmed(principal: Principal, node: Node, unknown: Iterable[JoinCheck]) -> None:
    labels = list(dict.fromkeys(check.label for check in unknown))
    text = f"Confirmed that {node.name} joins cluster {node.cluster}. {OVERWRITTEN}"
    named = f" Not known then: {', '.join(labels)}." if labels else ""
    codes = list(dict.fromkeys(check.code for check in unknown))
    data = {"unknown": codes}
    record(principal, "node.join", f"{text}{named}", cluster=node.cluster, subject=Subject.of(node), data=data)


@transaction.atomic
def confirm_leaving(principal: Principal, *, node_id: int, confirm_name: str, keep: bool) -> Node:
    """Take a secondary out: replication writes to it no more. Needs the cluster's administrator, who typed its name.
    `keep`: it keeps the replicated configuration. Raises ValidationError, Refused."""
    node = take_node(principal, node_id, Role.ADMINISTRATOR)
    _check_name(node, confirm_name)
    check_may_leave(node, keep=keep)
    _become(node, Joining.LEAVING, principal.name)
    what = "keeps the replicated configuration" if keep else "gets back what it had before joining"
    text = f"Confirmed that {node.name} leaves cluster {node.cluster} and {what}."
    record(principal, "node.leave", text, cluster=node.cluster, subject=Subject.of(node), data={"keep": keep})
    return node


def check_may_leave(node: Node, *, keep: bool) -> None:
    """Raise Refused where a node is no secondary that could leave."""
    if node.role == NodeRole.PRIMARY:
        raise Refused("is_primary", f"{node.name} is the primary.", "Make another node the primary first.")
    if node.joining not in SERVERS:
        raise Refused("not_joined", f"{node.name} is no server of the cluster; there is nothing to leave.")
    if node.cluster.replication_mode == ReplicationMode.NATIVE and not keep:
        text = "MDaemon's own cluster service replicates here; the portal has nothing to give back."
        raise Refused("native_mode", text, "Leave with keep.")


def note_joined(node_ids: Collection[int]) -> None:
    """The nodes were proven to hold the primary's configuration. Call it in the transaction of that proof."""
    _advance(node_ids, Joining.JOINING, Joining.JOINED)


def note_left(node_id: int) -> None:
    """The node was proven to be what it shall be after leaving. Call it in the transaction of that proof."""
    _advance([node_id], Joining.LEAVING, Joining.LEFT)


def _advance(node_ids: Collection[int], source: Joining, to: Joining) -> None:
    for node in Node.objects.select_for_update().filter(pk__in=node_ids, joining=source).order_by("pk"):
        _become(node, to, node.joining_by)


def _become(node: Node, state: Joining, by: str) -> None:
    put(node, {"joining": state, "joining_by": by, "joining_since": timezone.now()})


def _check_name(node: Node, typed: str) -> None:
    if typed.strip() != node.name:
        text = f"This is not the server's name. Type {node.name} to confirm."
        raise ValidationError({"confirm_name": ValidationError(text, code="mismatch")})


def _check_may_join(node: Node) -> None:
    """Raise Refused with what has to be done first."""
    if node.role == NodeRole.PRIMARY:
        raise Refused("is_primary", f"{node.name} is the primary; only secondaries join.")
    if not node.cluster.nodes.filter(role=NodeRole.PRIMARY).exists():
        raise Refused("no_primary", "The cluster has no primary.", "Give one node the role primary first.")
    if node.cluster.clustering == Clustering.OFF:
        text = f"Clustering of {node.cluster} is disabled: nothing would be replicated to {node.name}."
        raise Refused("clustering_off", text, "Enable it first.")
    if node.quarantined_reason or not node.host_keys.filter(state=HostKeyState.APPROVED).exists():
        raise Refused("host_key_unknown", f"Approve the host key of {node.name} first.")
    if node.credential_id is None:
        raise Refused("no_credential", f"Give {node.name} a credential first.")
