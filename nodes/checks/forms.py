"""The small forms of checks, attestations, registration keys, features and the cluster log's filter."""

from __future__ import annotations

from django import forms

from nodes.checks.services.attestations import VALUES, Word
from nodes.enums import AttestedSubject
from nodes.secret import Secret
from nodes.web.forms import ConsoleForm, picks

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
