"""The filter of the cluster log."""

from __future__ import annotations

from django import forms

from nodes.cluster_log.selectors import LogQuery
from nodes.enums import LogLevel
from nodes.web.forms import ConsoleForm


class LogForm(ConsoleForm):
    """What the cluster log is narrowed by."""

    level = forms.ChoiceField(required=False, choices=[("", "All levels"), *LogLevel.choices])
    node = forms.CharField(required=False, max_length=63, label="Node")
    search = forms.CharField(required=False, max_length=100, label="Text or code")
    after = forms.IntegerField(required=False, min_value=0, max_value=2**62, widget=forms.HiddenInput)

    def query(self) -> LogQuery:
        """What was typed; a field that makes no sense does not narrow."""
        values = self.cleaned_data if self.is_valid() else {}
        level = values.get("level") or ""
        return LogQuery(
            after=values.get("after") or 0,
            levels=(level,) if level else (),
            node=values.get("node") or "",
            search=values.get("search") or "",
        )
