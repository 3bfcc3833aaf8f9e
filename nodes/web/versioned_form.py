"""Forms over a row that others may change while the page stands open: what they changed is never overwritten unseen."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import QueryDict

from accounts.errors import Refused, Stale
from nodes.web.forms import ConsoleForm


class VersionedForm(ConsoleForm):
    """A form that sends back which version of its row it was drawn from, and what its fields held then.

    Where the row has another version when the form arrives, nothing is saved. The form is shown again with what was
    changed meanwhile: fields the person had not touched hold the present value, the others what was typed. Sending it
    again then is done knowingly.
    """

    seen_version = forms.IntegerField(min_value=1, widget=forms.HiddenInput)

    def __init__(
        self, data: QueryDict | None = None, *, version: int, initial: Mapping[str, Any], **kwargs: Any
    ) -> None:
        """`version` and `initial`: of the row as it is now."""
        super().__init__(data, initial={**initial, "seen_version": version}, **kwargs)
        for name in initial:
            self.fields[name].show_hidden_initial = True

    def version(self) -> int:
        """The row's version as the person saw it."""
        return int(self.cleaned_data["seen_version"])

    def refuse(self, error: ValidationError | Refused) -> None:
        """Say what was changed meanwhile, where it is that."""
        if not isinstance(error, Stale):
            super().refuse(error)
            return
        changes = list(self._catch_up())
        what = " ".join(changes) or "None of the fields on this page was."
        self.add_error(None, f"Nothing was saved: it was changed meanwhile. {what} Look, then save again.")

    def _catch_up(self) -> Iterator[str]:
        """Bring the form to the row's present state; what differs from what the person saw, in words."""
        data = QueryDict(mutable=True)
        data.update(self.data)
        for name in [name for name, field in self.fields.items() if field.show_hidden_initial]:
            bound = self[name]
            seen, now = data.get(bound.html_initial_name, ""), self._as_sent(self.initial[name])
            if seen == now:
                continue
            yield f"{bound.label} is {self._shown(name, now)} now; you saw {self._shown(name, seen)}."
            data[bound.html_initial_name] = now
            if data.get(bound.html_name, "") == seen:
                data[bound.html_name] = now
        data["seen_version"] = str(self.initial["seen_version"])
        self.data = data

    @staticmethod
    def _as_sent(value: object) -> str:
        return "" if value is None else str(value)

    def _shown(self, name: str, value: str) -> str:
        """A value as the person reads it."""
        choices = dict(getattr(self.fields[name], "choices", ()))
        label = next((str(label) for key, label in choices.items() if str(key) == value), value)
        return f"\u201c{label}\u201d" if label else "empty"
