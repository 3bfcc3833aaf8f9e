"""Registration keys entered by hand, to tell whether two nodes have the same. Only a sealed digest is kept."""

from __future__ import annotations

import hashlib

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.audit import Subject, record
from accounts.models import Role
from accounts.principals import Principal
from nodes.checks.models import RegistrationSeal
from nodes.checks.services.checks import run_checks
from nodes.registry.access import take_node
from nodes.secret import Secret

LEAST = 4
"""Characters: an administrator may enter the last four only; then equal ends count as equal keys."""


def _digest(key: Secret) -> Secret:
    """Of the key without blanks, dashes and case, so that two spellings of one key are one."""
    plain = "".join(character for character in key.reveal().casefold() if character.isalnum())
    if len(plain) < LEAST or len(plain) > 200:
        raise ValidationError({"registration_key": f"Enter the key, or at least its last {LEAST} characters."})
    return Secret(hashlib.sha256(plain.encode()).hexdigest())


@transaction.atomic
def seal_registration(principal: Principal, *, node_id: int, key: Secret) -> RegistrationSeal:
    """Keep a digest of a node's registration key in place of the one before. Needs the cluster's administrator. Raises
    ValidationError by field."""
    node = take_node(principal, node_id, Role.ADMINISTRATOR)
    values = {"digest": _digest(key), "by": principal.name, "at": timezone.now()}
    row, _ = RegistrationSeal.objects.update_or_create(node=node, defaults=values)
    text = f"Entered the registration key of {node.name}; a sealed digest is kept."
    record(principal, "node.registration", text, cluster=node.cluster, subject=Subject.of(node))
    run_checks(node.cluster_id)
    return row


@transaction.atomic
def forget_registration(principal: Principal, *, node_id: int) -> None:
    """Forget the digest. Needs the cluster's administrator. Gone already is fine."""
    node = take_node(principal, node_id, Role.ADMINISTRATOR)
    if RegistrationSeal.objects.filter(node=node).delete()[0]:
        text = f"Forgot the registration key of {node.name}."
        record(principal, "node.registration_forget", text, cluster=node.cluster, subject=Subject.of(node))
        run_checks(node.cluster_id)
