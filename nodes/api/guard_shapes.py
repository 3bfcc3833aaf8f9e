"""What requests and answers about guards, attestations and the cluster log look like."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rest_framework import serializers

from accounts.api.base import Pages
from nodes.api.inputs import SecretText, StrictInput
from nodes.enums import AttestedSubject, LogLevel
from nodes.models.cluster_log import ClusterLogLine
from nodes.models.guard import STANDINGS, Attestation, RegistrationSeal
from nodes.selectors.guards import GuardShown


class FindingOut(serializers.Serializer[object]):
    """What a guard found on one node; `node` is empty for the whole cluster."""

    node = serializers.CharField(read_only=True, allow_blank=True)
    standing = serializers.ChoiceField(STANDINGS, read_only=True)
    evidence = serializers.CharField(read_only=True)
    remedy = serializers.CharField(read_only=True, allow_blank=True)


class GuardOut(serializers.Serializer[GuardShown]):
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
    def of(cls, guards: Sequence[GuardShown], asked: datetime | None = None) -> Any:
        """The answer's content."""
        worst = guards[0].row.state if guards else "unknown"
        return cls({"worst": worst, "facts_requested_at": asked, "checks": guards}).data


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


class FeatureIn(StrictInput):
    """Where a feature's switch is."""

    path = serializers.CharField(max_length=400, help_text="relative to the installation folder")
    section = serializers.CharField(max_length=200, help_text="* for every section of the file")
    key = serializers.CharField(max_length=200)
    off = serializers.CharField(max_length=100, help_text="the value that switches the feature off")


class FeatureOut(serializers.Serializer[object]):
    """A feature, and where its switch is; empty where that is not known."""

    code = serializers.CharField(read_only=True)
    label = serializers.CharField(read_only=True)  # type: ignore[assignment]
    source = serializers.CharField(read_only=True)  # type: ignore[assignment]
    path = serializers.CharField(read_only=True, allow_blank=True)
    section = serializers.CharField(read_only=True, allow_blank=True)
    key = serializers.CharField(read_only=True, allow_blank=True)
    off = serializers.CharField(read_only=True, allow_blank=True)
    note = serializers.CharField(read_only=True, allow_blank=True)


class LogQueryIn(serializers.Serializer[Any]):
    """What the cluster log is narrowed by."""

    after = serializers.IntegerField(min_value=0, max_value=2**62, default=0, help_text="only lines after this id")
    limit = serializers.IntegerField(min_value=1, max_value=Pages.max_page_size, default=Pages.page_size)
    level = serializers.ChoiceField(LogLevel.choices, allow_blank=True, default="")
    node = serializers.CharField(max_length=63, allow_blank=True, default="")
    search = serializers.CharField(max_length=100, allow_blank=True, default="")


class LogLineOut(serializers.ModelSerializer[ClusterLogLine]):
    """A line. `line` is it whole, in the form of MDaemon's own Cluster log."""

    line = serializers.CharField(source="__str__", read_only=True)

    class Meta:
        model = ClusterLogLine
        fields = ["id", "at", "level", "session", "code", "text", "node_name", "line"]
        read_only_fields = fields


class LogPageOut(serializers.Serializer[object]):
    """Lines in their order. `next`: what to give as `after` for the lines that follow; `more`: there are some now."""

    results = LogLineOut(many=True, read_only=True)
    next = serializers.IntegerField(read_only=True)
    more = serializers.BooleanField(read_only=True)

    @classmethod
    def of(cls, rows: Sequence[ClusterLogLine], *, more: bool, after: int) -> Any:
        """The answer's content."""
        return cls({"results": rows, "next": rows[-1].pk if rows else after, "more": more}).data
