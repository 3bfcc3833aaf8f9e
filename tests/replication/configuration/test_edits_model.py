"""Whatever people, primary and fate do to a cluster: no content that replication takes out of its place is lost.

Hypothesis writes the stories: files are edited, deleted and made on the primary and on secondaries, a folder becomes a
file and a file a folder, between jobs and while one works; workers are killed, cut off or stopped at any step. The code
of the job is the real one; the nodes and the store are in memory, and what the engine's threads do is done in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from typing import Any, ClassVar

import pytest
from django.db import connections, transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.models import Cluster
from nodes.connection.connect import NodeLink
from nodes.enums import NodeRole
from nodes.errors import SessionLost
from nodes.leases.clock import later
from nodes.leases.errors import Interrupted, LeaseLost
from nodes.leases.worker import SHUTTING_DOWN
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.products.loading import load_profile
from nodes.registry.models import Node
from nodes.remote.session import FileKind
from replication.configuration.job import planning, runner, snapshot, target
from replication.configuration.job.loading import manifest_at
from replication.configuration.job.looking import node_jobs
from replication.configuration.job.planning import RECENT
from replication.configuration.models import Conflict, Origin, Snapshot
from replication.files.apply.names import parse
from replication.jobs import driving, plan_store
from replication.jobs import planning as job_planning
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.core.states import JOB_TERMINAL, JobState
from replication.jobs.kinds import kind_named
from replication.jobs.lease import ClaimedLease, Keeper
from replication.jobs.models import Job, Target
from replication.jobs.runner import PlanWork, TargetWork
from replication.jobs.services.claims import claim_job, claim_targets
from replication.jobs.services.outcomes import finish_targets
from replication.jobs.services.recovery import sweep
from replication.jobs.services.requests import cancel_job
from replication.membership.leave_job.comparison import remembered
from replication.membership.leave_job.target import LeaveRun
from tests.factories import make_cluster, make_node, make_user
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession
from tests.fakes.store import FakeStore
from tests.journeys.ward import FULL
from tests.replication.files.rounds import ROOT, Interrupting, Killed, digest

PHASES = (Phase.generate, Phase.shrink) if FULL else (Phase.generate,)
"""A story that fails is made short in a full run only: that takes minutes."""

NAMES = ("mx0", "mx1", "mx2")
PATHS = ("App/one.grp", "App/two.dat", "App/both.dat", "App/both.dat/inside.dat")
PROFILE = replace(
    load_profile("mdaemon").with_overrides((("App/**", "config"),)),
    settle_seconds=0.0,
    semaphore_wait_seconds=0.0,
    stable_seconds=0.0,
)

LOOKS = ("looked", "kept", "staged-verified", "undo-copied", "replaced", "edits-kept")
"""Boundaries after which an edit may go unseen."""
ENDS = (*LOOKS, "swept", "deleted", "swapped-group", "cleaned", "settled", "proven")
WAYS = ("none", "killed", "lease lost", "connection lost", "cancelled", "cluster paused", "node paused", "told to end")


@dataclass(frozen=True, slots=True)
class Moment:
    """So many steps after a boundary was reached for the first time in the work on a node."""

    node: str
    boundary: str
    steps: int


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody does to a file: deletes it, or gives it a content that nothing had before."""

    node: str
    path: str
    delete: bool


def moments(boundaries: Sequence[str]) -> st.SearchStrategy[Moment]:
    return st.builds(Moment, st.sampled_from(NAMES[1:]), st.sampled_from(boundaries), st.integers(0, 8))


ON_PRIMARY = Edit(NAMES[0], "App/one.grp", delete=False)
RARELY = st.sampled_from((False, False, False, True))
EDITS = st.builds(Edit, st.sampled_from(NAMES), st.sampled_from(PATHS), RARELY)
LATE = st.lists(st.tuples(moments(LOOKS), st.sampled_from((*PATHS, "", "")), RARELY), min_size=1, max_size=3)
"""Edits that come meanwhile, where the work is at that moment: mostly ("") of the file that changed."""


class Course:
    """What happens, step by step, while a worker works; each act comes at its moment, once."""

    def __init__(self) -> None:
        self.end: BaseException | None = None
        self.signalled = False
        self._waiting: list[tuple[Moment, Callable[[], None]]] = []
        self._due: list[tuple[int, Callable[[], None]]] = []
        self._steps = 0

    def expect(self, moment: Moment, act: Callable[[], None]) -> None:
        self._waiting.append((moment, act))

    def reached(self, node: str, name: str) -> None:
        here = [one for one in self._waiting if (one[0].node, one[0].boundary) == (node, name)]
        self._waiting = [one for one in self._waiting if one not in here]
        self._due += [(self._steps + moment.steps, act) for moment, act in here]

    def step(self, *felt: type[BaseException]) -> None:
        """One thing is about to be done. Raises what ended the worker, if this is where it feels it."""
        self._steps += 1
        now = [act for when, act in self._due if when < self._steps]
        self._due = [one for one in self._due if one[0] >= self._steps]
        for act in now:
            act()
        if self.end is not None and isinstance(self.end, (Killed, *felt)):
            raise self.end


class CourseStore(FakeStore):
    """The store of workers that may die before and after content is in it."""

    course = Course()

    def put_stream(self, chunks: Any, *, secret: bool = False) -> Any:
        content = b"".join(chunks)
        self.course.step()
        stored = super().put_stream([content], secret=secret)
        self.course.step()
        return stored


@dataclass(slots=True)
class Server:
    """A node. `taken`: every content that the portal took out of its place there. `swapping`: a file was given its
    second name and is about to be replaced; what is put there by another program now is beyond anybody's help."""

    name: str
    row: Node
    disk: FakeDisk
    taken: set[bytes] = field(default_factory=set)
    swapping: bool = False

    def contents(self) -> set[bytes]:
        return {bytes(inode.data) for inode in self.disk.names.values() if inode.kind is FileKind.FILE}


class CourseSession(FakeSession):
    """The connection of a worker that may die; it notes what it takes away."""

    def __init__(self, server: Server, course: Course) -> None:
        super().__init__(server.disk)
        self.server, self.course = server, course

    def _alive(self) -> None:
        self.lost = isinstance(self.course.end, Killed | SessionLost)
        self.course.step(SessionLost)

    def link_many(self, pairs: Any) -> Any:
        self.server.swapping = any((own := parse(new)) and own.kind == "u" for _, new in pairs)
        return super().link_many(pairs)

    def replace_many(self, pairs: Any) -> Any:
        try:
            return super().replace_many(pairs)
        finally:
            self.server.swapping = False

    def _replace(self, pair: tuple[str, str]) -> None:
        for name in pair:
            self._take(name)
        super()._replace(pair)

    def _remove(self, path: str) -> None:
        self._take(path)
        super()._remove(path)

    def _take(self, name: str) -> None:
        inode = self.disk.names.get(name)
        if inode is not None and inode.kind is FileKind.FILE and not parse(name):
            self.server.taken.add(bytes(inode.data))


class CourseLease(ClaimedLease):
    """A real lease, looked after by whoever works under it."""

    course: Course
    node: str

    def boundary(self, name: str) -> None:
        self.course.step()
        self.course.reached(self.node, name)
        super().boundary(name)

    def check(self) -> None:
        self.course.step(Interrupted)
        if self.course.signalled:
            Keeper().look([self])
        super().check()

    def progress(self, **changes: Any) -> None:
        self.course.step()
        super().progress(**changes)

    def event(self, *words: Any) -> None:
        self.course.step()
        super().event(*words)


class World:
    """A cluster of a primary and two secondaries, and its one worker. `now`, `store`: those of the story under way."""

    now: ClassVar[World]
    store: ClassVar[Any]

    def __init__(self) -> None:
        World.now, World.store = self, CourseStore()
        self.contents, self.seconds = count(1), count(1)
        self.cluster = make_cluster(approval="never")
        self.boss = Principal(user=make_user(portal_role=Role.ADMINISTRATOR), via="console")
        self.servers = {name: self._server(name) for name in NAMES}
        self.by_id = {server.row.pk: server for server in self.servers.values()}
        self.course = Course()

    def _server(self, name: str) -> Server:
        role = NodeRole.PRIMARY if name == NAMES[0] else NodeRole.SECONDARY
        disk = FakeDisk(now_ns=lambda: (10**9 + 10 * next(self.seconds)) * 10**9)
        disk.put(f"{ROOT}/App/MDaemon.grp", b"the same everywhere")
        disk.put(f"{ROOT}/App/one.grp", self._new())
        return Server(name, make_node(self.cluster, name, role=role), disk)

    def _new(self) -> bytes:
        number = next(self.contents)
        return b"%d " % number + b"." * number

    @contextmanager
    def open_node(self, row: Node) -> Iterator[NodeLink]:
        session = CourseSession(self.by_id[row.pk], self.course)
        yield NodeLink(session, platform_named("posix"), ROOT, Capabilities(), row.pk, row.name)

    def edit(self, edit: Edit) -> None:
        """Between jobs: also a folder where a file was, and a file where a folder was."""
        server, path = self.servers[edit.node], f"{ROOT}/{edit.path}"
        names, folder = server.disk.names, path.rpartition("/")[0]
        for name in [name for name in names if name.startswith(f"{path}/") or name == folder]:
            if not edit.delete and (name != folder or names[name].kind is FileKind.FILE):
                self._gone_for_good(server, name)
        self._write_or_delete(server, path, delete=edit.delete)

    def edit_meanwhile(self, edit: Edit) -> None:
        """While a worker works there: as a program does that writes into the file that is there, or makes one."""
        server, path = self.servers[edit.node], f"{ROOT}/{edit.path}"
        there = server.disk.names.get(path)
        folder = server.disk.names.get(path.rpartition("/")[0])
        can_be_made = folder is not None and folder.kind is FileKind.FOLDER and not server.swapping
        if (there is None and can_be_made) or (there is not None and there.kind is FileKind.FILE):
            self._write_or_delete(server, path, delete=edit.delete)

    def _write_or_delete(self, server: Server, path: str, *, delete: bool) -> None:
        names = server.disk.names
        there = names.get(path)
        if there is not None and there.kind is FileKind.FOLDER:
            if not delete:
                del names[path]
                server.disk.put(path, self._new())
        elif delete:
            names.pop(path, None)
        elif there is None:
            server.disk.put(path, self._new())
        else:
            there.data[:], there.mtime_ns = self._new(), server.disk.now_ns()

    def _gone_for_good(self, server: Server, name: str) -> None:
        """Somebody removes a folder with all that is in it, also what the portal had put aside there."""
        server.taken.discard(bytes(server.disk.names.pop(name).data))

    def is_open(self) -> bool:
        """Whether a job is under way."""
        return Job.objects.exclude(state__in=JOB_TERMINAL).exists()

    def request(self) -> Job:
        job = Job.objects.exclude(state__in=JOB_TERMINAL).first()
        return job or Job.objects.create(cluster=self.cluster, kind="replicate", state=JobState.REQUESTED)

    def work(self, course: Course) -> None:
        """Plan the open job, or a new one, and drive it, as far as one worker comes."""
        self.course = World.store.course = course
        job = self.request()
        try:
            self._plan(job)
            self._drive(Job.objects.select_related("cluster").get(pk=job.pk))
        except Killed:
            pass
        finally:
            SHUTTING_DOWN.clear()
            self.course = World.store.course = Course()

    def _lease(self, claim: Any, node_id: int | None = None) -> CourseLease:
        lease = CourseLease(claim, node_id=node_id)
        lease.course, lease.node = self.course, self.by_id[node_id].name if node_id else ""
        return lease

    def _plan(self, job: Job) -> None:
        kind = kind_named("replicate")
        if job.state != JobState.REQUESTED or not (claim := claim_job(job.pk, owner="w", resources=())):
            return
        job = Job.objects.select_related("cluster").get(pk=job.pk)
        lease = self._lease(claim)
        future = _done(lambda: kind.runner.plan(PlanWork(job, lease)))
        if not isinstance(future.exception(), LeaseLost):
            job_planning._write(kind, job, lease, future)

    def _drive(self, job: Job) -> None:
        kind = kind_named("replicate")
        for claim, row in claim_targets(job, len(NAMES), owner="w", resources=()):
            row.job = job
            lease = self._lease(claim, row.node_id)
            future = _done(lambda: driving._work(kind, job, row, lease))  # noqa: B023 - called at once
            finish = driving._finish(future, driving._Running(job, row, lease))
            if finish is not None:
                assert finish_targets([finish]) == [None]

    def recover(self) -> None:
        """Nothing is paused any more, dead workers are noticed, and whatever waits is due."""
        Cluster.objects.update(paused=False)
        Node.objects.update(paused=False)
        Job.objects.exclude(lease_until=None).update(lease_until=later(-60))
        Target.objects.exclude(lease_until=None).update(lease_until=later(-60))
        sweep()
        Job.objects.update(not_before=None)
        Target.objects.update(not_before=None)

    def stop(self, way: str) -> None:
        """What ends the worker, or is told to it, from now on."""
        errors = {"killed": Killed, "lease lost": LeaseLost, "connection lost": SessionLost}
        if way in errors:
            self.course.end = errors[way]()
            return
        self.course.signalled = True
        if way == "cancelled":
            job = self.request()
            cancel_job(self.boss, job.pk)
        elif way == "cluster paused":
            Cluster.objects.update(paused=True)
        elif way == "node paused":
            Node.objects.filter(name=NAMES[1]).update(paused=True)
        elif way == "told to end":
            SHUTTING_DOWN.set()

    def lost(self) -> list[bytes]:
        """The contents that are neither on a node, nor in a snapshot or an origin, nor kept as a conflict."""
        kept = {digest(content) for server in self.servers.values() for content in server.contents()}
        for model in (Snapshot, Origin):
            for root in model.objects.values_list("root", flat=True):
                kept |= {state.sha256 for state in manifest_at(root, World.store).files.values()}
        kept |= set(Conflict.objects.values_list("content", flat=True))
        owed = {content for server in self.servers.values() for content in server.taken}
        return sorted(content for content in owed if digest(content) not in kept or not self._is_held(content))

    def _is_held(self, content: bytes) -> bool:
        return World.store.has(digest(content)) or any(content in one.contents() for one in self.servers.values())


def _done(work: Callable[[], Any]) -> Future[Any]:
    """Work done at once, as the engine's thread would hand it back; death is nothing that is handed back."""
    future: Future[Any] = Future()
    try:
        future.set_result(work())
    except Exception as error:  # noqa: BLE001
        future.set_exception(error)
    return future


class Edits(RuleBasedStateMachine):
    """The stories."""

    def __init__(self) -> None:
        super().__init__()
        self.rollback = transaction.atomic()
        self.rollback.__enter__()
        self.world = World()

    @rule(edit=EDITS)
    def somebody_edits(self, edit: Edit) -> None:
        self.world.edit(edit)

    @rule(change=EDITS, late=LATE, way=st.sampled_from(WAYS), moment=moments(ENDS))
    def a_change_is_replicated(
        self, change: Edit, late: list[tuple[Moment, str, bool]], way: str, moment: Moment
    ) -> None:
        self.world.edit(replace(change, node=NAMES[0]))
        course = Course()
        for when, path, delete in late:
            edit = Edit(when.node, path or change.path, delete)
            course.expect(when, partial(self.world.edit_meanwhile, edit))
        course.expect(moment, partial(self.world.stop, way))
        self.world.work(course)
        self.world.recover()

    @precondition(lambda self: self.world.is_open())
    @rule()
    def somebody_cancels(self) -> None:
        cancel_job(self.world.boss, self.world.request().pk)

    def teardown(self) -> None:
        try:
            while self.world.is_open():
                self.world.work(Course())
                self.world.recover()
            self.world.work(Course())
            assert self.world.lost() == []
            for server in self.world.servers.values():
                assert [name for name in server.disk.names if parse(name)] == []
        finally:
            transaction.set_rollback(True)
            self.rollback.__exit__(None, None, None)


class InTurn:
    """A pool of threads that does at once what it is given."""

    def __init__(self, *_: object) -> None: ...

    def __enter__(self) -> InTurn:
        return self

    def __exit__(self, *_: object) -> None: ...

    map = staticmethod(map)


@pytest.fixture
def in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The job's code on nodes and a store in memory, without threads, and without what is not about edits."""
    for module in (planning, snapshot, target):
        monkeypatch.setattr(module, "open_node", lambda node, _=None: World.now.open_node(node))
    for module in (planning, snapshot):
        monkeypatch.setattr(module, "freshen", lambda *_: None)
    for module in (runner, plan_store):
        monkeypatch.setattr(module, "default_store", lambda: World.store)
    monkeypatch.setattr(planning, "ThreadPoolExecutor", InTurn)
    monkeypatch.setattr(connections, "close_all", lambda: None)
    monkeypatch.setattr(runner, "profile_of", lambda _: PROFILE)
    monkeypatch.setattr(runner, "check_portal_may_replicate", lambda *_, **__: None)
    monkeypatch.setattr(runner, "brakes", lambda _: ())


@pytest.mark.django_db
def test_no_content_is_ever_lost(in_memory: None) -> None:
    run_state_machine_as_test(
        Edits,
        settings=settings(
            max_examples=40,
            stateful_step_count=8,
            derandomize=True,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=PHASES,
            report_multiple_bugs=False,
        ),
    )


def cut_short(at: str, *, proven: bool) -> World:
    """A cluster whose last job was cancelled on mx1 at a boundary of that node's; before, it was proven or it was not.
    The primary has changed since."""
    world = World()
    if proven:
        world.work(Course())
        world.edit(ON_PRIMARY)
    course = Course()
    course.expect(Moment("mx1", at, 0), partial(world.stop, "cancelled"))
    world.work(course)
    world.recover()
    assert Target.objects.get(job=Job.objects.latest("pk"), node__name="mx1").state == "cancelled"
    world.edit(ON_PRIMARY)
    return world


def conflicts() -> list[tuple[str, str]]:
    return list(Conflict.objects.filter(node__name="mx1").values_list("path", "content"))


def edited_on_mx1(world: World) -> str:
    """Somebody edits there what was to change; answers the content's id."""
    world.edit(replace(ON_PRIMARY, node="mx1"))
    return digest(world.servers["mx1"].disk.content(f"{ROOT}/{ON_PRIMARY.path}"))


@pytest.mark.django_db
def test_an_edit_on_a_node_that_was_never_proven_is_kept(in_memory: None) -> None:
    world = cut_short("staged-verified", proven=False)
    made = edited_on_mx1(world)
    world.work(Course())
    assert conflicts() == [(ON_PRIMARY.path, made)]


@pytest.mark.django_db
def test_so_it_is_where_the_node_leaves_instead(in_memory: None) -> None:
    world = cut_short("cleaned", proven=False)
    made = edited_on_mx1(world)
    World.store.put(world.servers["mx1"].disk.content(f"{ROOT}/{ON_PRIMARY.path}"))
    node, job = world.servers["mx1"].row, Job.objects.create(cluster=world.cluster, kind="leave")
    row = Target.objects.create(job=job, node=node)
    guard = Interrupting("", LeaseLost("never"))
    work = TargetWork(job, row, node, guard, Plan((NodePlan(node.pk, node.name),)))
    outcome = LeaveRun(work, PROFILE, World.store, node_jobs([node])[0], remembered(node, World.store)).run()
    assert (outcome.state, conflicts()) == ("verified", [(ON_PRIMARY.path, made)])


@pytest.mark.django_db
@pytest.mark.parametrize("proven", [False, True])
def test_what_was_given_without_a_proof_is_no_edit_to_the_next_owner(in_memory: None, proven: bool) -> None:
    world = cut_short("cleaned", proven=proven)
    course = Course()
    course.expect(Moment("mx1", "replaced", 0), partial(world.stop, "killed"))
    world.work(course)
    assert [name for name in world.servers["mx1"].disk.names if (own := parse(name)) and own.kind == "u"]
    world.recover()
    world.work(Course())
    assert conflicts() == []


@pytest.mark.django_db
def test_who_tries_again_does_not_begin_with_what_the_plan_saw(in_memory: None) -> None:
    """Another worker died on the node since, and this one, which planned the job, still remembers it."""
    world = World()
    world.work(Course())
    world.edit(ON_PRIMARY)
    job, node = world.request(), world.servers["mx1"].row
    world._plan(job)
    seen = RECENT.get((job.pk, node.pk))
    assert seen is not None
    course = Course()
    course.expect(Moment("mx1", "staged-verified", 0), partial(world.stop, "killed"))
    world.work(course)
    RECENT.keep((job.pk, node.pk), seen)
    world.recover()
    world.work(Course())
    assert Target.objects.get(job=job, node=node).state == "verified"
    assert [name for name in world.servers["mx1"].disk.names if parse(name)] == []
