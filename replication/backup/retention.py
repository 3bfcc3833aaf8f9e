"""What leaves the object store, and when: secret-bearing content after its retention, the rest once nothing needs it.

What is in use is read first, from the rows; what only a lost tree or plan named is nobody's. What a job has stored but
not written down yet is young, and what was used since the oldest work under way began stays, however short the
retention. So both may run beside jobs, and beside one another.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import asdict
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import Max, Min, QuerySet
from django.utils import timezone

from accounts import audit
from accounts.principals import SYSTEM, Principal
from nodes.counted import many
from replication.configuration.job.loading import what_is_kept
from replication.configuration.models import (
    Baseline,
    Conflict,
    Origin,
    Snapshot,
)
from replication.files.core import tree
from replication.jobs.core.plan_json import OutdatedPlan
from replication.jobs.core.states import JOB_ACTIVE, JobState, TargetState
from replication.jobs.kinds import kind_of
from replication.jobs.models import Job, Target
from replication.objects import Removed, Store, default_store
from replication.objects.garbage_collection import LEAST_AGE

_LOG = logging.getLogger(__name__)

MOST = 500_000
"""Objects removed by one daily turn, of each sort. The next turn goes on."""

Remove = Callable[[Store, timedelta, Collection[str]], Removed]


def purge_secrets(
    principal: Principal, *, older_than: timedelta, most: int | None = None, dry_run: bool = False
) -> Removed:
    """Remove secret-bearing content that was not used for so long and is not what a cluster's newest snapshot, a proven
    state, an origin or an unfinished job needs. Raises StoreError, WrongKey, ValueError where what is needed cannot be
    read; nothing is removed then."""
    store = default_store()
    removed = store.purge_secret(_age(older_than), keep=_needed(store), most=most, dry_run=dry_run)
    what = f"{many(removed.objects, 'stored content')} of secret-bearing files"
    text = f"Removed {what} unused for {_days(older_than)} days."
    return removed if dry_run else _told(principal, "objects.purge_secrets", text, removed)


def remove_unused(
    principal: Principal, *, older_than: timedelta, most: int | None = None, dry_run: bool = False
) -> Removed:
    """Remove stored content, trees and plans that no row refers to and that were not used for so long. Errors as of
    `purge_secrets`."""
    store = default_store()
    removed = store.sweep(_referred_to(store), _age(older_than), most=most, dry_run=dry_run)
    what = f"{many(removed.objects, 'stored object')} that nothing referred to"
    text = f"Removed {what}, unused for {_days(older_than)} days."
    return removed if dry_run else _told(principal, "objects.remove_unused", text, removed)


def run_retention() -> None:
    """The daily turn of both, by the portal's settings. Errors as of `purge_secrets`."""
    purge_secrets(SYSTEM, older_than=timedelta(days=settings.PORTAL.secret_days), most=MOST)
    remove_unused(SYSTEM, older_than=timedelta(days=settings.PORTAL.unused_days), most=MOST)


def _told(principal: Principal, action: str, text: str, removed: Removed) -> Removed:
    _LOG.info("%s (%s bytes)", text, removed.bytes)
    if removed.objects:
        audit.record(principal, action, text, data=asdict(removed))
    return removed


def _days(age: timedelta) -> str:
    return f"{age / timedelta(days=1):g}"


def _age(older_than: timedelta) -> timedelta:
    """The age asked for, or what goes back before the oldest work under way."""
    begun = [moment for moment in (_oldest(Job, JobState.PLANNING), _oldest(Target, TargetState.RUNNING)) if moment]
    under_way = timezone.now() - min(begun) + LEAST_AGE if begun else timedelta(0)
    return max(older_than, under_way)


def _oldest(model: type[Job | Target], state: str) -> datetime | None:
    oldest: datetime | None = model.objects.filter(state=state).aggregate(at=Min("started_at"))["at"]
    return oldest


def _needed(store: Store) -> set[str]:
    """What replication needs: newest snapshots, proven states, origins, unfinished jobs' snapshots and plans."""
    newest = Snapshot.objects.values("cluster").annotate(newest=Max("pk")).values("newest")
    snapshots = Snapshot.objects.filter(pk__in=newest) | Snapshot.objects.filter(jobs__in=_active_jobs())
    roots = set(snapshots.values_list("root", flat=True)) | _node_roots()
    return tree.ids_below(roots - {""}, what_is_kept(store)) | _changed(store) | _planned(store)


def _referred_to(store: Store) -> set[str]:
    """Everything that a row leads to: the whole history."""
    roots = set(Snapshot.objects.values_list("root", flat=True)) | _node_roots()
    return tree.ids_below(roots - {""}, what_is_kept(store)) | _changed(store) | _planned(store) | set(_named())


def _node_roots() -> set[str]:
    held = Baseline.objects.values_list("held_root", flat=True)
    return {root for model in (Baseline, Origin) for root in model.objects.values_list("root", flat=True)} | set(held)


def _changed(store: Store) -> set[str]:
    """What proven trees were changed by since, and the contents in there."""
    get = what_is_kept(store)
    ids = set(Baseline.objects.exclude(changes_object="").values_list("changes_object", flat=True))
    changes = [tree.decode_changes(data) for one in ids if (data := get(one)) is not None]
    return ids | {state.sha256 for found in changes for state in found.values() if state}


def _named() -> Iterator[str]:
    """Objects that rows name themselves."""
    yield from Snapshot.objects.exclude(findings_object="").values_list("findings_object", flat=True)
    yield from Origin.objects.exclude(folders_object="").values_list("folders_object", flat=True)
    yield from Job.objects.exclude(plan_object="").values_list("plan_object", flat=True)
    yield from Conflict.objects.exclude(content="").values_list("content", flat=True)


def _planned(store: Store) -> set[str]:
    """Content that unfinished jobs will write."""
    rows, get = _active_jobs().exclude(plan_object="").values_list("kind", "plan_object"), what_is_kept(store)
    plans = [(word, stored) for word, plan_object in rows if (stored := get(plan_object)) is not None]
    return {needed for word, stored in plans for needed in _content(word, stored)}


def _content(word: str, stored: bytes) -> Iterable[str]:
    """What one plan needs; nothing for one of an older version, which never runs. Raises ValueError for a kind that
    only another version of the portal knows: its plan may run yet."""
    kind = kind_of(word)
    if kind is None:
        raise ValueError(f"An unfinished job is of the kind {word}, which this version of the portal does not know.")
    try:
        return kind.content(kind.codec.load(stored))
    except OutdatedPlan:
        return ()


def _active_jobs() -> QuerySet[Job]:
    return Job.objects.filter(state__in=JOB_ACTIVE)
