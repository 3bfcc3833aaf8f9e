"""What a service refused, on a page: as a message above it, or beside the fields of its form."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.core.exceptions import NON_FIELD_ERRORS, ValidationError
from django.http import HttpRequest

from accounts.errors import Refused

Result = TypeVar("Result")


def in_words(error: Exception) -> str:
    """What a person reads of a refusal, in one paragraph."""
    return " ".join(error.messages) if isinstance(error, ValidationError) else str(error)


@contextmanager
def refusals_as_messages(request: HttpRequest, *others: type[Exception]) -> Iterator[None]:
    """What a service refuses in the block ends it, and is said on the next page; `others`: what else is said so."""
    said: tuple[type[Exception], ...] = (ValidationError, Refused, *others)
    try:
        yield
    except said as error:
        messages.error(request, in_words(error))


class ConsoleForm(forms.Form):
    """A form that a service may refuse."""

    def attempt(self, act: Callable[[], Result]) -> Result | None:
        """What `act` answers if the form is valid and the service does not refuse; else None, with the errors shown."""
        if not self.is_valid():
            return None
        try:
            return act()
        except (ValidationError, Refused) as error:
            self.refuse(error)
        return None

    def refuse(self, error: ValidationError | Refused) -> None:
        """Show why a service did not do it; what is about something the form does not ask stands above the fields."""
        if not isinstance(error, ValidationError):
            self.add_error(None, error.detail)
            return
        if not hasattr(error, "error_dict"):
            self.add_error(None, error)
            return
        for field, complaints in error.error_dict.items():
            known = field in self.fields and field != NON_FIELD_ERRORS
            self.add_error(field if known else None, complaints)


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
