"""One round on a node in memory: what stays there where it ends early, and what is kept of others' edits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nodes.connection.reader import Reader
from nodes.enums import NodeRole
from nodes.errors import SessionLost
from nodes.facts.selectors.facts import profile_of
from nodes.leases.errors import LeaseLost
from replication.clustering.core.features import FEATURES, OFF
from replication.clustering.feature_job.edits import switching_off
from replication.clustering.feature_job.target import FeaturesRun
from replication.configuration.models import Conflict
from replication.files.apply.round import apply_round
from replication.files.core.paths import RelPath
from replication.files.edits import changes_of
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.core.states import JobState
from replication.jobs.interruptions import Cancelled
from replication.jobs.models import Job, JobEvent, Target
from replication.jobs.runner import TargetWork
from replication.objects import default_store
from tests.factories import make_node
from tests.fakes.disk import FakeDisk
from tests.replication.files.rounds import ROOT, Interrupting, Scene, digest, update

LIST = RelPath("App/list.grp")
DOMAINS = f"{ROOT}/App/Domains.dat"


@pytest.fixture
def scene(db: None) -> Scene:
    made = Scene(FakeDisk(), default_store(), [])
    made.disk.put(f"{ROOT}/{LIST}", b"old")
    made.store.put(b"new", secret=False)
    return made


def test_what_is_replaced_is_kept_and_nothing_temporary_stays(scene: Scene) -> None:
    came = apply_round(
        scene.context(Interrupting("", Cancelled("nobody"))), [update(LIST, b"old", b"new")], keep=scene.kept.extend
    )
    assert (came.done, dict(came.blocked), scene.kept, scene.temporary()) == ((LIST,), {}, [], [])
    assert scene.disk.content(f"{ROOT}/{LIST}") == b"new"
    assert scene.store.get(digest(b"old")) == b"old"


@pytest.mark.parametrize("at", ["staged", "undo-copied", "replaced"])
def test_who_lost_the_lease_touches_nothing_more(scene: Scene, at: str) -> None:
    with pytest.raises(LeaseLost):
        apply_round(
            scene.context(Interrupting(at, LeaseLost("taken over"))),
            [update(LIST, b"old", b"new")],
            keep=scene.kept.extend,
        )
    assert scene.temporary() != []  # the next owner sweeps them by their fence


@pytest.mark.parametrize("at", ["staged", "undo-copied", "replaced", "swapped-group"])
def test_who_is_cancelled_leaves_nothing_temporary(scene: Scene, at: str) -> None:
    with pytest.raises(Cancelled):
        apply_round(
            scene.context(Interrupting(at, Cancelled("somebody"))),
            [update(LIST, b"old", b"new")],
            keep=scene.kept.extend,
        )
    assert scene.temporary() == []


def test_an_edit_that_came_late_is_kept_though_the_round_ends_there(scene: Scene) -> None:
    scene.disk.put(f"{ROOT}/{LIST}", b"edited since the plan")
    with pytest.raises(SessionLost):
        apply_round(
            scene.context(Interrupting("swapped-group", SessionLost())),
            [update(LIST, b"old", b"new")],
            keep=scene.kept.extend,
        )
    assert [scene.store.get(edit.content) for edit in scene.kept] == [b"edited since the plan"]


@pytest.fixture
def features(scene: Scene, cluster, tmp_path: Path, settings) -> Any:
    """A try at switching a feature off on a primary, with a given lease."""
    scene.disk.put(DOMAINS, b"[a.example]\r\nBind=Yes\r\n")
    node = make_node(cluster, "mx1", role=NodeRole.PRIMARY)
    job = Job.objects.create(cluster=cluster, kind=FEATURES, options={"to": OFF}, state=JobState.RUNNING)
    target = Target.objects.create(job=job, node=node)

    def made(guard: Any) -> FeaturesRun:
        context = scene.context(guard)
        rules = profile_of(cluster).features
        changes = changes_of(switching_off(Reader(context.link), rules), context.profile)
        assert len(changes) == 1
        plan = Plan((NodePlan(node.pk, node.name, steps=changes),))
        return FeaturesRun(context, TargetWork(job, target, node, guard, plan))

    return made


@pytest.mark.django_db
@pytest.mark.parametrize("at", ["staged", "replaced"])
def test_features_too_leave_the_node_alone_once_the_lease_is_lost(scene: Scene, features: Any, at: str) -> None:
    with pytest.raises(LeaseLost):
        features(Interrupting(at, LeaseLost("taken over"))).run()
    assert scene.temporary() != []


@pytest.mark.django_db
def test_features_keep_an_edit_that_came_late_and_say_so(scene: Scene, features: Any) -> None:
    def edit(name: str) -> None:
        if name == "staged-verified":
            scene.disk.put(DOMAINS, b"[b.example]\r\nBind=Yes\r\n")

    guard = Interrupting("swapped-group", Cancelled("somebody"), meanwhile=edit)
    with pytest.raises(Cancelled):
        features(guard).run()
    assert [conflict.path for conflict in Conflict.objects.all()] == ["App/Domains.dat"]
    assert "1 in all: App/Domains.dat" in JobEvent.objects.get(code="conflict.kept").text
    assert scene.temporary() == []
