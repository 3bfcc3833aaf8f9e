"""The audit log as a chain: every event is linked by a hash to all that were linked before it.

An event is linked some seconds after its act, never in the act's own transaction: one head that every act locks would
make all acts of the portal wait for one another. On PostgreSQL events become visible out of the order of their ids, so
the order of the chain is that of linking. What was linked cannot be changed, taken out or put in between without
`verify` noticing it; that the end was cut off, and made anew, shows only against a hash that was kept elsewhere.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from itertools import pairwise
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Exists, Max, OuterRef
from django.template.defaultfilters import pluralize
from django.utils import timezone

from accounts import append_only
from accounts.audit import record
from accounts.errors import Refused
from accounts.models import AuditChain, AuditEvent, AuditLink
from accounts.principals import Principal

_LOG = logging.getLogger(__name__)

COLUMNS = (
    "id",
    "at",
    "actor",
    "via",
    "action",
    "cluster_id",
    "cluster_name",
    "object_kind",
    "object_id",
    "object_label",
    "text",
    "data",
    "remote_address",
)
"""What of an event is hashed, in this order: all of it."""

START = "0" * 64
"""What stands for the hash before the first one."""

LATE = 5000
"""An event may become visible after so many with larger ids: transactions are short, and act far more seldom. One that
is older and has no link was put in."""

BATCH = 500
MOST = 40
"""Events linked in one transaction, and transactions of one turn."""


@dataclass(frozen=True, slots=True)
class Models:
    """Whose rows are linked: a migration has classes of its own."""

    event: Any = AuditEvent
    link: Any = AuditLink
    chain: Any = AuditChain


@dataclass(frozen=True, slots=True)
class Head:
    """The newest hash: of how many events it speaks, and of which last."""

    length: int
    digest: str

    def __str__(self) -> str:
        return f"{self.digest} ({self.counted})"

    @property
    def counted(self) -> str:
        """Its events in words."""
        return f"{self.length:,} event{pluralize(self.length)}"


@dataclass(frozen=True, slots=True)
class Break:
    """The first thing that does not fit. `event`: the id of the event it is about, None where there is none."""

    text: str
    event: int | None = None


def digest_of(previous: str, position: int, row: Sequence[Any]) -> str:
    """The hash, in hexadecimal, of an event (`COLUMNS`) at a position of the chain, and by `previous` of all before."""
    values = dict(zip(COLUMNS, row, strict=True))
    values["at"] = values["at"].astimezone(UTC).isoformat(timespec="microseconds")
    words = [previous, position, *(values[name] for name in COLUMNS)]
    return hashlib.sha256(json.dumps(words, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def link_events(models: Models | None = None, most: int = MOST) -> int:
    """Link what has no link yet, in transactions of at most BATCH events. Answers how many. Where another process is at
    it, it is left to that one."""
    linked, models = 0, models or Models()
    for _ in range(most):
        if not _unlinked(models).exists():  # an idle portal begins no transaction
            break
        try:
            with transaction.atomic():
                linked += _link_batch(models)
        except IntegrityError:
            _LOG.debug("another process links audit events")
            break
    return linked


def _link_batch(models: Models) -> int:
    chain = models.chain.objects.select_for_update().get_or_create(pk=1)[0]
    _notice(chain, _tail_break(models, Head(chain.length, chain.digest)))
    rows = list(_unlinked(models)[:BATCH])
    end = _append_links(models, rows)
    chain.length, chain.digest = end.length, end.digest
    chain.save()
    return len(rows)


def _append_links(models: Models, rows: Iterable[Sequence[Any]]) -> Head:
    """Link events after the newest link, as it stands. Answers the new end."""
    position, digest = models.link.objects.order_by("-position").values_list("position", "digest").first() or (0, START)
    links = []
    for row in rows:
        position += 1
        digest = digest_of(digest, position, row)
        links.append(models.link(position=position, event_id=row[0], digest=digest))
    models.link.objects.bulk_create(links, batch_size=BATCH)
    return Head(position, digest)


def _unlinked(models: Models) -> Any:
    """The events that wait for a link, in the order of their ids."""
    return _without_link(models, after=_settled(models)).values_list(*COLUMNS)


def _without_link(models: Models, after: int = 0) -> Any:
    # the same bound on both tables: else the database goes through one of them from its beginning
    linked = models.link.objects.filter(event=OuterRef("pk"), event__gt=after)
    return models.event.objects.filter(~Exists(linked), pk__gt=after).order_by("pk")


def _settled(models: Models) -> int:
    """The largest id up to which no event is waited for any more; 0 where nothing is linked."""
    newest = models.link.objects.aggregate(id=Max("event"))["id"]
    return max(0, (newest or 0) - LATE)


def _tail_break(models: Models, kept: Head) -> Break | None:
    """What is wrong at the end, where the next link goes: the newest link is the one that was kept, and its event what
    it was. Costs the same however long the chain is."""
    last = models.link.objects.order_by("-position")[:2]
    links = [(0, 0, START), *reversed(last.values_list("position", "event", "digest"))][-2:]
    if Head(links[-1][0], links[-1][2]) != kept:
        return _cut_off(kept)
    return _check_links(links, models)


def _cut_off(kept: Head) -> Break:
    return Break(f"The chain does not end with the newest hash that was kept, {kept}: its end was cut off or changed.")


def verify(expected: Sequence[str] = ()) -> tuple[Head, Break | None]:
    """Go through the whole chain (after what was acknowledged as broken), in constant memory; answers its head, and the
    first break. `expected`: hashes that were kept elsewhere, each of which must be in it. Changes nothing."""
    newest = AuditLink.objects.aggregate(position=Max("position"))["position"] or 0  # read first: others go on linking
    chain = chain_now()
    head, missing = Head(chain.length, chain.digest), set(expected)
    if head.length < newest:
        return head, Break(f"The chain goes on after the newest hash that was kept, {head}.")
    end = AuditLink.objects.filter(pk=chain.start).values_list("position", "event", "digest").first() or (0, 0, START)
    for links in _links(end[0], head.length):
        found = _check_links([end, *links], Models())
        if found is not None:
            return head, found
        end = links[-1]
        missing -= {digest for _, _, digest in links}
    if Head(end[0], end[2]) != head:
        return head, _cut_off(head)
    missing -= set(AuditLink.objects.filter(pk__lte=chain.start, digest__in=missing).values_list("digest", flat=True))
    return head, _put_in() or _unprotected() or _not_in(missing)


def _links(position: int, length: int) -> Iterator[list[tuple[int, int, str]]]:
    rows = AuditLink.objects.order_by("position").filter(position__lte=length)
    while part := list(rows.filter(position__gt=position).values_list("position", "event", "digest")[:BATCH]):
        yield part
        position = part[-1][0]


def _check_links(links: Sequence[tuple[int, int, str]], models: Models) -> Break | None:
    """Whether each link but the first follows from the one before it and from its event."""
    ids = [event for _, event, _ in links[1:]]
    events = {row[0]: row for row in models.event.objects.filter(pk__in=ids).values_list(*COLUMNS)}
    for (before, _, previous), (position, event, digest) in pairwise(links):
        if position != before + 1:
            return Break(f"Link {before + 1} is missing.")
        if event not in events:
            return Break(f"Event {event} is missing (link {position}).", event)
        if digest_of(previous, position, events[event]) != digest:
            at = f"{events[event][1]:%Y-%m-%d %H:%M:%S}"
            return Break(f"Event {event} of {at}, or its link {position}, was changed.", event)
    return None


def _put_in() -> Break | None:
    rows = _without_link(Models()).filter(pk__lte=_settled(Models()))
    event = rows.values_list("pk", flat=True).first()
    return None if event is None else Break(f"Event {event} is in no link: it was put in afterwards.", event)


def _unprotected() -> Break | None:
    lost = ", ".join(sorted(append_only.missing(connection)))
    return Break(f"The database no longer refuses changes: {lost} is missing.") if lost else None


def _not_in(missing: set[str]) -> Break | None:
    return Break(f"The chain does not hold the hash {min(missing)}.") if missing else None


def _notice(chain: Any, found: Break | None) -> None:
    """Keep the first break that was found. It stays until a person acknowledges it."""
    if found is not None and not chain.trouble:
        chain.trouble, chain.trouble_at = found.text, timezone.now()
        _LOG.error("audit log: %s", found.text)


def verify_and_note() -> Head:
    """The daily turn: verify all, keep what is found for the pages that show it, and say the newest hash in the log."""
    link_events()
    head, found = verify()
    with transaction.atomic():
        chain = AuditChain.objects.select_for_update().get_or_create(pk=1)[0]
        _notice(chain, found)
        chain.verified_at = timezone.now()
        chain.save()
    _LOG.info("audit log: newest hash %s, %s", head, chain.trouble or "verified")
    return head


def acknowledge(principal: Principal, reason: str) -> Head:
    """Go on after a break: what there is now is linked and protected as it stands, and verified from its end on; of
    what is before only the hashes are looked up. It is recorded, with what was broken. Answers that end. Raises Refused
    where nothing is broken."""
    found = verify()[1]
    broken = chain_now().trouble or (found.text if found else "")
    if not broken:
        raise Refused("not_broken", "The audit log is whole: there is nothing to acknowledge.")
    with transaction.atomic():
        append_only.create(connection)
        chain = AuditChain.objects.select_for_update().get_or_create(pk=1)[0]
        models = Models()
        end = _append_links(models, _without_link(models).values_list(*COLUMNS))
        chain.length, chain.digest, chain.start = end.length, end.digest, end.length
        chain.trouble, chain.trouble_at = "", None
        chain.save()
        record(principal, "audit.acknowledge", f"Goes on with a broken audit log: {broken} Reason: {reason}")
    return end


def chain_now() -> AuditChain:
    """The newest hash, and what was found wrong, as they are kept."""
    return AuditChain.objects.filter(pk=1).first() or AuditChain()
