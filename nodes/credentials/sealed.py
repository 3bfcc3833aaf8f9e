"""Everything that is sealed under the master keys, and how it is sealed again when there is a new one.

Sealed columns are found by looking at all models. What is sealed otherwise (inside JSON, by keys derived from the
master keys) is registered by the package that keeps it; a test plants one of everything and looks for what is missing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.apps import apps
from django.db.models import Expression, ExpressionWrapper, F, Field, JSONField, Model, TextField, Value

from nodes.fields import SealedField
from nodes.leases.transactions import write_transaction
from nodes.vault import WrongKey, rotate

AT_ONCE = 100
"""Rows in memory, and in one transaction: others wait for it."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What going through one place came to: how many sealed values it has, how many of them were sealed again under
    the newest key, and how many open with no key. What is in neither number opened with the newest key alone. `why`: a
    sentence on one that does not open, where there is one."""

    place: str
    held: int
    again: int
    closed: int
    why: str = ""


Place = Callable[[], Turn]
"""Goes through everything sealed of one place, in constant memory, and seals again what the newest key does not open.
Where it is ended and begun anew it leaves alone what is done. Raises WrongKey where there is no readable key file."""

_REGISTERED: list[Place] = []


def register_place(place: Place) -> Place:
    """Add what no sealed column shows."""
    _REGISTERED.append(place)
    return place


def places() -> Iterator[Place]:
    """All of them."""
    for model in apps.get_models(include_auto_created=True):
        for column in model._meta.local_fields:
            if isinstance(column, SealedField):
                yield TokenColumn(model, column.attname)
    yield from _REGISTERED


@dataclass(slots=True)
class _Tally:
    held: int = 0
    again: int = 0
    closed: int = 0

    def renewed(self, token: str) -> str:
        """The token as it should be; itself where the newest key opens it, or none does."""
        self.held += 1
        try:
            fresh = rotate(token)
        except WrongKey:
            self.closed += 1
            return token
        self.again += fresh is not None
        return fresh or token

    def renewed_within(self, value: object) -> object:
        """A token, or a list of them."""
        if isinstance(value, list):
            return [self.renewed_within(one) for one in value]
        return self.renewed(value) if isinstance(value, str) else value


@dataclass(frozen=True, slots=True)
class TokenColumn:
    """A column of tokens, or of JSON objects that hold tokens, or lists of them, under these names."""

    model: type[Model]
    column: str
    names: tuple[str, ...] = ()
    _form: Field[Any, Any] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_form", JSONField() if self.names else TextField())

    def __call__(self) -> Turn:
        """Go through it."""
        tally, last = _Tally(), None
        while (last := self._page(last, tally)) is not None:
            pass
        return Turn(f"{self.model._meta.label}.{self.column}", tally.held, tally.again, tally.closed)

    def _page(self, last: object, tally: _Tally) -> object:
        """Seal the next rows again; answers the last one's primary key, None where there were none."""
        rows = self.model._base_manager.exclude(**{f"{self.column}__isnull": True})
        if last is not None:
            rows = rows.filter(pk__gt=last)
        # read and written as it is stored: a sealed column would open it, and seal it anew each time
        stored: Expression = ExpressionWrapper(F(self.column), self._form)
        with write_transaction():
            locked = rows.order_by("pk").select_for_update().annotate(stored=stored)
            page = list(locked.values_list("pk", "stored")[:AT_ONCE])
            for pk, before in page:
                after = self._renewed(before, tally)
                if after != before:
                    self.model._base_manager.filter(pk=pk).update(**{self.column: Value(after, self._form)})
        return page[-1][0] if page else None

    def _renewed(self, stored: Any, tally: _Tally) -> object:
        if not self.names:
            return tally.renewed(stored)
        return {name: tally.renewed_within(value) if name in self.names else value for name, value in stored.items()}
