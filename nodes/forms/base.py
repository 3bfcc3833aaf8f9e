"""What all forms of the console share: refusals of a service end up beside the field they are about."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError

from accounts.errors import Conflict

Result = TypeVar("Result")


class ConsoleForm(forms.Form):
    """A form that a service may refuse."""

    def refuse(self, error: ValidationError) -> None:
        """Show a service's complaints; those about something the form does not ask stand above the fields."""
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        for field, complaints in error.error_dict.items():
            known = field in self.fields or field == NON_FIELD_ERRORS
            self.add_error(field if known and field != NON_FIELD_ERRORS else None, complaints)

    def attempt(self, act: Callable[[], Result]) -> Result | None:
        """What `act` answers if the form is valid and the service does not refuse; else None, with the errors shown."""
        if not self.is_valid():
            return None
        try:
            return act()
        except ValidationError as error:
            self.refuse(error)
        except Conflict as error:
            self.meet(error)
        return None

    def meet(self, error: Conflict) -> None:
        """Show why the present state stands against it, above the fields."""
        self.add_error(None, error.detail)


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


class ConfirmName(ConsoleForm):
    """A dangerous act asks for the name of what it is done to."""

    typed = forms.CharField(label="Type the name to confirm", widget=forms.TextInput(attrs={"autocomplete": "off"}))

    def __init__(self, *args: Any, name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.name = name
        self.fields["typed"].help_text = f"The name is: {name}"

    def clean_typed(self) -> str:
        """The name, exactly."""
        typed = str(self.cleaned_data["typed"]).strip()
        if typed != self.name:
            raise ValidationError(f"This is not the name. Type {self.name} to confirm.", code="mismatch")
        return typed


class ReasonForm(ConsoleForm):
    """Why, for the others who read it later."""

    reason = forms.CharField(
        required=False, max_length=200, label="Reason", help_text="Shown to everybody beside the act."
    )


def picks(choices: Iterable[tuple[str, str]], prompt: str = "Choose") -> list[tuple[str, str]]:
    """Choices of a select that begins with nothing chosen."""
    return [("", f"{prompt} …"), *choices]
