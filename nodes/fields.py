"""A text column whose value is sealed on its way to the database and opened on its way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import models

from nodes.secret import Secret
from nodes.vault import open_sealed, seal

if TYPE_CHECKING:  # generic for the type checker only; Django's own class takes no parameters
    _TextField = models.TextField[Any, Any]
else:
    _TextField = models.TextField


class SealedField(_TextField):
    """Holds a `Secret` (or None). Reading with a wrong key raises `WrongKey`; it never yields ciphertext as a value."""

    if TYPE_CHECKING:  # what django-stubs goes by
        _pyi_private_set_type: Secret | None  # type: ignore[assignment]
        _pyi_private_get_type: Secret | None  # type: ignore[assignment]

    def from_db_value(self, value: str | None, expression: Any, connection: Any) -> Secret | None:
        """Open what the database holds."""
        return None if value is None else open_sealed(value)

    def to_python(self, value: Any) -> Secret | None:
        """Accept a Secret or text."""
        if value is None or isinstance(value, Secret):
            return value
        return Secret(str(value))

    def get_prep_value(self, value: Any) -> str | None:
        """Seal what goes to the database."""
        secret = self.to_python(value)
        return None if secret is None else seal(secret)
