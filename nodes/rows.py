"""Taking a row for a change: lock it, compare the version the caller saw, note what changed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Protocol, TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404

from accounts.errors import Stale


class Row(Protocol):
    """A row that counts its changes in `version`."""

    pk: Any
    version: Any

    def save(self, *, update_fields: Iterable[str]) -> None:
        """Write these columns."""


AnyModel = TypeVar("AnyModel", bound=Model)
AnyRow = TypeVar("AnyRow", bound=Row)


def take(rows: QuerySet[AnyModel], pk: int, name: str) -> AnyModel:
    """Lock a row; `name` is what people call it. Raises Http404."""
    row = rows.select_for_update().filter(pk=pk).first()
    if row is None:
        raise Http404(f"No such {name}.")
    return row


def compare(row: AnyRow, seen_version: int | None) -> AnyRow:
    """The row, if it is as the caller saw it; None: whatever it is. Raises Stale."""
    if seen_version is not None and row.version != seen_version:
        raise Stale()
    return row


def put(row: Row, values: Mapping[str, object]) -> dict[str, list[object]]:
    """Set and save the columns whose value differs, counting one version; answers column -> [old, new] for the audit
    event. Only for columns that may be shown."""
    changed = {name: [getattr(row, name), value] for name, value in values.items() if getattr(row, name) != value}
    for name, (_, value) in changed.items():
        setattr(row, name, value)
    if changed:
        count(row, *changed)
    return changed


def count(row: Row, *columns: str) -> None:
    """Save these columns and count one version."""
    row.version += 1
    row.save(update_fields=[*columns, "version"])
