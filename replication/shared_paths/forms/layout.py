"""The form of shared paths."""

from __future__ import annotations

from collections.abc import Sequence

from django import forms
from django.forms import BoundField
from django.http import QueryDict

from nodes.enums import PathMode
from nodes.platforms.unc import LONGEST
from nodes.products.profile import FolderRule
from nodes.shares.core.draft import PathsChange, field_of
from nodes.shares.core.layout import Layout, default_name, shared_folders
from nodes.web.forms import ChoiceCards
from nodes.web.versioned_form import VersionedForm

_MEANINGS = {
    PathMode.COMMON.value: "All folders lie in one share, each under its usual name.",
    PathMode.INDIVIDUAL.value: "Every folder has a path of its own, for example on two file servers.",
    "": "The portal sets no paths; each server keeps its folders where it has them.",
}


class _PathInput(forms.TextInput):
    """A path, which no browser corrects; what is wrong with it stands in a place that is always there."""

    def __init__(self, name: str, example: str) -> None:
        described = f"live-{name}"
        attrs = {"autocomplete": "off", "spellcheck": "false", "placeholder": example, "aria-describedby": described}
        super().__init__({"class": "path", **attrs})


class PathsForm(VersionedForm):
    """One common share, or each folder's path by itself. A folder without a path of its own begins with where it lies
    on the common share."""

    mode = forms.ChoiceField(
        required=False,
        label="The folders that all servers share lie in",
        choices=[*PathMode.choices, ("", "No shared paths")],
        widget=ChoiceCards(_MEANINGS),
    )
    common = forms.CharField(
        required=False, max_length=LONGEST, label="Common share", widget=_PathInput("common", r"\\server\share")
    )

    def __init__(
        self, data: QueryDict | None = None, *, version: int, layout: Layout, rules: Sequence[FolderRule]
    ) -> None:
        initial = {"mode": layout.mode, "common": str(layout.common or "")}
        super().__init__(data, version=version, initial=initial)
        self._roles: dict[str, str] = {}
        for rule in shared_folders(rules, routing=False):
            self._add(rule, str(layout.own.get(rule.role) or layout.path_of(rule.role, default_name(rule)) or ""))

    def _add(self, rule: FolderRule, path: str) -> None:
        """A field for a folder's own path."""
        name = field_of(rule.role)
        field = forms.CharField(required=False, max_length=LONGEST, label=rule.label, show_hidden_initial=True)
        field.widget = _PathInput(name, rf"\\server\share\{default_name(rule)}")
        self.fields[name], self.initial[name], self._roles[name] = field, path, rule.role

    def own_paths(self) -> list[BoundField]:
        """The fields of single folders."""
        return [self[name] for name in self._roles]

    def path_fields(self) -> list[BoundField]:
        """All fields that hold a path."""
        return [self["common"], *self.own_paths()]

    def change(self) -> PathsChange:
        """What was typed, as far as it belongs to the mode that was chosen: what does not is not seen."""
        data = self.cleaned_data
        if data["mode"] == PathMode.COMMON:
            return PathsChange(PathMode.COMMON, common=data["common"])
        if data["mode"] == PathMode.INDIVIDUAL:
            return PathsChange(PathMode.INDIVIDUAL, own={role: data[name] for name, role in self._roles.items()})
        return PathsChange("")
