"""The rows of contents: found and used, written, read, given up. The part of the store that all others share.

What is used is marked as young, by rows that are locked in one order; what is removed loses its name first, by an
UPDATE that asks for its age once more. So whoever comes first wins, and the other sees it.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import DatabaseError, IntegrityError, connection
from django.db.models import Expression, Max

from nodes.leases.clock import later, now
from nodes.leases.transactions import write_transaction
from replication.objects.errors import KeyNotHeld, ObjectDamaged, ObjectLost, ObjectMissing
from replication.objects.keys import KeyRing, Masters, Names
from replication.objects.models import ContentPart, StoredContent
from replication.objects.sealing import Opener, Sealer, StoredObject, part_count
from replication.objects.told import Told

_LOG = logging.getLogger(__name__)

FRESH_SECONDS = 600
"""A content that is used again is marked as young at most this often."""
AT_ONCE = 500
"""Contents asked for, or written, at once: others wait for a transaction, and renew leases by it."""
PARTS_AT_ONCE = 4
"""Parts of a stream written in one transaction."""
READ_AT_ONCE, READ_BYTES = 100, 1024 * 1024
"""Contents read by one query, and bytes of content that they have."""
GONE_AT_ONCE = 100
"""Contents removed at once, a part of each in one transaction."""

Blocks = Iterable[tuple[bytes, bool]]
"""Pieces of a content as `sealing.blocks` makes them."""


@dataclass(frozen=True, slots=True)
class Put:
    """A content of one part that is to be stored."""

    data: bytes
    secret: bool


@dataclass(frozen=True, slots=True)
class Found:
    """A content's row. `young`: it was marked as used a short while ago."""

    pk: int
    name: bytes
    head: bytes
    secret: bool
    young: bool


@dataclass(frozen=True, slots=True)
class Sealed:
    """A content as it is stored, with its first part (None: it is not there). `size`: bytes of content."""

    pk: int
    name: bytes
    head: bytes
    size: int
    first: bytes | None


class ContentRows:
    """The contents of the store and the keys to them."""

    def __init__(self, masters: Masters) -> None:
        self.ring = KeyRing(masters)
        self.names = Names(self.ring)
        self._found, self._read = Told(), Told()

    # --- used ---

    def use(self, wanted: Mapping[bytes, bool], *, replace: bool = False) -> set[bytes]:
        """Which of these names, each with whether its content is secret, are held. They are young from now on, so that
        no sweep takes them, and secret no longer where they are put as not secret. What does not open is not held;
        `replace`: and gives its name up. Raises KeyNotHeld where the key file is another one."""
        found = _found(wanted)
        open_ = {one for one in found if self._opens(one)}
        if replace and (dead := [one.pk for one in found if one not in open_]):
            give_up(dead)
        told = {one for one in open_ if not one.young or (one.secret and not wanted[one.name])}
        return {one.name for one in open_ - told} | _told(told, wanted)

    def has(self, id_: str) -> bool:
        """Whether it is held; if so it is used."""
        return bool(self.use({self.names.name(id_): True}))

    def lacks(self, ids: Iterable[str], *, trusted_seconds: float = 0.0) -> set[str]:
        """Those of these contents that are not held, or do not open. Nothing is marked as used. `trusted_seconds`: what
        this process found held so lately is not asked about again."""
        missing = set[str]()
        for some in _some_at_once(self._found.untold(ids, trusted_seconds)):
            with self._found.turn():
                missing |= self._missing(self._found.untold(some, trusted_seconds))
        return missing

    def _missing(self, ids: Sequence[str]) -> set[str]:
        missing = {self.names.name(id_): id_ for id_ in ids}
        for one in _found(missing):
            if self._opens(one):
                self._found.tell(missing.pop(one.name))
        for id_ in missing.values():
            self._found.forget(id_)
        return set(missing.values())

    def whole(self, ids: Iterable[str], *, trusted_seconds: float, progress: Callable[[int], None]) -> set[str]:
        """Those of these contents that are held, every byte of them; they are used. `trusted_seconds`: what this
        process read to its end so lately is only asked for, not read again; `progress`: told the bytes read."""
        names = {self.names.name(id_): id_ for id_ in set(ids)}
        held = {names[name] for some in _some_at_once(list(names)) for name in self.use(dict.fromkeys(some, True))}
        broken = set[str]()
        for some in _some_at_once(self._read.untold(held, trusted_seconds)):
            sizes = self._sizes(some)
            for together in _together((id_, sizes.get(id_, 0)) for id_ in some):
                with self._read.turn(progress):
                    unread = self._read.untold(together, trusted_seconds)
                    broken |= self._broken([(id_, sizes.get(id_, 0)) for id_ in unread], progress)
        return held - broken

    def _broken(self, sizes: Sequence[tuple[str, int]], progress: Callable[[int], None]) -> set[str]:
        """Those of these contents that cannot be read to their end."""
        broken = set()
        for (id_, _), pieces in zip(sizes, self.contents(sizes), strict=True):
            try:
                for piece in pieces:
                    progress(len(piece))
                self._read.tell(id_)
            except ObjectLost:
                broken.add(id_)
        return broken

    def _sizes(self, ids: Sequence[str]) -> dict[str, int]:
        names = {self.names.name(id_): id_ for id_ in ids}
        rows = StoredContent.objects.filter(name__in=list(names)).values_list("name", "size")
        return {names[bytes(name or b"")]: size for name, size in rows}

    def _opens(self, one: Found) -> bool:
        try:
            Opener(one.head, self.ring, one.name, what=one.name.hex()[:12])
        except KeyNotHeld:
            self.names.prove()
            return False
        except ObjectDamaged:
            return False
        return True

    # --- written ---

    def write(self, puts: Mapping[bytes, Put]) -> None:
        """Store contents of one part, by their names, in one transaction. What is held, and opens, is only used."""
        while puts:
            held = self.use({name: put.secret for name, put in puts.items()}, replace=True)
            proven = self._proven({name: puts[name] for name in held})
            if held != proven:
                give_up(StoredContent.objects.filter(name__in=held - proven).values_list("pk", flat=True))
            puts = self._insert({name: put for name, put in sorted(puts.items()) if name not in proven})

    def _proven(self, held: Mapping[bytes, Put]) -> set[bytes]:
        """Which of these names really hold what is put: whoever puts it may be the last who has it."""
        parts = ContentPart.objects.filter(content__name__in=list(held), number=0)
        proven = set()
        for found, head, data in parts.values_list("content__name", "content__head", "data"):
            name = bytes(found or b"")
            with suppress(ObjectDamaged):
                opener = Opener(bytes(head), self.ring, name, what=name.hex()[:12])
                if opener.part(0, bytes(data), final=True) == held[name].data:
                    proven.add(name)
        return proven

    def _insert(self, puts: Mapping[bytes, Put]) -> dict[bytes, Put]:
        """Answers those that another inserted at the same moment."""
        if not puts:
            return {}
        # sealed before anybody has to wait for it
        contents, parts = [], []
        for name, put in puts.items():
            sealer = Sealer()
            data, head = sealer.part(put.data, final=True), sealer.head(self.ring, name)
            contents.append((name, head, len(put.data), put.secret))
            parts.append((data, name, head))
        with write_transaction(), connection.cursor() as cursor:
            cursor.executemany(_into_contents(), contents)
            cursor.executemany(_INTO_PARTS, parts)
            if cursor.rowcount == len(puts):
                return {}
            heads = {head for _, head, _, _ in contents}
            stored = StoredContent.objects.filter(name__in=list(puts)).values_list("name", "head")
            ours = {bytes(name or b"") for name, head in stored if bytes(head) in heads}
        return {name: put for name, put in puts.items() if name not in ours}

    def write_stream(self, pieces: Blocks, *, secret: bool) -> StoredObject:
        """Store a content of any size, in constant memory, durably when this returns. What `pieces` raises passes, and
        nothing is left."""
        row = StoredContent.objects.create(secret=secret, used_at=now())
        try:
            sealer, stored = _write_parts(row.pk, pieces)
            self._give_name(row.pk, sealer, stored, secret=secret)
        except BaseException:
            with suppress(DatabaseError):  # then a sweep takes it
                remove([row.pk])
            raise
        return stored

    def _give_name(self, pk: int, sealer: Sealer, stored: StoredObject, *, secret: bool) -> None:
        name = self.names.name(stored.id)
        columns = {"name": name, "head": sealer.head(self.ring, name), "size": stored.size, "used_at": now()}
        while not (self.use({name: secret}, replace=True) and self._is_whole(stored.id)):
            with suppress(IntegrityError), write_transaction():  # another gave the name at the same moment
                if not StoredContent.objects.filter(pk=pk).update(**columns):
                    raise ObjectMissing(stored.id)
                return
        remove([pk])

    def _is_whole(self, id_: str) -> bool:
        try:
            for _ in self.content(id_):
                pass
        except ObjectLost:
            return False
        return True

    # --- read ---

    def contents(self, sizes: Iterable[tuple[str, int]]) -> Iterator[Iterator[bytes]]:
        """Each of these contents in turn, as `content`; `sizes`: ids and bytes. Small ones are read together."""
        for together in _together(sizes):
            rows = read([self.names.name(id_) for id_ in together])
            for id_ in together:
                yield self._pieces_of(id_, rows.get(self.names.name(id_)))

    def content(self, id_: str) -> Iterator[bytes]:
        """A content in proven pieces. Raises ObjectMissing, ObjectDamaged; what was found damaged gives its name up, so
        that the same content can be put again."""
        name = self.names.name(id_)
        yield from self._pieces_of(id_, read([name]).get(name))

    def _pieces_of(self, id_: str, row: Sealed | None) -> Iterator[bytes]:
        if row is None:
            self._forget(id_)
            raise ObjectMissing(id_)
        digest = hashlib.sha256()
        try:
            for piece in self.pieces(row, what=id_[:12]):
                digest.update(piece)
                yield piece
            if digest.hexdigest() != id_:
                raise ObjectDamaged(id_[:12], "its content is not what its id says")
        except ObjectDamaged as error:
            self._forget(id_)
            if not give_up([row.pk]):
                raise ObjectMissing(id_) from error  # it went while it was read
            _LOG.error("%s It is dropped, so that the same content can be put again.", error)
            raise

    def _forget(self, id_: str) -> None:
        self._found.forget(id_)
        self._read.forget(id_)

    def pieces(self, row: Sealed, *, what: str) -> Iterator[bytes]:
        """The content of a row. Raises ObjectDamaged."""
        opener = Opener(row.head, self.ring, row.name, what=what)
        last = part_count(row.size) - 1
        data: bytes | memoryview | None = row.first
        for number in range(last + 1):
            if number:
                parts = ContentPart.objects.filter(content=row.pk, number=number)
                data = parts.values_list("data", flat=True).first()
            if data is None:
                raise ObjectDamaged(what, f"its part {number + 1} is missing")
            yield opener.part(number, bytes(data), final=number == last)


def _into_contents() -> str:
    moment, _ = _compiled(now())
    return (
        f"INSERT INTO {StoredContent._meta.db_table} (name, head, size, secret, used_at) "  # noqa: S608
        f"VALUES (%s, %s, %s, %s, {moment}) ON CONFLICT DO NOTHING"
    )


_INTO_PARTS = (
    f"INSERT INTO {ContentPart._meta.db_table} (content_id, number, data) "  # noqa: S608
    f"SELECT id, 0, %s FROM {StoredContent._meta.db_table} WHERE name = %s AND head = %s"
)
"""By hand, as every file of a first copy is written so. A head is like no other: it finds what was inserted with it."""

_READ = (
    "SELECT content.id, content.name, content.head, content.size, part.data "  # noqa: S608
    f"FROM {StoredContent._meta.db_table} content "
    f"LEFT JOIN {ContentPart._meta.db_table} part ON part.content_id = content.id AND part.number = 0 "
    "WHERE content.name IN "
)
"""By hand: every file that is sent and every folder of a tree is read so, and to compose the query took four times as
long as all else."""


def read(names: Sequence[bytes]) -> dict[bytes, Sealed]:
    """The contents of those names that there are."""
    with connection.cursor() as cursor:
        cursor.execute(f"{_READ} ({', '.join(['%s'] * len(names))})", names)
        rows = cursor.fetchall()
    return {bytes(name): Sealed(pk, bytes(name), bytes(head), size, data) for pk, name, head, size, data in rows}


_Item = TypeVar("_Item")


def _some_at_once(items: Sequence[_Item]) -> Iterator[Sequence[_Item]]:
    return (items[start : start + AT_ONCE] for start in range(0, len(items), AT_ONCE))


def _together(sizes: Iterable[tuple[str, int]]) -> Iterator[list[str]]:
    """The ids in groups that may be in memory at once: a large one is alone."""
    group: list[str] = []
    total = 0
    for id_, size in sizes:
        if group and (total + size > READ_BYTES or len(group) == READ_AT_ONCE):
            yield group
            group, total = [], 0
        group.append(id_)
        total += size
    if group:
        yield group


def _found(wanted: Collection[bytes]) -> list[Found]:
    if not wanted:
        return []
    moment, values = _compiled(later(-FRESH_SECONDS))
    # in a query of its own, else the database asks for each row again which moment that is
    columns, names = f"id, name, head, secret, used_at > (SELECT {moment})", ", ".join(["%s"] * len(wanted))
    command = f"SELECT {columns} FROM {StoredContent._meta.db_table} WHERE name IN ({names})"  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(command, [*values, *wanted])
        rows = cursor.fetchall()
    return [Found(pk, bytes(name), bytes(head), bool(secret), bool(young)) for pk, name, head, secret, young in rows]


def _compiled(expression: Expression) -> tuple[str, Sequence[Any]]:
    """An expression as the database spells it, and its parameters."""
    query = StoredContent.objects.all().query
    sql, values = query.get_compiler(connection=connection).compile(expression.resolve_expression(query))
    return sql, values


def _told(told: Collection[Found], wanted: Mapping[bytes, bool]) -> set[bytes]:
    """Mark them as used; answers the names of those that were still there."""
    if not told:
        return set()
    by_pk = {one.pk: one.name for one in told}
    with write_transaction():
        rows = StoredContent.objects.filter(pk__in=by_pk, name__isnull=False)
        kept = set(rows.select_for_update().order_by("pk").values_list("pk", flat=True))
        StoredContent.objects.filter(pk__in=kept).update(used_at=now())
        shown = [pk for pk in kept if not wanted[by_pk[pk]]]
        StoredContent.objects.filter(pk__in=shown, secret=True).update(secret=False)
    return {by_pk[pk] for pk in kept}


def _write_parts(pk: int, pieces: Blocks) -> tuple[Sealer, StoredObject]:
    sealer, digest, size = Sealer(), hashlib.sha256(), 0
    parts: list[ContentPart] = []
    for number, (block, final) in enumerate(pieces):
        digest.update(block)
        size += len(block)
        parts.append(ContentPart(content_id=pk, number=number, data=sealer.part(block, final=final)))
        if final or len(parts) == PARTS_AT_ONCE:
            with write_transaction():
                StoredContent.objects.filter(pk=pk).update(used_at=now())
                ContentPart.objects.bulk_create(parts)
            parts = []
    return sealer, StoredObject(digest.hexdigest(), size)


def give_up(pks: Collection[int]) -> int:
    """Take the names of contents, which a sweep removes later; answers how many still had one."""
    named = StoredContent.objects.filter(pk__in=pks, name__isnull=False)
    return named.update(name=None, used_at=now())


def remove(pks: Sequence[int]) -> None:
    """Remove contents that nobody can find any more, in short transactions."""
    for start in range(0, len(pks), GONE_AT_ONCE):
        some = pks[start : start + GONE_AT_ONCE]
        parts = ContentPart.objects.filter(content__in=some)
        last: int = parts.aggregate(last=Max("number"))["last"] or 0
        for number in range(last, -1, -1):
            parts.filter(number=number).delete()
        StoredContent.objects.filter(pk__in=some).delete()
