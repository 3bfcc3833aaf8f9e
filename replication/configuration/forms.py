"""The form that asks for a replication."""

from __future__ import annotations

from typing import Any

from django import forms

from replication.configuration.core.configuration import DEEP
from replication.jobs.forms import RequestForm


class ReplicateForm(RequestForm):
    """A replication, and whether it hashes every file anew."""

    presets = (DEEP,)

    deep = forms.BooleanField(
        required=False,
        label="Hash every file anew",
        help_text="On the primary and on each secondary, also where size and times are as last known: finds what hides "
        "behind them, and takes longer. With “Plan only” it says what it found and changes nothing.",
    )

    field_order = ("kind", "way", "deep")

    def options(self) -> dict[str, Any]:
        """The options of the job."""
        return {DEEP: True} if self.cleaned_data["deep"] else {}
