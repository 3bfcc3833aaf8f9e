"""What people say of nodes and of set-up steps, because the portal cannot see it. Each word is audited."""

from __future__ import annotations

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.audit import Subject, record
from accounts.models import Role
from accounts.principals import Principal
from nodes.checks.models import Attestation, StepAttestation
from nodes.checks.services.checks import run_checks
from nodes.cluster_log import services as cluster_log_services
from nodes.cluster_log.services import Entry
from nodes.clusters.access import take_cluster
from nodes.enums import AttestedSubject, LogLevel, NodeRole
from nodes.facts.models import NodeFacts
from nodes.registry.access import take_node
from nodes.validators import FieldErrors, remark

VALUES: dict[str, tuple[str, ...]] = {
    AttestedSubject.CLUSTER_SERVICE: ("on", "off"),
    AttestedSubject.PART: tuple(NodeRole.values),
    AttestedSubject.SERVICE_ACCOUNT: ("yes", "no"),
}
"""What may be said of each subject."""

STEPS = range(1, 16)
"""The guide's steps."""


@dataclass(frozen=True, slots=True)
class Word:
    """What a person says of a node."""

    subject: str
    value: str
    note: str = ""


def _subject(word: str) -> str:
    if word not in VALUES:
        raise ValidationError(f"Use one of: {', '.join(VALUES)}.", code="invalid_choice")
    return word


@transaction.atomic
def attest(principal: Principal, *, node_id: int, word: Word) -> Attestation:
    """Keep a person's word on a node; a later one replaces it. Needs an operator. Raises ValidationError by field."""
    node = take_node(principal, node_id, Role.OPERATOR)
    checks = FieldErrors()
    subject, note = checks("subject", _subject, word.subject), checks("note", remark, word.note)
    allowed = VALUES.get(subject, ())
    if checks.passed("subject") and word.value not in allowed:
        checks.complain("value", f"Use one of: {', '.join(allowed)}.", code="invalid_choice")
    checks.finish()
    facts = NodeFacts.objects.filter(node=node).first()
    row, _ = Attestation.objects.update_or_create(
        node=node,
        subject=subject,
        defaults={
            "value": word.value,
            "note": note,
            "by": principal.name,
            "at": timezone.now(),
            "basis": facts.own_log if facts else {},
        },
    )
    text = f"{principal.name} attested of {node.name}: {AttestedSubject(subject).label}: {word.value}."
    data = {"subject": subject, "value": word.value, "note": note}
    record(principal, "node.attest", text, cluster=node.cluster, subject=Subject.of(node), data=data)
    entry = Entry(cluster_log_services.ATTESTED, text, LogLevel.INFO, node.name)
    cluster_log_services.write(node.cluster_id, [entry])
    run_checks(node.cluster_id)
    return row


@transaction.atomic
def withdraw(principal: Principal, *, node_id: int, subject: str) -> None:
    """Take a word back: it is not known again. Needs an operator. Gone already is fine."""
    node = take_node(principal, node_id, Role.OPERATOR)
    _subject(subject)
    gone, _ = Attestation.objects.filter(node=node, subject=subject).delete()
    if gone:
        text = f"{principal.name} took back what was attested of {node.name}: {AttestedSubject(subject).label}."
        data = {"subject": subject}
        record(principal, "node.attest_withdraw", text, cluster=node.cluster, subject=Subject.of(node), data=data)
        cluster_log_services.write(
            node.cluster_id, [Entry(cluster_log_services.ATTESTED, text, LogLevel.INFO, node.name)]
        )
        run_checks(node.cluster_id)


@transaction.atomic
def attest_step(principal: Principal, *, cluster_id: int, step: int, note: str = "") -> StepAttestation:
    """Keep a person's word that a step of the guide is done. Needs an operator. Raises ValidationError by field."""
    cluster = take_cluster(principal, cluster_id, Role.OPERATOR)
    checks = FieldErrors()
    clean = checks("note", remark, note)
    if step not in STEPS:
        checks.complain("step", "The guide has the steps 1 to 15.")
    checks.finish()
    values = {"note": clean, "by": principal.name, "at": timezone.now()}
    row, _ = StepAttestation.objects.update_or_create(cluster=cluster, step=step, defaults=values)
    text = f"{principal.name} attested that step {step} of the guide is done."
    record(principal, "setup.attest", text, cluster=cluster, subject=Subject.of(cluster), data={"note": clean})
    return row


@transaction.atomic
def withdraw_step(principal: Principal, *, cluster_id: int, step: int) -> None:
    """Take that back. Needs an operator. Gone already is fine."""
    cluster = take_cluster(principal, cluster_id, Role.OPERATOR)
    if StepAttestation.objects.filter(cluster=cluster, step=step).delete()[0]:
        text = f"{principal.name} took back that step {step} of the guide is done."
        record(principal, "setup.withdraw", text, cluster=cluster, subject=Subject.of(cluster))
