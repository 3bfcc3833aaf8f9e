"""A hostile node in a cluster: planning, the watch and replication go on without it, and take it up again."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from django.conf import settings as real

from accounts.models import Role
from accounts.principals import Principal
from clusterportal.env import Portal
from nodes.checks.services.attestations import Word, attest
from nodes.clusters.models import Cluster
from nodes.enums import Health, NodeRole
from nodes.errors import NodeError
from nodes.facts.selectors.facts import profile_of
from nodes.registry.models import Node
from nodes.registry.services.health import LIMIT
from nodes.remote.pool import close_all
from replication.drift import look as drift
from replication.jobs import failpoints, wake
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.driving import drive
from replication.jobs.models import Job
from replication.jobs.planning import plan_job
from replication.jobs.services.requests import JobRequest, request_job
from replication.membership.services import membership
from replication.watch.core.changes import Memory
from replication.watch.detector import look
from replication.watch.selectors.served import served_by_watch
from tests.factories import make_cluster, make_member
from tests.hostile.conftest import registered
from tests.hostile.server import HostileServer, Misdeed
from tests.journeys.trees import config_of, make_tree

TIMES = re.compile(r"^(stable_seconds|settle_seconds|semaphore_wait_seconds) = .*$", re.MULTILINE)
LONG_AGO = 1_600_000_000
NOTHING = Memory()
STORY = Path(__file__).parent.parent / "journeys" / "products" / "mdaemon-story.toml"


class Nobody:
    """The guard of whoever holds nothing."""

    def check(self) -> None: ...

    def progress(self, **_: Any) -> None: ...

    def event(self, *_: Any, **__: Any) -> None: ...

    def boundary(self, _: str) -> None: ...


@dataclass(slots=True)
class Scene:
    """A primary and two secondaries that hold what it has; each may turn."""

    cluster: Cluster
    boss: Principal
    folder: Path
    only_files: bool
    servers: list[HostileServer] = field(default_factory=list)
    roots: list[Path] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)

    def add(self) -> None:
        number = len(self.nodes)
        root, name = self.folder / f"mx{number}", f"mx{number}"
        make_tree(root, name, files=40, primary=not number)
        self.servers.append(HostileServer(self.folder / f"sshd{number}", only_files=self.only_files))
        role = NodeRole.SECONDARY if number else NodeRole.PRIMARY
        node = registered(self.servers[-1], self.cluster, self.boss, root, name=name, role=role)
        attest(self.boss, node_id=node.pk, word=Word("cluster_service", "off"))
        if number:
            membership.join(self.boss, node_id=node.pk, confirm_name=name)
        self.roots.append(root)
        self.nodes.append(node)

    def change(self, content: str) -> None:
        (self.roots[0] / "App" / "list0001.grp").write_text(content)

    def replicate(self) -> Job:
        """Request a job, plan it, drive what can be driven."""
        job = request_job(self.boss, JobRequest(self.cluster.pk, "replicate"))[0]
        assert plan_job(job.pk)
        drive()
        job.refresh_from_db()
        return job

    def states(self, job: Job) -> list[tuple[str, str]]:
        return list(job.targets.order_by("node").values_list("state", "error_code"))

    def health(self, number: int) -> tuple[str, str]:
        node = Node.objects.get(pk=self.nodes[number].pk)
        return node.health, node.health_cause

    def rewrite(self, content: str) -> None:
        """A change that shows in a file's time alone: whoever looks must read it, whenever that is."""
        self.change(content)
        os.utime(self.roots[0] / "App" / "list0001.grp", (LONG_AGO, LONG_AGO))

    def look(self, memory: Memory = NOTHING) -> Memory:
        """The watch's look at the primary."""
        primary = Node.objects.get(pk=self.nodes[0].pk)
        guard = cast("Any", Nobody())
        return look(primary, profile_of(self.cluster), served_by_watch(self.cluster), memory, guard).memory

    def is_whole(self, number: int) -> bool:
        held = config_of(self.roots[number])
        return config_of(self.roots[0]).items() <= held.items() and not list(self.roots[number].rglob(".cp~*"))


@pytest.fixture(params=[False, True], ids=["commands", "only-files"])
def scene(request, transactional_db, tmp_path: Path, settings, monkeypatch) -> Iterator[Scene]:
    monkeypatch.setattr(wake, "_send", lambda *_: None)
    (tmp_path / "hasty.toml").write_text(TIMES.sub(r"\1 = 0.05", STORY.read_text()))
    settings.PORTAL = replace(real.PORTAL, profile_folder=str(tmp_path), listing_names=2_000, listing_mib=1.0)
    cluster = make_cluster("mail", profile="hasty", approval="never")
    boss = Principal(user=make_member(cluster, Role.ADMINISTRATOR, "keeper"), via="console")
    made = Scene(cluster, boss, tmp_path, request.param)
    try:
        for _ in range(3):
            made.add()
        assert made.replicate().state == JobState.SUCCEEDED
        yield made
    finally:
        close_all()
        for server in made.servers:
            server.stop()


def test_a_secondary_that_breaks_a_limit_waits_and_the_others_are_proven(scene: Scene) -> None:
    with scene.servers[1].turned(Misdeed.ENDLESS_NAMES):
        scene.change("; first\r\n")
        job = scene.replicate()
        assert job.state == JobState.CONVERGING
        assert scene.states(job) == [(TargetState.WAITING, "limit_broken"), (TargetState.VERIFIED, "")]
        assert job.targets.get(node=scene.nodes[1]).error.startswith(f"{LIMIT} mx1: ")
        assert scene.is_whole(2)
        health, cause = scene.health(1)
        assert health == Health.DEGRADED
        assert cause.startswith(LIMIT)
        assert scene.health(2) == (Health.OK, "")
        drift._compare(scene.cluster.pk)
        assert scene.health(1) == (health, cause)
    scene.change("; second\r\n")
    assert scene.replicate().state == JobState.SUCCEEDED
    assert scene.is_whole(1)
    assert scene.health(1) == (Health.OK, "")


def test_a_secondary_that_turns_while_it_is_written_is_repaired(scene: Scene) -> None:
    due: list[Misdeed] = []

    def turn(boundary: str) -> None:
        if boundary == "staged-verified" and due:
            scene.servers[1].turn(due.pop())

    failpoints.OBSERVERS.append(turn)
    try:
        for misdeed in (Misdeed.NO_NAMES, Misdeed.ENDLESS_NAMES, Misdeed.HUGE_PACKET, Misdeed.SMALL_SAID):
            due.append(misdeed)
            scene.change(f"; {misdeed}\r\n")
            scene.replicate()
            assert not due
            scene.servers[1].turn_back()
    finally:
        failpoints.OBSERVERS.remove(turn)
    scene.change("; afterwards\r\n")
    assert scene.replicate().state == JobState.SUCCEEDED
    assert scene.is_whole(1)
    assert scene.is_whole(2)


def test_a_primary_that_gets_nowhere_is_left_by_the_watch_and_by_planning(
    scene: Scene, tight: Portal, settings
) -> None:
    of_its_own = Misdeed.HUGE_PACKET if scene.only_files else Misdeed.FLOOD
    patient = settings.PORTAL
    impatient = replace(tight, profile_folder=patient.profile_folder, listing_mib=1.0)
    scene.change("; a file to be read\r\n" * 5)
    assert scene.replicate().state == JobState.SUCCEEDED
    scene.rewrite("; a file to read on\r\n" * 5)  # long enough to be dripping for too long
    memory = scene.look()  # the next one finds that file as it was here, and so at rest
    for misdeed in (Misdeed.ENDLESS_NAMES, Misdeed.DRIP, Misdeed.HANG, of_its_own):
        settings.PORTAL = impatient
        with scene.servers[0].turned(misdeed, pause=0.1):
            with pytest.raises(NodeError):
                scene.look(memory)
            assert scene.health(0)[0] in (Health.DEGRADED, Health.DOWN)
            job = scene.replicate()
            assert (job.state, bool(job.error)) == (JobState.REQUESTED, True), misdeed
        close_all()  # what the server said before it was mended may still be on its way
        settings.PORTAL = patient
        job.refresh_from_db()
        scene.look()
        assert scene.health(0) == (Health.OK, "")
