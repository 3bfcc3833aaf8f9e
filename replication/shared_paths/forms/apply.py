"""The form that asks for shared paths to be written, or for the former ones."""

from __future__ import annotations

from typing import Any

from django import forms

from nodes.clusters.models import Cluster
from nodes.web.forms import ConfirmName
from replication.jobs.services.requests import JobRequest
from replication.shared_paths.core.apply_plans import MOVED, SHARED_PATHS


class ApplyForm(ConfirmName):
    """The cluster's name, and whether what the folders hold lies in its new place."""

    moved = forms.BooleanField(
        required=False,
        label="What the folders hold was moved already",
        help_text="Without this, a folder that is given up and is not empty refuses the job.",
    )
    reason = forms.CharField(required=False, max_length=300, label="Reason", help_text="Shown on the job.")
    field_order = ("moved", "typed", "reason")

    def request(self, cluster: Cluster, to: str) -> JobRequest:
        """What was asked for."""
        data: dict[str, Any] = self.cleaned_data
        options = {"to": to, MOVED: data["moved"]}
        return JobRequest(cluster.pk, SHARED_PATHS, options=options, reason=data["reason"])
