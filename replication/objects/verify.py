"""Reading a whole store: `check` proves every object, `rewrap` brings every key under the newest master key."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from django.db.models import QuerySet

from nodes.leases.transactions import write_transaction
from replication.objects.errors import KeyNotHeld, ObjectDamaged
from replication.objects.models import StoredContent
from replication.objects.rows import AT_ONCE, ContentRows, Sealed, read
from replication.objects.sealing import rewrapped_head


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """How many keys there are, how many of them were wrapped anew, and a sentence on each that does not open."""

    held: int
    objects: int
    damaged: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Checked:
    """How much was read and proven (bytes of content), and a sentence on each damaged object."""

    objects: int
    bytes: int
    damaged: tuple[str, ...]


def check(rows: ContentRows) -> Checked:
    """Read and prove every object; what goes meanwhile is none of the damaged."""
    sizes: list[int] = []
    damaged: list[str] = []
    last = 0
    while names := list(_after(last).values_list("pk", "name")[:AT_ONCE]):
        for _, name in names:
            sealed = bytes(name or b"")
            if (row := read([sealed]).get(sealed)) is None:
                continue
            try:
                sizes.append(_proven_size(rows, row))
            except (ObjectDamaged, KeyNotHeld) as error:
                damaged += [str(error)] if read([row.name]) else []
        last = names[-1][0]
    return Checked(len(sizes), sum(sizes), tuple(damaged))


def rewrap(rows: ContentRows) -> Rewrapped:
    """Wrap every data key under the newest master key; the sealed content stays as it is. Every key is opened."""
    damaged: list[str] = []
    named = rows.names.rewrap()
    held, count = int(named is not None), int(named is True)
    last: int | None = 0
    while last is not None:
        with write_transaction():
            page = list(_after(last).select_for_update()[:AT_ONCE])
            changed = [row for row in page if _rewrapped(rows, row, damaged)]
            held += len(page)
            count += StoredContent.objects.bulk_update(changed, ["head"])
        last = page[-1].pk if page else None
    return Rewrapped(held, count, tuple(damaged))


def _rewrapped(rows: ContentRows, row: StoredContent, damaged: list[str]) -> bool:
    """Give a row its new head; False where it is new already, or cannot be made."""
    name = bytes(row.name or b"")
    try:
        head = rewrapped_head(bytes(row.head), rows.ring, name, what=_label(name))
    except (ObjectDamaged, KeyNotHeld) as error:
        damaged.append(str(error))
        return False
    if head is not None:
        row.head = head
    return head is not None


def _after(pk: int) -> QuerySet[StoredContent]:
    """The next contents that have a name."""
    return StoredContent.objects.filter(pk__gt=pk, name__isnull=False).order_by("pk")


def _label(name: bytes) -> str:
    return name.hex()[:12]


def _proven_size(rows: ContentRows, row: Sealed) -> int:
    digest, size = hashlib.sha256(), 0
    for piece in rows.pieces(row, what=_label(row.name)):
        digest.update(piece)
        size += len(piece)
    if rows.names.name(digest.hexdigest()) != row.name:
        raise ObjectDamaged(_label(row.name), "its content is not what its name says")
    return size
