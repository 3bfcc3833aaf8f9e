"""What a secondary's part comes to, by how the primary's ended and by what it holds."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from accounts.errors import Refused
from nodes.clusters.models import Cluster
from nodes.connection.connect import NodeLink
from nodes.enums import IniChoice, Joining, NodeRole, ReplicationMode
from nodes.ini_keys.models import IniDecision
from nodes.leases.clock import later
from nodes.leases.errors import LeaseLost
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.registry.models import Node
from replication.configuration.core.configuration import REPLICATE
from replication.configuration.services import history
from replication.configuration.signals import PROVEN
from replication.files.core.paths import RelPath
from replication.jobs.core.plan import Plan
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.models import Job, Target
from replication.jobs.runner import TargetOutcome, TargetWork
from replication.shared_paths.apply_job import target
from replication.shared_paths.apply_job.runner import SharedPathsRunner
from replication.shared_paths.core.apply_plans import PathsPlan
from replication.shared_paths.core.values import WantedValue
from replication.shared_paths.services.replicating import NOT_REPLICATED, request_replication
from tests.factories import make_cluster, make_node
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession
from tests.replication.files.rounds import ROOT, Interrupting

INI = RelPath("App/MDaemon.ini")
VALUE = WantedValue("users", INI, "Directories", "Mail", "/srv/mail/Users", "/mnt/mail/Users")


class Desk:
    """A job whose primary's part stands somewhere, and a secondary in memory."""

    def __init__(self) -> None:
        self.cluster: Cluster = make_cluster("mail")
        self.primary = make_node(self.cluster, "mx1", role=NodeRole.PRIMARY)
        self.node = make_node(self.cluster, "mx2")
        self.job = Job.objects.create(
            cluster=self.cluster, kind="shared_paths", state=JobState.RUNNING, options={"to": "shared", "moved": True}
        )
        self.first = Target.objects.create(job=self.job, node=self.primary, state=TargetState.VERIFIED)
        self.target = Target.objects.create(job=self.job, node=self.node, state=TargetState.RUNNING)
        self.disk = FakeDisk()
        self.disk.put(f"{ROOT}/{INI}", b"[directories]\r\nmail = /srv/mail/Users\r\n")

    def look(self) -> TargetOutcome:
        guard: Any = Interrupting("", LeaseLost("never"))
        detail = PathsPlan(self.primary.pk, "shared", (VALUE,), ())
        work = TargetWork(self.job, self.target, self.node, guard, Plan((), detail=detail))
        return target.secondary_run(work, detail)


@pytest.fixture
def desk(db: None, monkeypatch: pytest.MonkeyPatch) -> Desk:
    made = Desk()

    @contextmanager
    def opened(node: Node) -> Iterator[NodeLink]:
        yield NodeLink(FakeSession(made.disk), platform_named("posix"), ROOT, Capabilities(), node.pk, node.name)

    monkeypatch.setattr(target, "open_node", opened)
    return made


@pytest.mark.parametrize(
    ("primary", "becomes"),
    [
        (TargetState.RUNNING, TargetState.WAITING),
        (TargetState.WAITING, TargetState.WAITING),
        (TargetState.HALTED, TargetState.CANCELLED),
        (TargetState.FAILED, TargetState.CANCELLED),
        (TargetState.BLOCKED, TargetState.CANCELLED),
    ],
)
def test_a_secondary_is_not_asked_before_the_primary_is_proven(desk: Desk, primary: str, becomes: str) -> None:
    Target.objects.filter(pk=desk.first.pk).update(state=primary)
    desk.disk.names.clear()
    assert desk.look().state == becomes


def test_who_is_no_primary_any_more_is_not_written_to(desk: Desk) -> None:
    """The role went to another server after the plan was approved: there the line would never be replicated from."""
    Node.objects.filter(pk=desk.primary.pk).update(role=NodeRole.SECONDARY)
    desk.primary.refresh_from_db()
    guard: Any = Interrupting("", LeaseLost("never"))
    detail = PathsPlan(desk.primary.pk, "shared", (VALUE,), ())
    work = TargetWork(desk.job, desk.first, desk.primary, guard, Plan((), detail=detail))
    came = SharedPathsRunner().run_target(work)
    assert (came.state, came.error_code) == (TargetState.HALTED, "plan_outdated")


def test_who_left_meanwhile_is_no_part_of_it(desk: Desk) -> None:
    desk.node.joining = Joining.LEAVING
    with pytest.raises(Refused, match="is leaving the cluster"):
        desk.look()


def test_it_is_proven_by_what_it_holds(desk: Desk) -> None:
    desk.disk.put(f"{ROOT}/{INI}", b"[DIRECTORIES]\nMAIL=/mnt/mail/Users\nMail=/other\n")
    came = desk.look()
    assert came.state == TargetState.VERIFIED
    assert came.evidence["values"] == ["[Directories] Mail=/mnt/mail/Users in App/MDaemon.ini"]


@pytest.mark.parametrize(
    "content", [None, b"", b"[Directories]\r\nmail=/MNT/mail/Users", b"[Cut\r\nMail=/mnt/mail/Users"]
)
def test_whatever_else_it_holds_it_waits(desk: Desk, content: bytes | None) -> None:
    del desk.disk.names[f"{ROOT}/{INI}"]
    if content is not None:
        desk.disk.put(f"{ROOT}/{INI}", content)
    came = desk.look()
    assert (came.state, came.error_code) == (TargetState.WAITING, NOT_REPLICATED)


def test_it_says_what_it_waits_for(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replication.shared_paths.services.replicating.check_portal_may_replicate", lambda _: None)
    assert desk.look().error.endswith("Replicate the cluster.")
    job = Job.objects.create(cluster=desk.cluster, kind=REPLICATE, state=JobState.AWAITING_APPROVAL)
    assert desk.look().error.endswith(f"Replication #{job.pk} is awaiting approval.")
    Job.objects.filter(pk=job.pk).update(state=JobState.HALTED, error="Too many files would go.")
    assert desk.look().error.endswith(f"Replication #{job.pk} is halted: Too many files would go.")
    Cluster.objects.update(replication_mode=ReplicationMode.NATIVE)
    desk.cluster.refresh_from_db()
    assert desk.look().error.endswith("MDaemon's own cluster service brings them there.")
    names = {"path": INI, "section": "Directories", "key": "Mail", "folded": "app/mdaemon.ini\tdirectories\tmail"}
    IniDecision.objects.create(node=desk.node, choice=IniChoice.KEEP, **names)
    assert desk.look().error.endswith("mx2 keeps [Directories] Mail of App/MDaemon.ini as its own.")


def test_who_waits_is_looked_at_again_once_replication_proved_the_node(desk: Desk) -> None:
    Target.objects.update(state=TargetState.WAITING, error_code=NOT_REPLICATED, not_before=later(300))
    history.record_baselines([])
    assert Target.objects.filter(not_before=None).count() == 0
    PROVEN.send(sender=None, node_ids=[desk.node.pk])
    assert list(Target.objects.filter(not_before=None)) == [desk.target]


def test_the_portal_replicates_by_itself_where_it_is_the_portal_that_does(desk: Desk) -> None:
    request_replication(desk.cluster, desk.job)
    assert not Job.objects.filter(kind=REPLICATE).exists()  # nobody attested that the servers' own service is off
    desk.cluster.replication_mode = ReplicationMode.NATIVE
    request_replication(desk.cluster, desk.job)
    assert not Job.objects.filter(kind=REPLICATE).exists()
