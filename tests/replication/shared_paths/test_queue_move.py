"""Messages are moved from queues in which no server works any more, as the servers' own files say, and from no others:
on real servers."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from django.utils import timezone

from accounts.principals import SYSTEM
from nodes.clusters.selectors import plain_profile
from nodes.connection.connect import open_node
from nodes.enums import Joining, NodeRole
from nodes.facts.observe import observe_node
from nodes.queues.look import read_queues_of
from nodes.queues.models import QueueCount, QueueReading
from nodes.queues.selectors.queues import queues_of
from nodes.registry.models import Node
from nodes.shares.models import MountPoint, ShareCell, SharedPaths
from nodes.shares.reasons import ask_volume
from nodes.temp_names import Moving, MovingName
from replication.files.core.paths import RelPath
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.driving import drive
from replication.jobs.models import Job, Target
from replication.jobs.planning import plan_job
from replication.jobs.services.requests import JobRequest, request_job
from replication.shared_paths.apply_job.queued import queued_before, queued_now
from replication.shared_paths.core.apply_plans import SHARED_PATHS
from replication.shared_paths.core.queue_moves import QUEUE_MOVE
from replication.shared_paths.core.values import WantedValue
from replication.shared_paths.services.moving_messages import move_what_was_left
from tests.factories import make_cluster, make_node
from tests.journeys.trees import make_tree
from tests.replication.test_deaths import Scene, scene  # noqa: F401 - the fixture

OLD = time.time() - 3600


def put(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(f"{folder}/{name}".encode())
        os.utime(folder / name, (OLD, OLD))


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


class Servers:
    """Two servers, and a share that both mount."""

    def __init__(self, scene: Scene, tmp_path: Path) -> None:  # noqa: F811
        self.scene, self.share = scene, tmp_path / "share"
        (self.share / "Queues").mkdir(parents=True)
        self.roots, self.nodes, self.inis = [], [], []
        for name, role in (("mx0", NodeRole.PRIMARY), ("mx1", NodeRole.SECONDARY)):
            root = tmp_path / name
            make_tree(root, name, files=2)
            node = scene.register(name, root, role)
            MountPoint.objects.create(node=node, share=r"\\files\mail", folder=str(self.share))
            self.roots.append(root)
            self.nodes.append(node)
            self.inis.append((root / "App" / "MDaemon.ini").read_bytes())
        SharedPaths.objects.create(cluster=scene.cluster, routing=True, queues=r"\\files\mail\Queues")

    def prove(self) -> None:
        """A share test found that what is at the mount points is shared, although it looks like the nodes' own disk."""
        with open_node(self.nodes[0]) as link:
            volume = ask_volume(link.session, link.platform, str(self.share), timeout=60)
        said = {"cluster": self.scene.cluster, "tested_at": timezone.now(), "job_number": 1, "volume": str(volume)}
        for node in self.nodes:
            ShareCell.objects.create(node=node, role="queues", path=r"\\files\mail\Queues", state="ok", **said)

    def work_in(self, number: int, folder: Path, *, raw: str = "") -> None:
        """A server's own file says that it works there."""
        keys = f"\r\n[Paths]\r\nQueues={folder}\r\n" + (f"[Directories]\r\nRaw={raw}\r\n" if raw else "")
        (self.roots[number] / "App" / "MDaemon.ini").write_bytes(self.inis[number] + keys.encode())

    def move(self) -> Job:
        job, _ = request_job(self.scene.who, JobRequest(self.scene.cluster.pk, QUEUE_MOVE))
        plan_job(job.pk)
        drive()
        job.refresh_from_db()
        return job

    def read(self) -> None:
        for node in self.nodes:
            observe_node(node.pk)
            read_queues_of(node.pk)


@pytest.fixture
def servers(scene: Scene, tmp_path: Path) -> Servers:  # noqa: F811
    return Servers(scene, tmp_path)


def test_from_each_servers_own_queue_to_the_shared_one_and_back(servers: Servers) -> None:
    mx0, mx1 = servers.roots
    shared = servers.share / "Queues"
    put(mx0 / "Queues" / "Local", "a.msg", "same.msg")
    put(mx1 / "Queues" / "Local", "b.msg", "same.msg")
    put(mx1 / "Queues" / "Raw", "raw.raw")
    servers.work_in(0, shared)
    servers.work_in(1, shared, raw=str(mx1 / "Queues" / "Raw"))
    refused = servers.move()
    assert (refused.state, refused.error_code) == (JobState.FAILED, "share_not_mounted")
    assert names(shared) == [], "for all that anybody knows that is each node's own disk"
    servers.prove()

    job = servers.move()

    assert job.state == JobState.SUCCEEDED, job.error
    assert job.plan_summary["by_node"] == {"mx0": {"Local": 2}, "mx1": {"Local": 2}}
    assert (names(mx0 / "Queues"), names(mx1 / "Queues")) == ([], ["Raw/raw.raw"])  # its server still takes it there
    [renamed] = [name for name in names(shared) if "-n" in name]
    assert sorted({*names(shared)} - {renamed}) == ["Local/a.msg", "Local/b.msg", "Local/same.msg"]
    assert Target.objects.get(job=job, node=servers.nodes[1]).evidence["still_used"] == ["Raw"]

    servers.read()
    servers.work_in(0, mx0 / "Queues")
    servers.read()
    refused = servers.move()
    assert (refused.state, refused.error_code) == (JobState.FAILED, "still_used")
    assert "mx1 still works in" in refused.error
    servers.work_in(1, mx1 / "Queues")
    servers.read()
    [left] = queues_of(servers.scene.cluster).left
    assert (left.node, left.total.messages) == (servers.nodes[0], 4)
    assert servers.move().state == JobState.SUCCEEDED
    assert (names(shared), len(names(mx0 / "Queues"))) == ([], 4)


def test_what_others_moved_is_no_success_where_one_server_is_refused(servers: Servers) -> None:
    mx0, mx1 = servers.roots
    put(mx0 / "Queues" / "Local", "a.msg")
    put(mx1 / "Queues" / "Local", "b.msg")
    servers.work_in(0, servers.share / "Queues")
    (mx1 / "App" / "MDaemon.ini").write_bytes(b"[Cut")
    servers.prove()
    job = servers.move()
    ended = {target.node: (target.state, target.error_code) for target in job.targets.select_related("node")}
    assert (job.state, names(servers.share / "Queues")) == (JobState.FAILED, ["Local/a.msg"])
    assert ended == {servers.nodes[0]: ("verified", ""), servers.nodes[1]: ("failed", "broken_ini")}


def test_two_names_of_one_folder_are_told_and_nothing_is_moved(servers: Servers) -> None:
    """As a short name on Windows is, or another name of the file server."""
    (mx0, _), shared = servers.roots, servers.share / "Queues"
    put(shared / "Local", "a.msg")
    (mx0 / "Queues").symlink_to(shared)
    servers.work_in(0, shared)
    servers.prove()
    Node.objects.filter(pk=servers.nodes[1].pk).update(joining=Joining.LEFT)
    job = servers.move()
    assert (job.state, job.targets.get().error_code) == (JobState.FAILED, "same_folder")
    assert "are one folder" in job.targets.get().error
    assert names(shared) == ["Local/a.msg"]


def test_what_a_move_began_goes_on_although_the_server_works_there_again(servers: Servers) -> None:
    """Routing was switched on, the move was cut short, and routing was switched off again."""
    (mx0, mx1), shared = servers.roots, servers.share / "Queues"
    servers.prove()
    for number in (0, 1):
        servers.work_in(number, shared)
    servers.read()
    for number, root in enumerate(servers.roots):
        servers.work_in(number, root / "Queues")
        put(root / "Queues" / "Local", str(MovingName(Moving.CLAIMED, "", f"begun{number}.msg")), f"own{number}.msg")
    servers.read()
    for _ in range(2):  # the primary takes out of the shared queue what the others put there meanwhile
        assert servers.move().state == JobState.SUCCEEDED
    assert names(shared) == []
    assert names(mx1 / "Queues") == ["Local/own1.msg"]
    assert names(mx0 / "Queues") == ["Local/begun0.msg", "Local/begun1.msg", "Local/own0.msg"]


def test_what_waits_is_counted_before_and_after_the_folder_of_the_queues_is_changed(servers: Servers) -> None:
    (node, _), (mx0, _), shared = servers.nodes, servers.roots, servers.share / "Queues"
    put(mx0 / "Queues" / "Local", "a.msg", "b.msg")
    put(shared / "Remote", "c.msg")
    servers.read()
    about = [WantedValue("queues", RelPath("App/MDaemon.ini"), "Paths", "Queues", "x", "y")]
    [part] = queued_before(servers.scene.cluster, about)[node.pk].parts
    assert [(line.text, line.note.partition(",")[0]) for line in part.lines] == [("Local", "2 messages")]
    profile = plain_profile(servers.scene.cluster)
    with open_node(node) as link:
        queued = queued_now(link, node, profile, about)
        assert queued_now(link, node, profile, []) == {}
    assert queued == {"queued": {str(mx0 / "Queues"): {"Local": 2}, str(shared): {"Remote": 1}}}
    assert queued_before(servers.scene.cluster, []) == {}


def test_a_share_that_is_not_there_takes_nothing_and_an_away_server_is_waited_for(servers: Servers) -> None:
    mx0, _ = servers.roots
    shared = servers.share / "Queues"
    put(mx0 / "Queues" / "Local", "a.msg")
    for number in (0, 1):
        servers.work_in(number, shared)
    servers.prove()
    shared.rename(servers.share / "gone")
    Node.objects.filter(pk=servers.nodes[1].pk).update(port=1)

    job = servers.move()

    states = dict(Target.objects.filter(job=job).values_list("node__name", "state"))
    assert states == {"mx0": TargetState.WAITING, "mx1": TargetState.WAITING}
    assert "Is its share mounted?" in Target.objects.get(job=job, node=servers.nodes[0]).error
    assert names(mx0 / "Queues") == ["Local/a.msg"]
    (servers.share / "gone").rename(shared)
    cells = ShareCell.objects.filter(node=servers.nodes[0])
    volume = cells.get().volume
    cells.update(volume="files:/mail at /mnt/mail")  # unmounted since the plan was made
    Target.objects.filter(job=job).update(not_before=None)
    drive()
    target = Target.objects.get(job=job, node=servers.nodes[0])
    assert (target.state, target.error_code) == (TargetState.WAITING, "share_not_mounted")
    assert (names(mx0 / "Queues"), names(shared)) == (["Local/a.msg"], [])
    cells.update(volume=volume)
    Target.objects.filter(job=job).update(not_before=None)
    drive()
    assert (names(mx0 / "Queues"), names(shared)) == ([], ["Local/a.msg"])


def test_what_was_left_is_moved_by_the_portal_once_for_each_time_that_paths_were_applied(transactional_db) -> None:
    cluster = make_cluster(clustering="on")
    reading = QueueReading.objects.create(node=make_node(cluster, role=NodeRole.PRIMARY))
    count = QueueCount.objects.create(reading=reading, queue="Local", left=True, messages=0, size=0)
    fields = {"requester": "x", "state": JobState.SUCCEEDED}
    move_what_was_left()
    QueueCount.objects.filter(pk=count.pk).update(messages=2)
    move_what_was_left()
    assert not Job.objects.exists()
    for number in (1, 2):
        applied = Job.objects.create(cluster=cluster, kind=SHARED_PATHS, **fields)
        move_what_was_left()
        move_what_was_left()
        jobs = Job.objects.filter(kind=QUEUE_MOVE)
        assert (jobs.count(), jobs.latest("pk").requester) == (number, SYSTEM.name)
        assert f"#{applied.pk}" in jobs.latest("pk").reason
