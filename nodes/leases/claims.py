"""Who works on which row: claims by compare-and-set, each with a lease by the database's clock and a fence that only
grows. It knows no model: `Claims` says how the rows of one are claimed."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from django.conf import settings
from django.db import OperationalError
from django.db.models import Expression, F, Model, Q, QuerySet

from nodes.leases.clock import later, now
from nodes.leases.errors import LeaseLost
from nodes.leases.models import Claimable
from nodes.leases.transactions import write_transaction

M = TypeVar("M", bound=Claimable)

Key = tuple[str, int]
"""What identifies a claimed row within a process: the model's label and the primary key."""

TAKEN_OVER: Mapping[str, Any] = {"fence": F("fence") + 1}
"""Columns that make void whatever the row's owner still writes."""

ROWS_AT_ONCE = 200


@dataclass(frozen=True, slots=True, eq=False)
class Claims(Generic[M]):
    """How rows of one model are claimed, for one kind of work. `held`: the columns that a row has while it is claimed
    and only then. `lease`: the column of its lease, which has the moment at which the lease ends, or, where
    `has_renewal`, the moment of the last renewal."""

    model: type[M]
    held: Mapping[str, Any] = field(default_factory=dict)
    lease: str = "lease_until"
    has_renewal: bool = False

    def take(self, rows: QuerySet[M], *, owner: str, limit: int, **columns: Any) -> list[tuple[RowClaim, M]]:
        """Claim up to `limit` of `rows` that are free, in their order, and set `columns` in them. Rows that somebody
        else is claiming are passed over. The rows are answered as they were read."""
        expires = time.monotonic() + settings.PORTAL.lease
        with write_transaction():
            free = list(rows.filter(self.is_free()).select_for_update(of=("self",), skip_locked=True)[:limit])
            self._compare_and_set(free, owner=owner, **columns)
        return [(RowClaim(self, row.pk, row.fence + 1, expires), row) for row in free]

    def _compare_and_set(self, rows: Sequence[M], **columns: Any) -> None:
        """Claim locked rows, those of one fence in one UPDATE: mostly all."""
        by_fence: dict[int, list[int]] = defaultdict(list)
        for row in rows:
            by_fence[row.fence].append(row.pk)
        for fence, pks in by_fence.items():
            same = self._rows().filter(pk__in=pks, fence=fence)
            if same.update(**self.held, **self.begun(), **TAKEN_OVER, **columns) != len(pks):
                raise OperationalError("rows changed although they were locked; nothing is claimed")

    def is_free(self) -> Q:
        """The rows that may be claimed."""
        return Q(**{self.lease: None}) | self._is_expired()

    def _is_expired(self) -> Q:
        """A claimed row is free only when the lease is over by one operation on a node: its owner stopped that long
        before the end, but what it had begun then may have taken as long."""
        over = settings.PORTAL.operation + (settings.PORTAL.lease if self.has_renewal else 0.0)
        return Q(**{f"{self.lease}__lt": later(-over)})

    def expired(self) -> QuerySet[M]:
        """The claimed rows that may be taken over, because their owner must have stopped by now."""
        return self._rows().filter(self._is_expired(), **self.held)

    def shorten(self) -> None:
        """Have leases end that end later than any could that began by now: the clock was set back since. An owner that
        lives renews; a dead one's is taken over as if it had just died."""
        latest = self.begun()[self.lease]
        self._rows().filter(**self.held, **{f"{self.lease}__gt": latest}).update(**{self.lease: latest})

    def begun(self) -> dict[str, Expression]:
        """The columns of a lease that begins now."""
        return {self.lease: now() if self.has_renewal else later(settings.PORTAL.lease)}

    def ended(self) -> dict[str, Any]:
        """The columns of a row that nobody holds."""
        return {"owner": "", self.lease: None}

    def of(self, pk: int, fence: int) -> QuerySet[M]:
        """The row, as long as it is held under this fence. Once given back it has no lease, though its fence stays."""
        return self._rows().filter(pk=pk, fence=fence, **self.held, **{f"{self.lease}__isnull": False})

    def _rows(self) -> QuerySet[M]:
        return self.model._default_manager.all()


@dataclass(frozen=True, slots=True)
class RowClaim:
    """A row that is ours until `expires` (seconds of this process' monotonic clock, taken before the claim was sent, so
    never later than the database's own expiry)."""

    claims: Claims[Any]
    pk: int
    fence: int
    expires: float

    @property
    def key(self) -> Key:
        """What identifies the claimed row within this process."""
        return self.claims.model._meta.label, self.pk

    def rows(self) -> QuerySet[Any]:
        """The claimed row, as long as it is ours."""
        return self.claims.of(self.pk, self.fence)


@dataclass(frozen=True, slots=True)
class Renewal:
    """What a worker reports when it renews: columns of its row, and new rows to be kept with it."""

    claim: RowClaim
    columns: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[Model] = ()


def renew(renewals: Sequence[Renewal]) -> dict[Key, float]:
    """Renew many claims and write what their workers report, in one transaction. Answers the new expiry of each that
    was still ours, by `RowClaim.key`; what is reported under a claim that is not is dropped."""
    expires = time.monotonic() + settings.PORTAL.lease
    with write_transaction():
        held = [one for one in renewals if one.claim.rows().update(**one.claim.claims.begun(), **one.columns)]
        _insert(row for one in held for row in one.rows)
    return {one.claim.key: expires for one in held}


def _insert(rows: Iterable[Model]) -> None:
    by_model: dict[type[Model], list[Model]] = defaultdict(list)
    for row in rows:
        by_model[type(row)].append(row)
    for model, alike in by_model.items():
        model._default_manager.bulk_create(alike, batch_size=ROWS_AT_ONCE)


@contextmanager
def holding(claim: RowClaim) -> Iterator[None]:
    """A transaction during which the claim stays ours. Raises LeaseLost, having written nothing, where it is not."""
    with write_transaction():
        if not list(claim.rows().select_for_update().values_list("pk", flat=True)[:1]):
            raise LeaseLost("another worker took over")
        yield


def release(claim: RowClaim, **columns: Any) -> None:
    """End a claim and set `columns`, in one UPDATE. Raises LeaseLost, having written nothing, where it is not ours."""
    with write_transaction():
        if not claim.rows().update(**claim.claims.ended(), **columns):
            raise LeaseLost("another worker took over")
