"""The small forms of checks, attestations, registration keys, features and the cluster log's filter."""

from __future__ import annotations

from django import forms

from nodes.enums import AttestedSubject, LogLevel
from nodes.forms.base import ConsoleForm, picks
from nodes.secret import Secret
from nodes.selectors.guards import LogQuery
from nodes.services.attestations import VALUES, Word
from nodes.services.features import FeaturePlace

SAID = {
    f"{subject}:{value}": f"{AttestedSubject(subject).label}: {value}"
    for subject, values in VALUES.items()
    for value in values
}


class AttestForm(ConsoleForm):
    """What a person saw on the server."""

    said = forms.ChoiceField(label="I have seen on the server", choices=picks(SAID.items()))
    note = forms.CharField(max_length=200, required=False, label="Note")

    def word(self) -> Word:
        """What was chosen."""
        subject, _, value = self.cleaned_data["said"].partition(":")
        return Word(subject, value, self.cleaned_data["note"])


class RegistrationForm(ConsoleForm):
    """A registration key, on its way in only."""

    registration_key = forms.CharField(
        max_length=200,
        label="Registration key",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
        help_text="The key, or at least its last 4 characters. Only a sealed digest is kept, to compare nodes.",
    )

    def key(self) -> Secret:
        """What was typed."""
        return Secret(self.cleaned_data["registration_key"])


class NoteForm(ConsoleForm):
    """A remark on a step."""

    note = forms.CharField(max_length=200, required=False, label="Note")


class FeatureForm(ConsoleForm):
    """Where a switch is."""

    path = forms.CharField(max_length=400, label="File", initial="App/MDaemon.ini")
    section = forms.CharField(max_length=200, help_text="* for every section")
    key = forms.CharField(max_length=200)
    off = forms.CharField(max_length=100, label="Value that switches it off")

    def place(self, feature: str) -> FeaturePlace:
        """What was typed."""
        return FeaturePlace(feature=feature, **self.cleaned_data)


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
