"""The form of multi-node mail routing."""

from __future__ import annotations

from django import forms
from django.http import QueryDict

from nodes.platforms.unc import LONGEST
from nodes.shares.core.draft import RoutingChange
from nodes.shares.models import SharedPaths
from nodes.web.versioned_form import VersionedForm

_PATH = {"class": "path", "autocomplete": "off", "spellcheck": "false", "placeholder": r"\\server\share\Queues"}


class RoutingForm(VersionedForm):
    """Whether nodes shall share their queues, and where."""

    on = forms.BooleanField(required=False, label="Enable multi-node mail routing")
    queues = forms.CharField(
        required=False,
        max_length=LONGEST,
        label="Queues folder",
        help_text="Empty: under its usual name on the common share.",
        widget=forms.TextInput(_PATH),
    )

    def __init__(self, data: QueryDict | None = None, *, row: SharedPaths) -> None:
        super().__init__(data, version=row.version, initial={"on": row.routing, "queues": row.queues})

    def change(self) -> RoutingChange:
        """What was chosen."""
        return RoutingChange(on=self.cleaned_data["on"], queues=self.cleaned_data["queues"])
