"""The watches that a worker holds: what an idle look costs, what is kept of it, who takes over, clocks that move."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from nodes.clusters.models import Cluster
from nodes.errors import AuthRejected, LimitBroken, NodeError, SessionLost, TimedOut, Unreachable
from nodes.registry.models import Node
from replication.configuration.core.configuration import REPLICATE
from replication.configuration.models import Baseline, Snapshot
from replication.jobs import wake
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.models import Job, Target
from replication.watch import poller, watching
from replication.watch.core.changes import Memory, Sighting, Stamp, debounce, remember
from replication.watch.detector import PollResult
from replication.watch.models import Watch, WatchMemory
from replication.watch.poller import Held, LookLease, held_since, look_at
from replication.watch.services import SET_BACK_SECONDS, claim_looks
from replication.watch.watching import CLAIMED_AT_ONCE, Watches
from tests.deadlines import PATIENCE, wait_for
from tests.factories import make_cluster, make_node

pytestmark = pytest.mark.django_db(transaction=True)

STABLE = 2.0
STAMP = Stamp(10, 1_000, 2_000)
HOURS = 7200.0


@dataclass
class Primary:
    """What looks see: the files that differ, by a clock of the test's."""

    differing: dict[str, Stamp | None] = field(default_factory=dict)
    now: float = field(default_factory=time.time)
    looks: int = 0

    def look(self, primary: object, profile: object, served: object, memory: Memory, guard: object) -> PollResult:
        self.looks += 1
        memory = remember(memory, self.differing, self.now)
        return PollResult(self.now, 0.01, memory, debounce(memory, STABLE, self.now))


@pytest.fixture
def primary(monkeypatch) -> Primary:
    made = Primary()
    monkeypatch.setattr(poller, "look", made.look)
    monkeypatch.setattr(wake, "_send", lambda *_: None)
    return made


@pytest.fixture
def watch(cluster: Cluster, primary: Primary) -> Watch:
    """A watch over a primary with one secondary that was proven."""
    return watched(cluster)


def watched(cluster: Cluster) -> Watch:
    source, node = make_node(cluster, role="primary"), make_node(cluster)
    snapshot = Snapshot.objects.create(cluster=cluster, node=source, root="r", files=1, bytes=1)
    ended = {"ended_at": timezone.now(), "state": JobState.SUCCEEDED}
    job = Job.objects.create(kind=REPLICATE, cluster=cluster, requester="system", snapshot=snapshot, **ended)
    Target.objects.create(job=job, node=node, state=TargetState.VERIFIED)
    Baseline.objects.create(node=node, root="r", proven_at=timezone.now())
    node.attestations.create(subject="cluster_service", value="off", by="test", at=timezone.now())
    source.attestations.create(subject="cluster_service", value="off", by="test", at=timezone.now())
    return Watch.objects.create(cluster=cluster)


def claimed(watch: Watch) -> Held:
    (look,) = claim_looks("one", limit=1)
    return held_since(look, Watch.objects.select_related("memory").get(pk=watch.pk))


def looked(held: Held) -> Held:
    """One look, as it is done by a worker."""
    held = held.seen(Watch.objects.get(pk=held.row.pk)).beginning()
    ended = look_at(held, LookLease(held.look.claim))
    assert ended is not None
    return ended


def sent_by(work: Callable[[], Held]) -> tuple[Held, list[str]]:
    """What comes of the work, and what it sends to the database."""
    with CaptureQueriesContext(connection) as queries:
        answer = work()
    return answer, [query["sql"] for query in queries]


def commits(sent: list[str]) -> int:
    return sum(one.startswith(("BEGIN", "COMMIT")) for one in sent) // 2


def as_begun(held: Held) -> Held:
    """The same after `looked` read the row."""
    return held.seen(Watch.objects.get(pk=held.row.pk)).beginning()


def short_of_lease(held: Held) -> Held:
    """The same near the end of its lease."""
    claim = replace(held.look.claim, expires=time.monotonic() + settings.PORTAL.operation + 0.5)
    return replace(held, look=replace(held.look, claim=claim))


def only_look(held: Held) -> Callable[[], Held]:
    def work() -> Held:
        ended = look_at(held, LookLease(held.look.claim))
        assert ended is not None
        return ended

    return work


def test_an_idle_look_sends_nothing_to_the_database(watch, primary):
    held = looked(claimed(watch))
    assert Watch.objects.get().mood == "quiet" and held.ground is not None
    held, sent = sent_by(only_look(as_begun(held)))
    assert (sent, primary.looks) == ([], 2)


def test_an_idle_look_on_new_ground_reads_and_writes_nothing(watch, primary):
    held = replace(as_begun(looked(claimed(watch))), good_until=0.0)
    _, sent = sent_by(only_look(held))
    assert (len(sent), commits(sent)) == (8, 0)
    assert all(one.startswith("SELECT") for one in sent)


def test_an_idle_look_is_one_commit_where_the_lease_needs_it(watch, primary):
    held = looked(claimed(watch))
    before = Watch.objects.get()
    held, sent = sent_by(only_look(short_of_lease(as_begun(held))))
    assert (len(sent), commits(sent)) == (3, 1)
    after = Watch.objects.get()
    assert after.lease_until and before.lease_until and after.lease_until > before.lease_until
    assert after.looked_at and before.looked_at and after.looked_at > before.looked_at
    assert held.look.claim.expires > time.monotonic() + settings.PORTAL.lease


def test_what_is_seen_is_one_commit_with_what_is_requested(watch, primary):
    held = looked(claimed(watch))
    primary.differing = {"App/a.dat": STAMP}
    held, sent = sent_by(only_look(as_begun(held)))
    assert commits(sent) == 1
    primary.now += STABLE
    held, sent = sent_by(only_look(as_begun(held)))
    assert commits(sent) == 1
    job = Job.objects.get(state=JobState.REQUESTED)
    assert (Watch.objects.get().last_job_id, job.reason) == (job.pk, "watch: 1 file changed: App/a.dat")


def test_the_memory_is_written_where_it_changed_and_only_there(watch, primary):
    held = looked(claimed(watch))
    assert not WatchMemory.objects.exists()
    primary.differing = {"App/a.dat": STAMP}
    held = looked(held)
    assert Memory.from_json(WatchMemory.objects.get().document).pending["App/a.dat"].stamp == STAMP
    primary.now += 0.5
    _, sent = sent_by(only_look(short_of_lease(as_begun(held))))
    assert commits(sent) == 1 and not [one for one in sent if "watchmemory" in one]


def test_the_memory_kept_is_bounded_and_the_one_at_hand_is_not(watch, primary):
    primary.differing = {f"Users/example.com/a rather long name {number:05}/Mail.ini": STAMP for number in range(5000)}
    held = looked(claimed(watch))
    assert len(held.memory.pending) == 5000 and Watch.objects.get().pending == 5000
    assert len(json.dumps(WatchMemory.objects.get().document)) < 64_000
    primary.differing = {**primary.differing, "App/busy.dat": replace_size(1)}
    for turn in range(4):
        primary.now += 1.0
        primary.differing["App/busy.dat"] = replace_size(turn)
        held = looked(held)
    job = Job.objects.get(state=JobState.REQUESTED)
    assert (job.options, job.reason[:26]) == ({"unstable": ["App/busy.dat"]}, "watch: 5000 files changed:")


def replace_size(turn: int) -> Stamp:
    return STAMP._replace(size=turn + 100)


def test_a_full_memory_is_bounded_in_all_its_parts():
    paths = [f"Users/example.com/{number:05}/a file.dat" for number in range(5000)]
    full = Memory(
        pending={path: Sighting(STAMP, 1e9, 1e9) for path in paths},
        asked=dict.fromkeys(paths, STAMP),
        cleared=dict.fromkeys(paths, STAMP),
        churn={path: tuple(1e9 + number for number in range(60)) for path in paths},
        stubborn=dict.fromkeys(paths, "locked: " + "x" * 190),
    )
    document = full.to_json()
    assert all(document[name] for name in ("pending", "asked", "cleared", "churn", "stubborn"))
    assert len(json.dumps(document)) < 100_000


@pytest.mark.parametrize("jump", [HOURS, -HOURS, 5 * HOURS, -5 * HOURS])
def test_a_clock_that_jumps_while_a_change_settles_costs_one_stable_time(watch, primary, jump):
    held = looked(claimed(watch))
    primary.differing = {"App/a.dat": STAMP}
    held = looked(held)
    primary.now += 1.0 + jump
    held = looked(held)
    primary.now += STABLE
    looked(held)
    assert Job.objects.filter(state=JobState.REQUESTED).count() == 1


def test_a_clock_that_was_set_back_gives_a_failure_no_longer_to_wait(watch, primary):
    held = looked(claimed(watch))
    failed = Job.objects.get()
    failed.pk, failed.state, failed.error_code, failed.error = None, JobState.FAILED, "no_space", "Full."
    failed.save(force_insert=True)
    Target.objects.create(job=failed, node=Target.objects.get().node, state=TargetState.FAILED)
    held = looked(replace(as_begun(held), ground=None))
    assert Watch.objects.get().mood == "held"
    primary.now -= HOURS
    held = looked(held)
    primary.now += 31.0
    looked(held)
    assert Job.objects.filter(state=JobState.REQUESTED).count() == 1


@pytest.mark.parametrize("owner", ["", "a worker that died"])
def test_what_was_set_before_the_databases_clock_was_set_back_is_due_and_free(watch, primary, owner):
    ahead = timezone.now() + timedelta(seconds=HOURS)
    lease = ahead + timedelta(seconds=20) if owner else None
    Watch.objects.update(due_at=ahead, set_at=ahead, lease_until=lease, owner=owner, fence=4)
    (look,) = claim_looks("next", limit=1)
    assert look.claim.fence == 6 and Watch.objects.get().owner == "next"
    assert claim_looks("one more", limit=1) == []


def test_what_another_claimed_while_a_statement_waited_stays_the_others(watch, primary):
    """The statement goes by the moment at which it began, and by that the other's times are to come."""
    moment = timezone.now() + timedelta(seconds=SET_BACK_SECONDS - 1.0)
    Watch.objects.update(set_at=moment, lease_until=moment + timedelta(seconds=HOURS), owner="the quicker", fence=4)
    assert claim_looks("next", limit=1) == []
    assert (Watch.objects.get().owner, Watch.objects.get().fence) == ("the quicker", 4)


def test_a_watch_whose_look_is_due_in_a_while_is_left_for_so_long(watch, primary):
    Watch.objects.update(due_at=timezone.now() + timedelta(seconds=HOURS))
    assert claim_looks("next", limit=1) == []


@pytest.fixture
def watches(watch: Watch) -> Iterator[Watches]:
    made = Watches()
    yield made
    made.close()


def until(watches: Watches, what: str, reached: Callable[[], object]) -> None:
    def turned() -> object:
        watches.turn()
        return reached()

    wait_for(what, turned)


def test_a_worker_looks_again_and_again_on_one_claim_and_gives_it_back(watches, primary):
    Watch.objects.update(interval=0.2)
    until(watches, "looks", lambda: primary.looks > 4)
    held = Watch.objects.get()
    assert held.fence == 1 and held.owner
    watches.close()
    left = Watch.objects.get()
    assert (left.owner, left.lease_until, left.fence) == ("", None, 1)


def test_a_signal_is_heard_while_the_next_look_is_far(watches, primary):
    Watch.objects.update(interval=3600.0)
    until(watches, "the first look", lambda: Watch.objects.get().looked_at)
    Watch.objects.update(signals=1)
    looks = primary.looks
    until(watches, "the look that was asked for", lambda: primary.looks == looks + 1)
    for _ in range(5):
        watches.turn()
    assert primary.looks == looks + 1


def test_what_is_paused_is_let_go(watches, primary, cluster):
    until(watches, "the first look", lambda: Watch.objects.get().looked_at)
    cluster.paused = True
    cluster.save()
    until(watches, "it is let go", lambda: not Watch.objects.get().owner)
    cluster.paused = False
    cluster.save()
    looks = primary.looks
    until(watches, "it is looked at again", lambda: primary.looks > looks)


def test_a_new_cluster_is_looked_at_as_soon_as_it_is_resumed(api_for, administrator, watches, primary, monkeypatch):
    """Told, not found at the next question to the database: that one is hours away."""
    monkeypatch.setattr(watching, "POLL", HOURS)
    monkeypatch.setattr(wake, "_send", lambda *_: watching.wake())
    until(watches, "the first look", lambda: Watch.objects.get().looked_at)
    new = {"name": "new", "replication_mode": "portal"}
    made = api_for(administrator).post("/api/v1/clusters/", new, format="json").data["id"]
    for _ in range(5):
        watches.turn()
    assert Watch.objects.get(cluster=made).mood == "new"  # while it is paused
    assert api_for(administrator).post(f"/api/v1/clusters/{made}/resume/").status_code == 200
    until(watches, "a look", lambda: Watch.objects.get(cluster=made).note == "The cluster has no primary.")


def test_what_another_worker_took_over_is_let_go(watches, primary):
    Watch.objects.update(interval=0.2)
    until(watches, "the first look", lambda: Watch.objects.get().looked_at)
    ahead = timezone.now() + timedelta(hours=1)
    Watch.objects.update(fence=7, owner="another", lease_until=ahead, due_at=ahead)
    until(watches, "it is let go", lambda: not watches.held)
    assert (Watch.objects.get().owner, Watch.objects.get().fence) == ("another", 7)


def test_asking_what_is_to_be_done_is_one_query(watches, primary):
    until(watches, "the first look", lambda: Watch.objects.get().looked_at)
    wait_for("the look ends", lambda: watches.turn() > 1.0)
    with CaptureQueriesContext(connection) as queries:
        watches.ask()
    assert len(queries) == 1 and commits([query["sql"] for query in queries]) == 0


def test_looks_that_hang_keep_no_other_watch_waiting(watches, primary, monkeypatch):
    """However many clusters' primaries hang, and one thread each."""
    over, hung = threading.Event(), list[int]()
    watched_first = Watch.objects.get().cluster

    def hangs(asked: Node, profile: object, served: object, memory: Memory, guard: object) -> PollResult:
        if asked.cluster_id != watched_first.pk:
            hung.append(asked.cluster_id)
            assert over.wait(PATIENCE)
        seen: PollResult = primary.look(asked, profile, served, memory, guard)
        return seen

    monkeypatch.setattr(poller, "look", hangs)
    for number in range(2 * CLAIMED_AT_ONCE):
        watched(make_cluster(f"hung{number}"))
    try:
        until(watches, "all hang", lambda: len(hung) == 2 * CLAIMED_AT_ONCE)
        Watch.objects.filter(cluster=watched_first).update(interval=0.2, signals=1)
        looks = primary.looks
        until(watches, "looks", lambda: primary.looks > looks + 3)
        assert len(set(hung)) == len(hung)
    finally:
        over.set()


@pytest.mark.parametrize(
    ("error", "mood"),
    [
        (Unreachable(), "away"),
        (TimedOut(), "away"),
        (SessionLost(), "away"),
        (LimitBroken("A folder has more than 100 names."), "cannot_look"),
        (AuthRejected(), "cannot_look"),
    ],
)
def test_only_a_primary_that_does_not_answer_is_called_away(
    watch: Watch, primary: Primary, monkeypatch: pytest.MonkeyPatch, error: NodeError, mood: str
) -> None:
    def look(*_: object) -> PollResult:
        raise error

    monkeypatch.setattr(poller, "look", look)
    looked(claimed(watch))
    row = Watch.objects.get()
    assert (row.mood, row.error) == (mood, str(error))
