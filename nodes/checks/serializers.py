"""What requests and answers about checks, attestations and the cluster log look like."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rest_framework import serializers

from nodes.checks.models import STANDINGS, Attestation, RegistrationSeal
from nodes.checks.selectors.checks import CheckShown
from nodes.enums import AttestedSubject
from nodes.web.serializers import SecretText, StrictInput


class FindingOut(serializers.Serializer[object]):
    """What a guard found on one node; `node` is empty for the whole cluster."""

    node = serializers.CharField(read_only=True, allow_blank=True)
    standing = serializers.ChoiceField(STANDINGS, read_only=True)
    evidence = serializers.CharField(read_only=True)
    remedy = serializers.CharField(read_only=True, allow_blank=True)


class GuardOut(serializers.Serializer[CheckShown]):
    """One guard."""

    code = serializers.CharField(source="row.code", read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    rule = serializers.CharField(read_only=True)
    state = serializers.ChoiceField(STANDINGS, source="row.state", read_only=True)
    evidence = serializers.CharField(source="row.evidence", read_only=True)
    remedy = serializers.CharField(source="row.remedy", read_only=True, allow_blank=True)
    since = serializers.DateTimeField(source="row.since", read_only=True)
    checked_at = serializers.DateTimeField(source="row.checked_at", read_only=True)
    findings = FindingOut(source="row.findings", many=True, read_only=True)


class ChecksOut(serializers.Serializer[object]):
    """A cluster's guards, the worst first. `facts_requested_at`: from when on facts are being read, null where they are
    not."""

    worst = serializers.ChoiceField(STANDINGS, read_only=True)
    facts_requested_at = serializers.DateTimeField(read_only=True, allow_null=True)
    checks = GuardOut(many=True, read_only=True)

    @classmethod
    def of(cls, checks: Sequence[CheckShown], asked: datetime | None = None) -> Any:
        """The answer's content."""
        worst = checks[0].row.state if checks else "unknown"
        return cls({"worst": worst, "facts_requested_at": asked, "checks": checks}).data


class ServiceAccountOut(serializers.Serializer[object]):
    """A service of the mail server, and the account it runs under."""

    service = serializers.CharField(read_only=True, help_text="as Windows shows it")
    name = serializers.CharField(read_only=True, help_text="as commands name it")
    account = serializers.CharField(read_only=True)
    network = serializers.CharField(read_only=True, help_text="what the account is to other machines, a sentence")
    is_user = serializers.BooleanField(read_only=True, help_text="whether a file server could let it in by name")


class FolderReachedOut(serializers.Serializer[object]):
    """A shared folder, as the account of a node's services."""

    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    path = serializers.CharField(read_only=True)
    reached = serializers.BooleanField(read_only=True, allow_null=True, help_text="null: not known, `why` says why")
    why = serializers.CharField(read_only=True, allow_blank=True)


class NodeAccountsOut(serializers.Serializer[object]):
    """A node's services and what they reach; `finding` is what the check says of them."""

    node = serializers.CharField(read_only=True)
    services = ServiceAccountOut(many=True, read_only=True)
    folders = FolderReachedOut(many=True, read_only=True)
    finding = FindingOut(read_only=True)


class AttestationIn(StrictInput):
    """What a person says of a node."""

    subject = serializers.ChoiceField(AttestedSubject.choices)
    value = serializers.CharField(
        max_length=20, help_text="cluster_service: on, off; part: primary, secondary; service_account: yes, no"
    )
    note = serializers.CharField(max_length=200, allow_blank=True, default="")


class AttestationOut(serializers.ModelSerializer[Attestation]):
    """What was said, by whom and when."""

    class Meta:
        model = Attestation
        fields = ["subject", "value", "note", "by", "at"]
        read_only_fields = fields


class RegistrationIn(StrictInput):
    """A registration key."""

    registration_key = SecretText(max_length=200, help_text="the key, or at least its last 4 characters")


class RegistrationOut(serializers.Serializer[object]):
    """Whether a key was entered; never the key."""

    entered = serializers.BooleanField(read_only=True)
    by = serializers.CharField(read_only=True, allow_blank=True)
    at = serializers.DateTimeField(read_only=True, allow_null=True)

    @classmethod
    def of(cls, row: RegistrationSeal | None) -> Any:
        """The answer's content."""
        return cls({"entered": row is not None, "by": row.by if row else "", "at": row.at if row else None}).data
