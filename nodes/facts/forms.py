"""The form for a feature's ini key."""

from __future__ import annotations

from django import forms

from nodes.facts.services.features import FeaturePlace
from nodes.web.forms import ConsoleForm


class FeatureForm(ConsoleForm):
    """Where a switch is."""

    path = forms.CharField(max_length=400, label="File", initial="App/MDaemon.ini")
    section = forms.CharField(max_length=200, help_text="* for every section")
    key = forms.CharField(max_length=200)
    off = forms.CharField(max_length=100, label="Value that switches it off")

    def place(self, feature: str) -> FeaturePlace:
        """What was typed."""
        return FeaturePlace(feature=feature, **self.cleaned_data)
