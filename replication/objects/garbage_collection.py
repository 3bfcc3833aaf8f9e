"""What takes objects out of a store: purge, the secrets' retention, and the sweep of what nobody needs."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet

from nodes.leases.clock import later
from nodes.leases.transactions import write_transaction
from replication.objects.models import StoredContent
from replication.objects.rows import AT_ONCE, ContentRows, give_up, remove

LEFTOVER_SECONDS = 86_400.0
LEAST_AGE = timedelta(hours=1)
"""What was used later than that always stays, whatever is asked: its user may not have written down yet that it needs
it. Well above the time (FRESH_SECONDS) within which a second use leaves no mark."""


@dataclass(frozen=True, slots=True)
class Removed:
    """What was (or, in a dry run, would be) removed; bytes of content."""

    objects: int
    bytes: int


def purge(rows: ContentRows, ids: Iterable[str]) -> int:
    """Remove objects at once; answer how many were there."""
    names = [rows.names.name(id_) for id_ in ids]
    named = StoredContent.objects.filter(name__isnull=False)
    starts = range(0, len(names), AT_ONCE)
    return sum(len(_removed(named.filter(name__in=names[start : start + AT_ONCE]))) for start in starts)


def purge_secret(
    rows: ContentRows, older_than: timedelta, *, keep: Collection[str], most: int | None, dry_run: bool
) -> Removed:
    """Remove what is secret, was not used for so long and is not among `keep`; stop once `most` went."""
    kept = {rows.names.name(id_) for id_ in keep}
    return _remove_old(_old(older_than).filter(secret=True), kept, most, dry_run=dry_run)


def sweep(
    rows: ContentRows, live_ids: Iterable[str], older_than: timedelta, *, most: int | None, dry_run: bool
) -> Removed:
    """Remove what is neither live nor young, stop once `most` went, and remove what was given up or never ended."""
    live = {rows.names.name(id_) for id_ in live_ids}
    removed = _remove_old(_old(older_than), live, most, dry_run=dry_run)
    if not dry_run:
        left = StoredContent.objects.filter(name__isnull=True, used_at__lt=later(-LEFTOVER_SECONDS))
        remove(list(left.values_list("pk", flat=True)))
    return removed


def _old(older_than: timedelta) -> QuerySet[StoredContent]:
    age = max(older_than, LEAST_AGE)
    return StoredContent.objects.filter(name__isnull=False, used_at__lte=later(-age.total_seconds()))


def _remove_old(old: QuerySet[StoredContent], kept: Collection[bytes], most: int | None, *, dry_run: bool) -> Removed:
    objects = size = 0
    for page in _pages(old):
        doomed = {pk: bytes_ for pk, name, bytes_ in page if bytes(name or b"") not in kept}
        if most is not None:
            doomed = dict(list(doomed.items())[: most - objects])
        gone = doomed if dry_run else _removed(old.filter(pk__in=doomed))
        objects += len(gone)
        size += sum(doomed[pk] for pk in gone)
        if objects == most:
            break
    return Removed(objects, size)


def _pages(rows: QuerySet[StoredContent]) -> Iterator[Sequence[tuple[int, bytes | memoryview | None, int]]]:
    last = 0
    while page := list(rows.filter(pk__gt=last).order_by("pk").values_list("pk", "name", "size")[:AT_ONCE]):
        yield page
        last = page[-1][0]


def _removed(rows: QuerySet[StoredContent]) -> Sequence[int]:
    """Remove those of them that are still so: who used one since has it. Answers which went."""
    with write_transaction():
        gone = list(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
        give_up(gone)
    remove(gone)
    return gone
