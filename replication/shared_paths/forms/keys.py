"""The form that names a key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from nodes.web.forms import ConsoleForm, picks
from replication.shared_paths.services.keys import MAX_SWITCH, KeyPlace


class KeyForm(ConsoleForm):
    """Where a folder's place stands in a file."""

    role = forms.ChoiceField(label="Folder")
    path = forms.CharField(max_length=400, label="File", initial="App/MDaemon.ini")
    section = forms.CharField(max_length=200)
    key = forms.CharField(max_length=200)
    on = forms.CharField(
        max_length=MAX_SWITCH, required=False, label="Value for on", help_text="Only for the switch; often Yes"
    )
    off = forms.CharField(
        max_length=MAX_SWITCH, required=False, label="Value for off", help_text="Only for the switch; often No"
    )

    def __init__(self, *args: Any, folders: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = picks(folders)  # type: ignore[attr-defined]

    def place(self) -> KeyPlace:
        """What was named."""
        return KeyPlace(**{name: self.cleaned_data[name] for name in ("role", "path", "section", "key")})

    def values(self) -> dict[str, str]:
        """Those of the switch."""
        return {name: self.cleaned_data[name] for name in ("on", "off")}
