"""`manage.py purge_secrets`: remove secret-bearing content whose retention has ended."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Iterator
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Max, QuerySet

from accounts import audit
from accounts.principals import Principal
from nodes.vault import WrongKey
from replication.core import plan_json, tree
from replication.core.states import JOB_ACTIVE
from replication.models import Baseline, Job, Origin, Snapshot
from replication.objects import Store, StoreError, default_store

RETENTION_DAYS = 30.0


class Command(BaseCommand):
    """Removes from the object store what only secret-bearing files held and nothing in use needs any more."""

    help = (
        "Remove the stored content of secret-bearing files (account lists, passwords, kept conflicts) that was not "
        "used for some days. What a cluster's newest snapshot, a node's proven state, giving a node back what it had "
        "before joining, or an unfinished job needs stays."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the options."""
        parser.add_argument("--days", type=float, default=RETENTION_DAYS, help="unused for so many days (default: 30)")
        parser.add_argument("--dry-run", action="store_true", help="only say what would be removed")

    def handle(self, *args: Any, **options: Any) -> None:
        """Purge, or say what would be purged."""
        days, dry_run = options["days"], options["dry_run"]
        if not 0 <= days <= 36_500:
            raise CommandError("--days must be 0 to 36500.")
        try:
            store = default_store()
            # what is needed is read first: a tree that cannot be read must stop the purge, not empty the list
            removed = store.purge_secret(timedelta(days=days), keep=ids_in_use(store), dry_run=dry_run)
        except (StoreError, WrongKey, ValueError) as error:
            raise CommandError(f"Nothing was removed. {error}") from error
        if not dry_run:
            text = f"Removed {removed.objects} stored contents of secret-bearing files unused for {days:g} days."
            audit.record(Principal(user=None, via="command"), "objects.purge_secrets", text, data=asdict(removed))
        verb = "would be" if dry_run else "were"
        self.stdout.write(f"{removed.objects} objects ({removed.bytes} bytes as stored) {verb} removed.")


def ids_in_use(store: Store) -> set[str]:
    """Content that replication needs: newest snapshots, proven states, origins, unfinished jobs' snapshots and plans.

    Raises StoreError and ValueError where a tree or plan cannot be read.
    """
    ids = {state.sha256 for root in _roots() for state in tree.load(root, store.get).files.values()}
    for plan_id in _active_jobs().exclude(plan_object="").values_list("plan_object", flat=True):
        plan = plan_json.load(store.get(plan_id))
        ids |= {change.wanted.sha256 for node in plan.nodes for change in node.changes if change.wanted}
    return ids


def _active_jobs() -> QuerySet[Job]:
    return Job.objects.filter(state__in=JOB_ACTIVE)


def _roots() -> Iterator[str]:
    newest = Snapshot.objects.values("cluster").annotate(newest=Max("pk")).values("newest")
    roots = set(Snapshot.objects.filter(pk__in=newest).values_list("root", flat=True))
    roots |= set(Snapshot.objects.filter(jobs__in=_active_jobs()).values_list("root", flat=True))
    roots |= set(Baseline.objects.values_list("root", flat=True))
    roots |= set(Origin.objects.values_list("root", flat=True))
    yield from sorted(roots - {""})
