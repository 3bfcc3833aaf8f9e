"""The daily turn over the store, on real rows and a real store: what a row leads to stays, the rest goes."""

from __future__ import annotations

import base64
import logging
import os
from dataclasses import replace
from datetime import timedelta

import pytest
from celery import current_app
from django.core.management import call_command
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.principals import SYSTEM
from replication.backup import retention
from replication.configuration.models import (
    Baseline,
    Conflict,
    Origin,
    Snapshot,
)
from replication.files.core import tree
from replication.files.core.changes import Change, ChangeKind, Wanted
from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.kinds import kind_named
from replication.jobs.models import Job, Target
from replication.objects import ObjectMissing, default_store
from replication.objects.models import StoredContent
from replication.tasks import run_retention
from tests.factories import make_cluster, make_node
from tests.replication.objects.conftest import older
from tests.threads import both

pytestmark = pytest.mark.django_db

NOTHING = timedelta(0)


@pytest.fixture
def folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.PORTAL_KEY_FILE = str(tmp_path / "master.keys")
    (tmp_path / "master.keys").write_text(base64.urlsafe_b64encode(os.urandom(32)).decode())
    return tmp_path


def _age(*, days: float = 90.0) -> None:
    """Make everything that lies in the store look so old."""
    StoredContent.objects.update(used_at=timezone.now() - timedelta(days=days))


def _put(text: str, *, secret: bool = False) -> str:
    return default_store().put(text.encode(), secret=secret)


def _tree(*contents: str) -> str:
    """The root of a stored tree with files of these ids."""
    files = {RelPath(f"App/deep/{number}.dat"): FileState(1, 1, id_) for number, id_ in enumerate(contents)}
    built = tree.build(Manifest(files))
    with default_store().batch() as batch:
        for data in built.objects.values():
            batch.put(data)
    return built.root


def _plan(content: str) -> str:
    change = Change(ChangeKind.ADD, RelPath("App/new.dat"), Wanted(content, 1, 1), None)
    return default_store().put(kind_named("replicate").codec.dump(Plan((NodePlan(1, "MX2", (change,)),))))


def _job(cluster, state, **fields) -> Job:
    return Job.objects.create(cluster=cluster, kind="replicate", requester="system", state=state, **fields)


def _left(held: dict[str, str]) -> set[str]:
    """Which of these are still there; read, and not asked for, which would make them young."""
    store = default_store()
    left = set()
    for what, id_ in held.items():
        try:
            store.get(id_)
        except ObjectMissing:
            continue
        left.add(what)
    return left


@pytest.fixture
def cluster(folder):
    return make_cluster()


@pytest.fixture
def needed(folder, cluster) -> dict[str, str]:
    """One object for each way in which a row leads to content, and the newest snapshot's and a proven node's secret."""
    node = make_node(cluster)
    names = ("older", "newest", "proven", "own", "late", "conflict", "findings", "folders")
    held = {name: _put(name) for name in names}
    held |= {name: _put(name, secret=True) for name in ("newest secret", "proven secret", "halted plan's")}
    roots = {"older": _tree(held["older"]), "newest": _tree(held["newest"], held["newest secret"])}
    for root in roots.values():
        Snapshot.objects.create(cluster=cluster, root=root, files=1, bytes=1, findings_object=held["findings"])
    proven = _tree(held["proven"], held["proven secret"])
    Baseline.objects.create(node=node, root=proven, proven_at=timezone.now())
    own = _tree(held["own"])
    Origin.objects.create(node=node, root=own, folders_object=held["folders"])
    held |= {"done plan": _plan(held["late"]), "halted plan": _plan(held["halted plan's"])}
    done = _job(cluster, "succeeded", plan_object=held["done plan"])
    _job(cluster, "halted", plan_object=held["halted plan"])
    Conflict.objects.create(node=node, job=done, path="App/x", content=held["conflict"])
    del held["late"]  # nothing but a plan that has ended leads there
    _age()
    return held | roots | {"proven tree": proven, "own tree": own}


def _unneeded() -> dict[str, str]:
    held = {"loose": _put("x" * 100), "large": _put("y" * 3_000_000), "secret": _put("z", secret=True)}
    with default_store().batch() as batch:
        held["packed"] = batch.put(b"packed")
    held["tree"] = _tree(held["loose"])
    return held


def test_what_a_row_leads_to_stays_and_the_rest_goes(folder, needed, caplog):
    rest = _unneeded()
    _age()
    with caplog.at_level(logging.INFO):
        run_retention()
    assert _left(needed) == set(needed)
    assert _left(rest) == set()
    told = {event.action: event.data["objects"] for event in AuditEvent.objects.all()}
    assert told["objects.purge_secrets"] == 1
    assert told["objects.remove_unused"] >= len(rest)
    assert "Removed 1 stored content of" in caplog.text
    run_retention()
    assert AuditEvent.objects.count() == 2, "nothing was left to do, and nothing is said"
    assert default_store().check().damaged == ()


def test_secrets_of_the_past_go_after_their_time_and_the_rest_of_history_stays(folder, cluster, settings):
    held = {"plain": _put("plain"), "secret": _put("secret", secret=True), "now": _put("now", secret=True)}
    for contents in (("plain", "secret"), ("plain", "now")):
        root = _tree(*(held[name] for name in contents))
        Snapshot.objects.create(cluster=cluster, root=root, files=2, bytes=2)
    settings.PORTAL = replace(settings.PORTAL, secret_days=5, unused_days=2)
    _age(days=4)
    run_retention()
    assert _left(held) == set(held)
    _age(days=6)
    run_retention()
    assert _left(held) == {"plain", "now"}


def test_what_a_job_under_way_stored_stays_however_short_the_retention(folder, cluster):
    begun = timezone.now() - timedelta(days=2)
    job = _job(cluster, "planning", started_at=begun)
    held = {"scanned": _put("scanned"), "scanned secret": _put("s", secret=True), "tree": _tree(_put("scanned"))}
    _age(days=2.02)  # asked for when the job began, and its mark is a few minutes older
    for _ in range(2):
        retention.remove_unused(SYSTEM, older_than=NOTHING)
        retention.purge_secrets(SYSTEM, older_than=NOTHING)
        assert _left(held) == set(held)
        # the second time it is no longer planned, but carried out
        Job.objects.update(state="running", started_at=None)
        Target.objects.get_or_create(job=job, node=make_node(cluster), state="running", started_at=begun)
    Target.objects.update(state="verified")
    assert retention.purge_secrets(SYSTEM, older_than=NOTHING).objects == 1
    retention.remove_unused(SYSTEM, older_than=NOTHING)
    assert _left(held) == set()


def test_what_was_used_in_the_last_hour_stays_without_any_job(folder, cluster):
    held = {"just looked at": _put("x"), "secret": _put("y", secret=True)}
    _age(days=0.03)
    retention.remove_unused(SYSTEM, older_than=NOTHING)
    retention.purge_secrets(SYSTEM, older_than=NOTHING)
    assert _left(held) == set(held)


def test_a_change_a_minute_keeps_no_more_than_its_days(folder, cluster, settings):
    """Each object goes by its own age, whatever was written, or is used, beside it."""
    settings.PORTAL = replace(settings.PORTAL, unused_days=7)
    an_hour, counts = 60, []
    for day in range(14):
        with default_store().batch() as batch:
            batch.put(b"never changes")
            for minute in range(an_hour):
                batch.put(f"day {day} minute {minute}".encode())
        run_retention()
        counts.append(StoredContent.objects.count())
        older(days=1)
    assert counts[6:] == [7 * an_hour + 1] * 8


def test_a_turn_is_bounded_and_the_next_goes_on(folder, cluster, monkeypatch):
    held = {str(number): _put(str(number), secret=number % 2 == 0) for number in range(20)}
    _age()
    monkeypatch.setattr(retention, "MOST", 3)
    left = []
    for _ in range(7):
        run_retention()
        left.append(len(_left(held)))
    assert left[0] == 14  # three secrets, and three of all
    assert left == sorted(left, reverse=True)
    assert left[-1] == 0


@pytest.mark.django_db(transaction=True)
def test_two_turns_at_once_have_one_effect(folder, needed):
    rest = {str(number): _put(str(number), secret=number % 2 == 0) for number in range(60)}
    with default_store().batch() as batch:
        rest |= {f"packed {number}": batch.put(f"packed {number}".encode()) for number in range(20)}
    _age()
    both(retention.run_retention)
    assert _left(needed) == set(needed)
    assert _left(rest) == set()
    removed = sum(event.data["objects"] for event in AuditEvent.objects.all())
    assert removed == len(rest) + 1  # and what only the plan of an ended job led to


def test_a_lost_tree_or_plan_stops_no_turn(folder, needed):
    """Else one damaged object would let the store grow for ever."""
    rest = _unneeded()
    _age()
    lost = {"own tree", "halted plan"}
    default_store().purge([needed[name] for name in lost])
    run_retention()
    assert _left(rest) == set()
    assert _left(needed) == set(needed) - lost - {"own", "halted plan's"}


def test_keys_that_do_not_open_stop_the_turn(folder, needed, caplog):
    rest = _unneeded()
    _age()
    right = (folder / "master.keys").read_text()
    (folder / "master.keys").write_text(base64.urlsafe_b64encode(os.urandom(32)).decode())
    run_retention()
    (folder / "master.keys").write_text(right)
    assert _left(rest) == set(rest)
    assert "Nothing was removed from the object store" in caplog.text
    assert not AuditEvent.objects.exists()


def test_the_command_says_what_would_go(folder, needed, capsys):
    rest = _unneeded()
    _age()
    call_command("remove_unused", "--dry-run")
    assert "would be removed" in capsys.readouterr().out
    assert _left(rest) == set(rest)
    call_command("remove_unused", "--days", "3")
    assert _left(rest) == set()
    assert AuditEvent.objects.get().via == "command"


def test_the_beat_asks_for_it_once_a_day(folder):
    [entry] = [one for one in current_app.conf.beat_schedule.values() if one["task"] == run_retention.name]
    assert entry["schedule"].is_due(timezone.now() - timedelta(hours=25)).is_due
    assert not entry["schedule"].is_due(timezone.now()).is_due
    assert run_retention.name not in current_app.conf.task_routes, "it is the default queue's"
