"""kill -9 at every step boundary of the kinds `leave`, `features` and `queue_move`, and of a swap that overwrites an
edit, on a real server: taken over and repaired.

Each worker is a process of its own that is forked, does one thing and ends, or is killed at the boundary. That it died
is seen when its lease is over: time is moved by hand. `replicate`'s deaths, with Celery's workers and in real time, are
told in `tests/journeys/test_kills.py`.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from django.conf import settings as real
from django.db import connections
from django.utils import timezone

from accounts.models import Role
from accounts.principals import Principal
from nodes.checks.services.attestations import Word, attest
from nodes.clusters.models import Cluster
from nodes.connection.connect import open_node
from nodes.credentials.services import Login, PrivateKey, store_key
from nodes.enums import Clustering, Joining, NodeRole
from nodes.facts.models import FeatureMemory
from nodes.leases.clock import later
from nodes.registry.models import Node
from nodes.registry.services.nodes import NewNode, register_node
from nodes.shares.models import MountPoint, ShareCell, SharedPaths
from nodes.shares.reasons import ask_volume
from replication.clustering.core.features import OFF, RESTORE
from replication.clustering.services import clustering
from replication.clustering.services.clustering import DisableRequest
from replication.configuration.models import Conflict
from replication.jobs import failpoints
from replication.jobs.core.states import JobState
from replication.jobs.driving import drive
from replication.jobs.models import Job, JobEvent, Target
from replication.jobs.planning import plan_job
from replication.jobs.services.recovery import sweep
from replication.jobs.services.requests import JobRequest, approve_job, request_job
from replication.membership.services import membership
from replication.membership.services.membership import LeaveRequest
from replication.objects import default_store
from replication.shared_paths.core.queue_moves import QUEUE_MOVE
from tests.factories import make_cluster, make_member
from tests.journeys.test_join_leave import make_joining_tree, photograph
from tests.journeys.trees import config_of, make_tree
from tests.journeys.ward import FULL
from tests.sshd import SshdServer

REPLICATION = Path(failpoints.__file__).parent.parent
BOUNDARY = re.compile(r"\b(?:boundary|reached)\(\"([a-z-]+)\"\)")
TIMES = re.compile(r"^(stable_seconds|settle_seconds|semaphore_wait_seconds) = .*$", re.MULTILINE)
ENGINE = ("jobs/planning.py", "jobs/driving.py")
WRITING = (
    "configuration/edited_files.py",
    "files/apply/round.py",
    "files/apply/staging.py",
    "files/apply/swap.py",
    "files/apply/semaphores.py",
)

SWAPPING = ("staged-verified", "undo-copied", "replaced", "swapped-group", "edits-kept", "cleaned")
"""Boundaries at which what is replaced is in danger."""

NOTHING_LEFT = {"plan-written", "outcomes-written"}
"""Boundaries at which all that was begun is written."""

IN_A_ROW = 3

DOMAINS = (
    b"[a.example]\r\nMaxUsers=0\r\nBind=Yes\r\n[b.example]\r\nBind = yes \r\nSecret=hush\r\n[c.example]\r\nBind=No\r\n"
)
SWITCHED = DOMAINS.replace(b"Bind=Yes", b"Bind=No").replace(b"Bind = yes", b"Bind = No")


def named(*patterns: str) -> set[str]:
    """Every boundary that the code names."""
    files = [path for pattern in patterns for path in REPLICATION.glob(pattern)]
    return {name for path in files for name in BOUNDARY.findall(path.read_text())}


@dataclass(slots=True)
class Hands:
    """Workers, one after the other. `doomed`: the boundaries at which they still have to die, in this order.
    `meanwhile`: what others do at each boundary."""

    seen: Path
    doomed: list[str] = field(default_factory=list)
    meanwhile: Callable[[str], None] = print

    def work(self, *jobs: Job) -> bool:
        """Plan the jobs and drive what there is, in a process of its own. Answers whether it was killed."""
        connections.close_all()
        child = os.fork()
        if child == 0:
            self._live([job.pk for job in jobs])
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status)
        assert killed or os.WEXITSTATUS(status) == 0, "the worker's own words are above"
        assert not killed or os.WTERMSIG(status) == signal.SIGKILL
        return killed

    def _live(self, jobs: list[int]) -> None:
        try:
            failpoints.OBSERVERS.append(self._reach)
            for job in jobs:
                plan_job(job)
            drive()
        except BaseException:  # noqa: BLE001 - the parent is told by the exit status
            traceback.print_exc()
            os._exit(1)
        os._exit(0)

    def _reach(self, name: str) -> None:
        with self.seen.open("a") as lines:
            lines.write(f"{name}\n")
        self.meanwhile(name)
        if self.doomed[:1] == [name]:
            os.kill(os.getpid(), signal.SIGKILL)

    def finish(self, job: Job, approve: Callable[[Job], None]) -> None:
        """Bring a job to its end, whoever dies on the way."""
        for _ in range(len(self.doomed) + 3):
            if self.work(job):
                self.doomed.pop(0)
                lapse()
            job.refresh_from_db()
            if job.state == JobState.AWAITING_APPROVAL:
                approve(job)
            elif job.state == JobState.SUCCEEDED:
                return
        raise AssertionError((job.state, job.error, list(JobEvent.objects.filter(job=job).values_list("text"))))


def lapse() -> None:
    """All leases are over, and the sweep sees it."""
    Job.objects.update(lease_until=later(-60))
    Target.objects.update(lease_until=later(-60))
    sweep()


@dataclass(slots=True)
class Scene:
    """A cluster of real servers, who acts on it, and its workers."""

    cluster: Cluster
    who: Principal
    hands: Hands
    servers: list[SshdServer] = field(default_factory=list)

    def register(self, name: str, root: Path, role: NodeRole) -> Node:
        server = SshdServer.start(root.parent / f"sshd-{name}")
        self.servers.append(server)
        login = Login(cluster_id=self.cluster.pk, name=name, username=server.username)
        new = NewNode(
            cluster_id=self.cluster.pk,
            name=name,
            address="127.0.0.1",
            port=server.port,
            platform="posix",
            role=role,
            install_root=str(root),
            credential_id=store_key(self.who, login=login, key=PrivateKey(server.login_key.private)).pk,
            host_key_fingerprint=server.fingerprint,
        )
        node = register_node(self.who, new=new)
        attest(self.who, node_id=node.pk, word=Word("cluster_service", "off"))
        return node

    def approve(self, job: Job) -> None:
        approve_job(self.who, job.pk, job.plan_digest)

    def finish(self, job: Job, doomed: Sequence[str] = ()) -> None:
        """To its end; somebody dies at each boundary named, and each death that left work behind is in the log."""
        self.hands.doomed = [*doomed]
        self.hands.finish(job, self.approve)
        assert self.hands.doomed == [], "nobody died there"
        told = JobEvent.objects.filter(job=job, code__in=("job.planner_died", "target.worker_died"))
        assert told.count() == len(set(doomed) - NOTHING_LEFT)

    def reached(self) -> list[str]:
        """The boundaries that were reached since the last look, in the order of their first time."""
        found = dict.fromkeys(self.hands.seen.read_text().split())
        self.hands.seen.unlink()
        return list(found)


def chains(reached: list[str]) -> list[list[str]]:
    """Every boundary once: some deaths in a row for each job; in a full run a job for each."""
    count = len(reached) if FULL else -(-len(reached) // IN_A_ROW)
    return [reached[first::count] for first in range(count)]


@pytest.fixture
def scene(transactional_db, tmp_path: Path, settings) -> Iterator[Scene]:
    story = (Path(__file__).parent.parent / "journeys" / "products" / "mdaemon-story.toml").read_text()
    (tmp_path / "hasty.toml").write_text(TIMES.sub(r"\1 = 0.05", story))
    settings.PORTAL = replace(real.PORTAL, lease=20.0, renew=0.4, operation=5.0, profile_folder=str(tmp_path))
    cluster = make_cluster("mail", profile="hasty", approval="never")
    who = Principal(user=make_member(cluster, Role.ADMINISTRATOR, "keeper"), via="console")
    made = Scene(cluster, who, Hands(tmp_path / "seen"))
    yield made
    for server in made.servers:
        server.stop()


def test_every_death_while_a_server_leaves_is_repaired(scene: Scene, tmp_path: Path) -> None:
    primary, root = tmp_path / "mx0", tmp_path / "mx9"
    make_tree(primary, "mx0", files=40)
    make_joining_tree(root)
    (primary / "App" / "new folder").mkdir()
    (primary / "App" / "new folder" / "new.dat").write_bytes(b"new")
    before = photograph(root)
    scene.register("mx0", primary, NodeRole.PRIMARY)
    node = scene.register("mx9", root, NodeRole.SECONDARY)

    def come_and_go(doomed: Sequence[str] = ()) -> None:
        membership.join(scene.who, node_id=node.pk, confirm_name="mx9")
        scene.finish(request_job(scene.who, JobRequest(scene.cluster.pk, "replicate"))[0])
        assert config_of(root).items() >= config_of(primary).items()
        scene.reached()
        job, _ = membership.leave(scene.who, LeaveRequest(node.pk, confirm_name="mx9"))
        scene.finish(job, doomed)
        node.refresh_from_db()
        assert (node.joining, photograph(root)) == (Joining.LEFT, before), doomed

    come_and_go()
    reached = scene.reached()
    assert set(reached) == named(
        *ENGINE, "configuration/job/target.py", "membership/leave_job/*.py", "files/apply/*.py"
    )
    for chain in chains(reached):
        come_and_go(chain)


def test_a_late_edit_outlives_every_worker_that_dies_in_the_swap(scene: Scene, tmp_path: Path) -> None:
    primary, root = tmp_path / "mx0", tmp_path / "mx9"
    make_tree(primary, "mx0", files=40)
    make_joining_tree(root)
    scene.register("mx0", primary, NodeRole.PRIMARY)
    node = scene.register("mx9", root, NodeRole.SECONDARY)
    membership.join(scene.who, node_id=node.pk, confirm_name="mx9")
    scene.finish(request_job(scene.who, JobRequest(scene.cluster.pk, "replicate"))[0])
    ours, theirs = primary / "App" / "list0001.grp", root / "App" / "list0001.grp"

    def edit(name: str) -> None:
        if name == "staged-verified" and theirs.read_bytes() == before:
            theirs.write_bytes(mine)

    scene.hands.meanwhile = edit
    for number, boundary in enumerate(SWAPPING):
        before, mine = theirs.read_bytes(), f"; mine, number {number}\r\n".encode()
        ours.write_bytes(f"; change {number}\r\n".encode())
        job = request_job(scene.who, JobRequest(scene.cluster.pk, "replicate"))[0]
        scene.finish(job, [boundary])
        kept = [default_store().get(conflict.content) for conflict in Conflict.objects.filter(job=job)]
        assert (kept, theirs.read_bytes()) == ([mine], ours.read_bytes()), boundary
        assert not list(root.rglob(".cp~*")), boundary


def test_every_death_while_features_are_switched_is_repaired(scene: Scene, tmp_path: Path) -> None:
    root = tmp_path / "mx0"
    make_tree(root, "mx0", files=40)
    domains = root / "App" / "Domains.dat"
    domains.write_bytes(DOMAINS)
    before = photograph(root)
    scene.register("mx0", root, NodeRole.PRIMARY)
    disabled = DisableRequest(scene.cluster.pk, confirm_name="mail")

    def on_and_off(doomed: Sequence[str] = ()) -> None:
        clustering.enable(scene.who, scene.cluster.pk)
        scene.finish(Job.objects.get(state=JobState.REQUESTED, options__to=OFF), doomed)
        assert domains.read_bytes() == SWITCHED, doomed
        rows = FeatureMemory.objects.filter(restored_at=None)
        assert sorted((row.section, row.shown, row.off) for row in rows) == [
            ("a.example", "Yes", "No"),
            ("b.example", "yes", "No"),
        ], doomed
        clustering.disable(scene.who, disabled)
        scene.finish(Job.objects.get(state=JobState.REQUESTED, options__to=RESTORE), doomed)
        scene.cluster.refresh_from_db()
        assert scene.cluster.clustering == Clustering.OFF
        assert not FeatureMemory.objects.filter(restored_at=None).exists()
        os.utime(domains, (before["App/Domains.dat"][1],) * 2)
        assert photograph(root) == before, doomed

    Cluster.objects.update(clustering=Clustering.OFF)
    on_and_off()
    reached = scene.reached()
    assert set(reached) == named(*ENGINE, "clustering/feature_job/*.py", *WRITING)
    for chain in chains(reached):
        on_and_off(chain)


def test_every_death_while_left_messages_are_moved_is_repaired(scene: Scene, tmp_path: Path) -> None:
    root, share = tmp_path / "mx0", tmp_path / "share" / "Queues"
    make_tree(root, "mx0", files=4)
    ini = root / "App" / "MDaemon.ini"
    ini.write_bytes(ini.read_bytes() + f"\r\n[Paths]\r\nQueues={share}\r\n".encode())
    share.mkdir(parents=True)
    node = scene.register("mx0", root, NodeRole.PRIMARY)
    SharedPaths.objects.create(cluster=scene.cluster, routing=True, queues=r"\\files\mail\Queues")
    MountPoint.objects.create(node=node, share=r"\\files\mail", folder=str(share.parent))
    with open_node(node) as link:  # it looks like the node's own disk: a share test proved it
        volume = str(ask_volume(link.session, link.platform, str(share.parent), timeout=60))
    said = {"cluster": scene.cluster, "tested_at": timezone.now(), "job_number": 1, "volume": volume}
    ShareCell.objects.create(node=node, role="queues", path=r"\\files\mail\Queues", state="ok", **said)
    local = root / "Queues"
    old = time.time() - 3600
    wanted = {f"Local/md{number}.msg": f"message {number}\r\n".encode() for number in range(5)}
    wanted |= {"Remote/md7.msg": b"x" * 200_000}

    def move(doomed: Sequence[str] = ()) -> None:
        shutil.rmtree(share)
        share.mkdir()
        for name, content in wanted.items():
            (local / name).parent.mkdir(parents=True, exist_ok=True)
            (local / name).write_bytes(content)
            os.utime(local / name, (old, old))
        job, _ = request_job(scene.who, JobRequest(scene.cluster.pk, QUEUE_MOVE))
        scene.finish(job, doomed)
        assert [path for path in local.rglob("*") if path.is_file()] == [], doomed
        there = {path.relative_to(share).as_posix(): path for path in share.rglob("*") if path.is_file()}
        assert {name: path.read_bytes() for name, path in there.items()} == wanted, doomed
        assert {int(path.stat().st_mtime) for path in there.values()} == {int(old)}, doomed
        assert Target.objects.get(job=job).evidence["after"] == {}, doomed

    move()
    reached = scene.reached()
    assert set(reached) == named(*ENGINE, "shared_paths/drain_job/*.py")
    for chain in chains(reached):
        move(chain)
