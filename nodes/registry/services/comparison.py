"""What was found out of a secondary's configuration against the primary's."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Case, F, Value, When
from django.utils import timezone

from nodes.leases.transactions import write_transaction
from nodes.registry.models import Node


def note_behind(counts: Mapping[int, int]) -> None:
    """By node, how many files of the primary it is not proven to hold. `behind_since` begins where there were none;
    nothing is written where nothing changes."""
    _note("behind", counts)


def note_seen_behind(counts: Mapping[int, tuple[int, int]]) -> None:
    """The same by what was read before (first) and what was seen since (second): where the number is another one
    meanwhile, somebody knows better."""
    now = timezone.now()
    if counts:
        with write_transaction():
            for pk, (before, count) in counts.items():
                columns = _columns("behind", count, now)
                Node.objects.filter(pk=pk, behind=before).update(compared_at=now, **columns)


def note_looked(counts: Mapping[int, int]) -> None:
    """`note_edited` after a look at the nodes themselves, which is noted for each."""
    if counts:
        with write_transaction():
            note_edited(counts)
            Node.objects.filter(pk__in=counts).update(compared_at=timezone.now())


def note_edited(counts: Mapping[int, int]) -> None:
    """By node, how many of its files others than the portal changed; as `note_behind` does."""
    _note("edited", counts)


def note_incomplete(texts: Mapping[int, str]) -> None:
    """By node, what its replication could not handle; "" where it handled all. Nothing is written where nothing
    changes."""
    known = Node.objects.filter(pk__in=texts).values_list("pk", "incomplete")
    changed = {pk: text for pk, before in known if (text := texts[pk][:300]) != before}
    if not changed:
        return
    with write_transaction():
        for pk, text in changed.items():
            Node.objects.filter(pk=pk).update(incomplete=text)


def _note(column: str, counts: Mapping[int, int]) -> None:
    known = Node.objects.filter(pk__in=counts).values_list("pk", column, "compared_at")
    changed = {pk: counts[pk] for pk, before, compared_at in known if before != counts[pk] or compared_at is None}
    if not changed:
        return
    now = timezone.now()
    with write_transaction():
        for pk, count in changed.items():
            Node.objects.filter(pk=pk).update(compared_at=now, **_columns(column, count, now))


def _columns(column: str, count: int, now: datetime) -> dict[str, Any]:
    since = Case(When(**{column: 0}, then=Value(now)), default=F(f"{column}_since")) if count else None
    return {column: count, f"{column}_since": since}


def forget_comparison(node_id: int) -> None:
    """Nothing is known of it any more: it joins anew, or has left."""
    nothing = {"behind": 0, "behind_since": None, "edited": 0, "edited_since": None, "compared_at": None}
    Node.objects.filter(pk=node_id).update(**nothing, incomplete="")
