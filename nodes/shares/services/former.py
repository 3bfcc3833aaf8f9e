"""What keys held before the portal wrote shared paths: kept before the first write, until it was given back."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from nodes.secret import Secret
from nodes.shares.models import FormerValue


@dataclass(frozen=True, slots=True)
class Written:
    """A key that is about to be written: what it holds, and what it will."""

    role: str
    path: str
    section: str
    key: str
    held: str
    wrote: str

    @property
    def identity(self) -> tuple[str, str, str]:
        """What all spellings of the key share."""
        return identity(self.path, self.section, self.key)


def identity(path: str, section: str, key: str) -> tuple[str, str, str]:
    """What all spellings of an ini key share."""
    return path.casefold(), section.casefold(), key.casefold()


@transaction.atomic
def remember(*, cluster_id: int, job_number: int, written: Sequence[Written]) -> None:
    """Keep what keys hold; call it before they are written. What the portal wrote itself is no former value: that of
    before stands for it. A row for each value that was written, so that it does not matter whether the last came so
    far. Saying it again is fine."""
    rows = FormerValue.objects.filter(cluster=cluster_id, restored_at=None)
    known = {(identity(row.path, row.section, row.key), row.wrote): row for row in rows}
    for one in written:
        before = known.get((one.identity, one.held))
        row = known.get((one.identity, one.wrote))
        row = row or FormerValue(path=one.path, section=one.section, key=one.key, wrote=one.wrote)
        row.value = before.value if before else Secret(one.held)
        row.cluster_id, row.role, row.job_number, row.applied_at = cluster_id, one.role, job_number, timezone.now()
        row.save()


def note_restored(ids: Collection[int]) -> None:
    """These were given back; what they were is forgotten."""
    FormerValue.objects.filter(pk__in=ids).update(restored_at=timezone.now(), value=None)
