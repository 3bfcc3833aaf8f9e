"""What all forms of the console share."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms

from accounts.refusals import ConfirmName, ConsoleForm

__all__ = ["ChoiceCards", "ConfirmName", "ConsoleForm", "ReasonForm", "picks"]


class ChoiceCards(forms.RadioSelect):
    """Radio buttons as cards that say what each choice means. `meanings` maps a value to its sentence."""

    template_name = "components/choice_cards.html"

    def __init__(self, meanings: dict[str, str]) -> None:
        self.meanings = meanings
        super().__init__()

    def create_option(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Django's option with the meaning beside it."""
        option = super().create_option(*args, **kwargs)
        option["meaning"] = self.meanings.get(str(option["value"]), "")
        return option


class ReasonForm(ConsoleForm):
    """Why, for the others who read it later."""

    reason = forms.CharField(
        required=False, max_length=200, label="Reason", help_text="Shown to everybody beside the act."
    )


def picks(choices: Iterable[tuple[str, str]], prompt: str = "Choose") -> list[tuple[str, str]]:
    """Choices of a select that begins with nothing chosen."""
    return [("", f"{prompt} …"), *choices]
