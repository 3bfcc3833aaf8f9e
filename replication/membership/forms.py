"""The form that confirms a joining."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from nodes.clusters.models import Cluster
from nodes.enums import NodeRole
from nodes.lifecycle.core import JoinCheck
from nodes.registry.forms import NewNodeForm
from nodes.registry.services.nodes import NewNode
from nodes.web.forms import ConfirmName


class JoinConfirmForm(ConfirmName):
    """The server's name, and which failing checks are accepted; those are asked for only where there are any."""

    accept = forms.MultipleChoiceField(
        label="Accept what fails",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="Only where you know better than the portal. Each acceptance is kept in the audit log.",
    )
    field_order = ("accept", "typed")

    def __init__(self, *args: Any, acceptable: Sequence[JoinCheck], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(check.code, f"{check.label}: {check.evidence}") for check in acceptable]
        self.fields["accept"].choices = choices  # type: ignore[attr-defined]
        if not choices:
            del self.fields["accept"]


class JoiningNodeForm(NewNodeForm):
    """A server that shall become a secondary."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["role"]

    def new(self, cluster: Cluster) -> NewNode:
        """What was typed."""
        self.cleaned_data["role"] = NodeRole.SECONDARY
        return super().new(cluster)
