"""Which host key a node may show: seen, approved by a person, revoked; and what happens when it shows another one."""

from __future__ import annotations

from collections.abc import Mapping

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.audit import Subject, record
from accounts.models import Role
from accounts.principals import SYSTEM, Principal
from nodes.clusters.access import require
from nodes.enums import Health, HostKeyState
from nodes.errors import HostKeyMismatch
from nodes.registry.access import take_node
from nodes.registry.models import HostKey, Node
from nodes.registry.services.presence import note_presence
from nodes.remote.hostkeys import HostKeyShown, show_host_key
from nodes.rows import count
from nodes.validators import FieldErrors
from nodes.validators import fingerprint as checked


@transaction.atomic
def note_host_key(principal: Principal, *, node_id: int, shown: HostKeyShown) -> HostKey:
    """Keep a key the server showed, for a person to approve or not. Needs an operator. What was decided of it stays."""
    node = take_node(principal, node_id, Role.OPERATOR)
    key = _remember(node, shown.fingerprint, shown.key_type, shown.public_key)
    text = f"{node.name} shows the host key {shown.fingerprint}."
    _audit(principal, node, "host_key.read", text, {"fingerprint": shown.fingerprint, "state": key.state})
    return key


def _remember(node: Node, fingerprint: str, key_type: str, public_key: str) -> HostKey:
    key, _ = HostKey.objects.get_or_create(node=node, fingerprint=fingerprint)
    if not key.public_key and public_key:
        key.key_type, key.public_key = key_type, public_key
        key.save(update_fields=["key_type", "public_key"])
    return key


@transaction.atomic
def approve_host_key(principal: Principal, *, node_id: int, fingerprint: str) -> HostKey:
    """Pin a key the node showed; a key approved before is revoked, and a quarantine ends. Needs the cluster's
    administrator. Raises ValidationError for a fingerprint the node never showed."""
    node = take_node(principal, node_id, Role.ADMINISTRATOR)
    checks = FieldErrors()
    clean = checks("fingerprint", checked, fingerprint)
    checks.finish()
    key = node.host_keys.filter(fingerprint=clean).first()
    if key is None:
        raise ValidationError(
            {
                "fingerprint": ValidationError(
                    "The node has not shown this key. Compare it with what the server itself says, read the key from "
                    "the server, or give the fingerprint in advance.",
                    code="does_not_exist",
                )
            }
        )
    return _pin(principal, node, key, "Approved")


@transaction.atomic
def give_fingerprint(principal: Principal, *, node_id: int, fingerprint: str) -> HostKey:
    """Pin a key by a fingerprint learned on another way, before the server was ever asked. Needs the cluster's
    administrator."""
    node = take_node(principal, node_id, Role.ADMINISTRATOR)
    checks = FieldErrors()
    clean = checks("fingerprint", checked, fingerprint)
    checks.finish()
    return _pin(principal, node, _remember(node, clean, "", ""), "Gave in advance")


def _pin(principal: Principal, node: Node, key: HostKey, verb: str) -> HostKey:
    before = list(node.host_keys.filter(state=HostKeyState.APPROVED).exclude(pk=key.pk))
    for old in before:
        _decide(principal, old, HostKeyState.REVOKED)
    _decide(principal, key, HostKeyState.APPROVED)
    released = bool(node.quarantined_reason)
    if released:
        node.quarantined_reason, node.health, node.health_cause = "", Health.UNKNOWN, ""
        node.health_since = timezone.now()
    count(node, "quarantined_reason", "health", "health_cause", "health_since")
    data = {"fingerprint": key.fingerprint, "revoked": [old.fingerprint for old in before], "released": released}
    _audit(principal, node, "host_key.approve", f"{verb} the host key {key.fingerprint} of {node.name}.", data)
    return key


def _decide(principal: Principal, key: HostKey, state: HostKeyState) -> None:
    key.state, key.decided_by, key.decided_at = state, principal.name, timezone.now()
    key.save(update_fields=["state", "decided_by", "decided_at"])


@transaction.atomic
def revoke_host_key(principal: Principal, *, node_id: int, fingerprint: str) -> HostKey:
    """Trust a key no longer: the portal refuses to log in until one is approved. Needs the cluster's administrator.
    Raises ValidationError."""
    node = take_node(principal, node_id, Role.ADMINISTRATOR)
    checks = FieldErrors()
    clean = checks("fingerprint", checked, fingerprint)
    key = node.host_keys.filter(fingerprint=clean).first()
    if key is None:
        checks.complain("fingerprint", "The node has no such key; use one of the listed ones.", code="does_not_exist")
    checks.finish()
    assert key is not None  # noqa: S101 - finish() raised otherwise
    _decide(principal, key, HostKeyState.REVOKED)
    count(node)
    text = f"Revoked the host key {key.fingerprint} of {node.name}."
    _audit(principal, node, "host_key.revoke", text, {"fingerprint": key.fingerprint})
    return key


@transaction.atomic
def quarantine(node: Node, mismatch: HostKeyMismatch) -> None:
    """Stop everything on a node that showed another key than the approved one, and keep the key it showed."""
    row = take_node(SYSTEM, node.pk, Role.ADMINISTRATOR)
    _remember(row, mismatch.shown, mismatch.key_type, mismatch.public_key)
    if row.quarantined_reason:
        return
    approved = row.host_keys.filter(state=HostKeyState.APPROVED).values_list("fingerprint", flat=True).first()
    if approved != mismatch.expected:
        # somebody decided anew while the connection was being made with the old key
        return
    row.quarantined_reason = (
        f"The node showed the host key {mismatch.shown} instead of the approved {mismatch.expected}."
    )
    note_presence(row, Health.QUARANTINED)
    row.health, row.health_cause, row.health_since = Health.QUARANTINED, row.quarantined_reason, timezone.now()
    count(row, "quarantined_reason", "health", "health_cause", "health_since")
    data = {"expected": mismatch.expected, "shown": mismatch.shown}
    _audit(SYSTEM, row, "node.quarantine", f"Quarantined {row.name}: {row.quarantined_reason}", data)


def _audit(principal: Principal, node: Node, action: str, text: str, data: Mapping[str, object]) -> None:
    record(principal, action, text, cluster=node.cluster, subject=Subject.of(node), data=data)


def look_at_host_key(principal: Principal, *, node: Node) -> HostKey:
    """Ask the server for its host key, without logging in, and keep it for approval. Needs an operator. Raises what
    the wire raises."""
    require(principal, node.cluster_id, Role.OPERATOR)
    shown = show_host_key(node.address, node.port, settings.PORTAL.connect)
    return note_host_key(principal, node_id=node.pk, shown=shown)
