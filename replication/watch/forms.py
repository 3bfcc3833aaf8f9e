"""The watch's settings as a form."""

from __future__ import annotations

from django import forms

from nodes.web.forms import ConsoleForm
from replication.watch.services import LONGEST, SHORTEST, WatchChange


class WatchForm(ConsoleForm):
    """Whether the primary is watched, and how often it is looked at."""

    enabled = forms.BooleanField(required=False, label="Watch the primary")
    interval = forms.FloatField(
        required=False,
        min_value=SHORTEST,
        max_value=LONGEST,
        label="Seconds between two looks",
        help_text="Empty: the profile's.",
    )

    def change(self) -> WatchChange:
        """What was asked for."""
        return WatchChange(enabled=self.cleaned_data["enabled"], interval=self.cleaned_data["interval"])
