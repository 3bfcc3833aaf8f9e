"""Forms of the set-up page."""

from __future__ import annotations

from django import forms

from nodes.web.forms import ConsoleForm


class NoteForm(ConsoleForm):
    """A remark on a step."""

    note = forms.CharField(max_length=200, required=False, label="Note")
