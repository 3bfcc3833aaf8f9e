"""Forms of this room: requesting a job, overriding brakes, stopping all writes."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any

from django import forms

from nodes.clusters.models import Cluster
from nodes.enums import NodeRole
from nodes.registry.models import Node
from nodes.web.forms import ChoiceCards, ConsoleForm
from replication.jobs.kinds import Slot, offers_in
from replication.jobs.services.requests import JobRequest

WAYS = {
    "dry": "Looks at the primary and every node and shows what it would do. Changes nothing.",
    "real": "Plans, asks for approval where the cluster wants it, then brings every node there and proves it.",
}


class RequestForm(ConsoleForm):
    """Which kind of job, for which nodes, plan only or for real. The hidden key makes sending it twice harmless.
    `presets`: fields of a kind's own form that a link to the page may fill in."""

    presets: tuple[str, ...] = ()

    kind = forms.ChoiceField(label="Kind")
    way = forms.ChoiceField(
        label="How far", choices=[("dry", "Plan only"), ("real", "Plan and do it")], widget=ChoiceCards(WAYS)
    )
    nodes = forms.ModelMultipleChoiceField(
        queryset=Node.objects.none(),
        required=False,
        label="Only these nodes",
        widget=forms.CheckboxSelectMultiple,
        help_text="None chosen: all secondaries.",
    )
    reason = forms.CharField(max_length=300, required=False, label="Reason", help_text="Shown with the job.")
    key = forms.CharField(max_length=100, widget=forms.HiddenInput)

    def __init__(self, *args: Any, cluster: Cluster, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cluster = cluster
        offered = [(kind.word, kind.label) for kind, _ in offers_in(Slot.REQUEST, cluster)]
        self.fields["kind"].choices = offered  # type: ignore[attr-defined]
        self.fields["nodes"].queryset = cluster.nodes.filter(role=NodeRole.SECONDARY)  # type: ignore[attr-defined]
        self.fields["key"].initial = uuid.uuid4().hex

    def options(self) -> dict[str, Any]:
        """The options of the job. A kind that has some asks for them with a form of its own (`Kind.form`)."""
        return {}

    def job_request(self) -> JobRequest:
        """What was asked for."""
        data = self.cleaned_data
        return JobRequest(
            cluster_id=self.cluster.pk,
            kind=data["kind"],
            options=self.options(),
            dry_run=data["way"] == "dry",
            reason=data["reason"],
            node_ids=tuple(node.pk for node in data["nodes"]),
            idempotency_key=data["key"],
        )


class OverrideForm(ConsoleForm):
    """Which brakes to override for an hour, and why that is right."""

    codes = forms.MultipleChoiceField(label="Brakes to override", widget=forms.CheckboxSelectMultiple)
    reason = forms.CharField(max_length=300, label="Why it is right to go on", help_text="Kept in the audit log.")

    def __init__(self, *args: Any, codes: Sequence[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["codes"].choices = list(codes)  # type: ignore[attr-defined]


class StopForm(ConsoleForm):
    """Why all writes stop."""

    reason = forms.CharField(max_length=200, label="Reason", help_text="Shown to everybody on every page.")


class AllowForm(ConsoleForm):
    """Why writes are allowed again."""

    reason = forms.CharField(max_length=200, required=False, label="Reason")
