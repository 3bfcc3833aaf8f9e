"""The form that confirms a joining."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from nodes.lifecycle.core import JoinCheck
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
