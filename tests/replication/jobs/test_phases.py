"""Two phases with a barrier, on real nodes: a plan that knows no files, approval, giving back, every death."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from django.conf import settings as real
from django.core.exceptions import ValidationError
from django.test import Client

from accounts.errors import Refused
from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.models import Cluster
from nodes.credentials.services import Login, PrivateKey, store_key
from nodes.enums import NodeRole
from nodes.registry.services.nodes import NewNode, register_node
from replication.jobs import failpoints, wake
from replication.jobs.driving import drive
from replication.jobs.models import (
    Job,
    JobEvent,
    ResourceLock,
    Target,
)
from replication.jobs.planning import plan_job
from replication.jobs.services.job_state import update_job_state
from replication.jobs.services.recovery import TARGET_DEATHS, sweep
from replication.jobs.services.requests import (
    JobRequest,
    approve_job,
    cancel_job,
    request_job,
    retry_job,
)
from tests.factories import make_cluster, make_member
from tests.replication import counter
from tests.replication.test_deaths import Hands, chains, lapse
from tests.sshd import SshdServer

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(slots=True)
class Scene:
    """Two servers with a counter each, and who moves them."""

    cluster: Cluster
    who: Principal
    folder: Path
    servers: list[SshdServer] = field(default_factory=list)

    def register(self, name: str) -> None:
        root = self.folder / name
        root.mkdir()
        (root / counter.FILE).write_text("5")
        server = SshdServer.start(self.folder / f"sshd-{name}")
        self.servers.append(server)
        login = Login(cluster_id=self.cluster.pk, name=name, username=server.username)
        new = NewNode(
            cluster_id=self.cluster.pk,
            name=name,
            address="127.0.0.1",
            port=server.port,
            platform="posix",
            role=NodeRole.SECONDARY,
            install_root=str(root),
            credential_id=store_key(self.who, login=login, key=PrivateKey(server.login_key.private)).pk,
            host_key_fingerprint=server.fingerprint,
        )
        register_node(self.who, new=new)

    def planned(self, **options) -> Job:
        job, _ = request_job(self.who, JobRequest(self.cluster.pk, counter.WORD, options={"by": 3, **options}))
        assert plan_job(job.pk)
        return Job.objects.get(pk=job.pk)

    def approved(self, **options) -> Job:
        job = self.planned(**options)
        return approve_job(self.who, job.pk, job.plan_digest)

    def numbers(self) -> dict[str, dict[str, int]]:
        return {
            name: {path.name: int(path.read_text()) for path in sorted((self.folder / name).iterdir())}
            for name in ("mx1", "mx2")
        }

    def away(self, name: str) -> Path:
        """While this file is there, the node does not answer."""
        mark = self.folder / f"away-{name}"
        mark.touch()
        return mark


UNTOUCHED = {"mx1": {"counter": 5}, "mx2": {"counter": 5}}
MOVED = {"mx1": {"counter": 8}, "mx2": {"counter": 8}}
STAGED = {"counter": 5, "counter.next": 8}


@pytest.fixture
def scene(tmp_path: Path, settings, monkeypatch) -> Iterator[Scene]:
    counter.install()
    monkeypatch.setattr(wake, "_send", lambda name, *args: None)
    settings.PORTAL = replace(real.PORTAL, lease=20.0, renew=0.4, operation=5.0, target_workers=4)
    cluster = make_cluster("counters")
    made = Scene(cluster, Principal(user=make_member(cluster, Role.ADMINISTRATOR, "keeper"), via="console"), tmp_path)
    for name in ("mx1", "mx2"):
        made.register(name)
    yield made
    for server in made.servers:
        server.stop()


def states(job: Job) -> list[tuple[str, str, int]]:
    return list(job.targets.order_by("node__name").values_list("state", "course", "stage"))


def now(job: Job) -> Job:
    return Job.objects.get(pk=job.pk)


def at_once(job: Job) -> None:
    """Whoever waits for a node that was away is due."""
    Target.objects.filter(job=job).update(not_before=None)


@pytest.fixture
def reached() -> Iterator[list[str]]:
    names: list[str] = []
    observer = names.append
    failpoints.OBSERVERS.append(observer)
    yield names
    failpoints.OBSERVERS.remove(observer)


def test_no_node_activates_before_all_have_staged(scene: Scene, reached: list[str]) -> None:
    job = scene.approved()
    drive()
    assert (now(job).state, scene.numbers()) == ("succeeded", MOVED)
    acts = [name for name in reached if name in ("counter-staged", "counter-moved")]
    assert acts == ["counter-staged"] * 2 + ["counter-moved"] * 2
    assert states(job) == [("verified", "held", 2)] * 2
    assert Target.objects.filter(job=job)[0].evidence == {"stage": 8, "activate": 8}
    log = list(job.events.values_list("code", flat=True))
    assert (log.count("target.held"), log.count("job.phase_passed"), log.count("target.verified")) == (4, 1, 2)
    assert ResourceLock.objects.count() == 0


def log_in(client: Client, scene: Scene) -> None:
    assert scene.who.user is not None
    client.force_login(scene.who.user)


def test_its_plan_is_shown_and_signed_like_any_other(scene: Scene, client: Client) -> None:
    job = scene.planned()
    assert job.plan_summary == {
        "changes": 2,
        "bytes": 2,
        "nodes": 2,
        "problems": 0,
        "unclassified": 0,
        "conflicts": 0,
        "brakes": [],
    }
    log_in(client, scene)
    page = " ".join(client.get(f"/jobs/{job.pk}/").content.decode().split())
    for words in (
        "Move the counters",
        "2 turns on 2 nodes · each by 3",
        "from 5 to 8",
        "1 digits",
        "Approve this plan",
    ):
        assert words in page, words
    body = client.get(f"/api/v1/jobs/{job.pk}/plan/").json()
    assert (body["changes"], body["digest"], body["unclassified"]) == (2, job.plan_digest, [])
    assert body["nodes"][0]["changes"] == [
        {
            "kind": "move",
            "path": "counter",
            "size": None,
            "mtime_ns": None,
            "found_size": None,
            "group": 0,
            "semaphore": None,
            "effect": "none",
            "conflict": False,
        }
    ]
    assert (body["nodes"][0]["bytes"], body["nodes"][0]["kept"], body["nodes"][0]["extras"]) == (1, [], [])
    with pytest.raises(Refused, match="another plan"):
        approve_job(scene.who, job.pk, "0" * 64)
    answer = client.post(f"/jobs/{job.pk}/approve/", {"digest": job.plan_digest}, follow=True)
    assert b"Approved" in answer.content


def test_its_form_asks_for_its_options(scene: Scene, client: Client) -> None:
    log_in(client, scene)
    address = f"/clusters/{scene.cluster.pk}/jobs/new/"
    assert b'name="by"' in client.get(f"{address}?kind=counter").content
    assert b'name="by"' not in client.get(address).content
    asked = {"kind": "counter", "way": "real", "key": "k"}
    assert b"Say by how much" in client.post(address, asked | {"by": "0"}).content
    client.post(address, asked | {"by": "4"})
    assert Job.objects.get().options["by"] == 4
    with pytest.raises(ValidationError):
        request_job(scene.who, JobRequest(scene.cluster.pk, counter.WORD))


@pytest.mark.parametrize("phase", [counter.STAGE, counter.ACTIVATE])
def test_what_was_done_is_given_back_where_one_fails(scene: Scene, phase: str) -> None:
    job = scene.approved(fail={"mx2": phase})
    drive()
    job = now(job)
    assert (job.state, job.error_code, scene.numbers()) == ("failed", "auth_rejected", UNTOUCHED)
    why = f"The node refused the user name, password or key. {phase}: on purpose"
    assert job.error == f"mx2: {why}. Given back: mx1, mx2."
    assert [state for state, _, _ in states(job)] == ["cancelled", "failed"]
    assert ResourceLock.objects.count() == 0
    again = retry_job(scene.who, job.pk)
    assert len(again.node_ids) == 2


def test_a_node_that_cannot_give_back_is_named(scene: Scene) -> None:
    job = scene.approved(fail={"mx1": "give_back", "mx2": counter.ACTIVATE})
    drive()
    job = now(job)
    assert job.state == "failed"
    why = "mx2: The node refused the user name, password or key. activate: on purpose"
    assert (job.error_code, job.error) == ("auth_rejected", f"{why}. Given back: mx2. Not given back: mx1.")
    assert scene.numbers()["mx2"] == {"counter": 5}


def test_a_node_that_fails_and_cannot_give_back_says_first_why_it_failed(scene: Scene) -> None:
    job = scene.approved()
    Job.objects.filter(pk=job.pk).update(options={**job.options, "fail": {"mx2": "give_back"}})
    (scene.folder / "mx2" / counter.FILE).write_text("6")
    drive()
    job = now(job)
    assert (job.state, job.error_code) == ("failed", "plan_outdated")
    assert job.error == "mx2: The counter is 6 by now. Plan again. Given back: mx1. Not given back: mx2."


def test_a_plan_that_no_longer_fits_gives_back(scene: Scene) -> None:
    job = scene.approved()
    (scene.folder / "mx2" / counter.FILE).write_text("6")
    drive()
    job = now(job)
    assert (job.state, job.error_code) == ("failed", "plan_outdated")
    assert scene.numbers() == {"mx1": {"counter": 5}, "mx2": {"counter": 6}}


def test_a_node_that_is_away_holds_the_others_at_the_barrier(scene: Scene) -> None:
    mark = scene.away("mx2")
    job = scene.approved(away={"mx2": str(mark)})
    drive()
    assert (now(job).state, states(job)) == ("running", [("pending", "held", 1), ("waiting", "forward", 0)])
    for _ in range(2):
        sweep()
        drive()
    assert scene.numbers() == {"mx1": STAGED, "mx2": {"counter": 5}}
    assert ResourceLock.objects.count() == 1
    mark.unlink()
    at_once(job)
    drive()
    assert (now(job).state, scene.numbers()) == ("succeeded", MOVED)


def test_a_node_that_is_removed_holds_nobody(scene: Scene) -> None:
    job = scene.approved(away={"mx2": str(scene.away("mx2"))})
    drive()
    job.targets.get(node__name="mx2").delete()
    sweep()
    drive()
    assert (now(job).state, scene.numbers()["mx1"]) == ("succeeded", {"counter": 8})


def test_cancelled_at_the_barrier_it_gives_back(scene: Scene) -> None:
    mark = scene.away("mx2")
    job = scene.approved(away={"mx2": str(mark)})
    drive()
    cancel_job(scene.who, job.pk)
    assert (now(job).state, [course for _, course, _ in states(job)]) == ("running", ["back", "back"])
    drive()
    assert scene.numbers() == UNTOUCHED
    mark.unlink()
    at_once(job)
    drive()
    assert (now(job).state, [state for state, _, _ in states(job)]) == ("cancelled", ["cancelled", "cancelled"])
    assert "Given back: mx1, mx2." in job.events.get(code="job.cancelled").text


def test_cancelled_again_it_gives_up_who_is_away(scene: Scene) -> None:
    job = scene.approved(away={"mx2": str(scene.away("mx2"))})
    drive()
    cancel_job(scene.who, job.pk)
    drive()
    assert now(job).state == "running"
    cancel_job(scene.who, job.pk)
    job = now(job)
    assert (job.state, job.error_code) == ("failed", "not_given_back")
    assert job.error.endswith("Given back: mx1. Not given back: mx2.")


def test_cancelled_before_anything_was_done_it_is_only_cancelled(scene: Scene) -> None:
    job = scene.approved()
    cancel_job(scene.who, job.pk)
    drive()
    assert (now(job).state, scene.numbers()) == ("cancelled", UNTOUCHED)
    assert now(job).cancel_requested_at is not None


def test_a_newer_job_waits_for_what_is_held(scene: Scene) -> None:
    mark = scene.away("mx2")
    job = scene.approved(away={"mx2": str(mark)})
    drive()
    newer, _ = request_job(scene.who, JobRequest(scene.cluster.pk, counter.WORD, options={"by": 1}))
    assert not plan_job(newer.pk)
    assert now(newer).phase == f"waits for job #{job.pk}"
    assert states(job)[0] == ("pending", "held", 1)


def test_a_target_that_kills_every_worker_gives_back(scene: Scene) -> None:
    job = scene.approved(away={"mx1": str(scene.away("mx1"))})
    drive()
    target = job.targets.get(node__name="mx2")
    for _ in range(TARGET_DEATHS):
        JobEvent.objects.create(job=job, target=target, at=job.created_at, code="target.worker_died", text="died")
    Target.objects.filter(pk=target.pk).update(state="running", course="forward", owner="gone")
    lapse()
    assert set(job.targets.values_list("course", flat=True)) == {"back"}
    drive()
    assert scene.numbers() == UNTOUCHED


def finish(scene: Scene, job: Job, hands: Hands) -> Job:
    """To its end, whoever dies on the way."""
    for _ in range(len(hands.doomed) + 3):
        if hands.work(job):
            hands.doomed.pop(0)
            lapse()
        job = now(job)
        if job.state == "awaiting_approval":
            approve_job(scene.who, job.pk, job.plan_digest)
        elif job.state in ("succeeded", "failed"):
            break
    assert hands.doomed == [], "nobody died there"
    return job


@pytest.mark.parametrize(("fail", "end"), [({}, MOVED), ({"mx2": counter.ACTIVATE}, UNTOUCHED)], ids=["on", "back"])
def test_every_death_is_repaired(
    scene: Scene, tmp_path: Path, fail: dict[str, str], end: dict[str, dict[str, int]]
) -> None:
    hands = Hands(tmp_path / "seen")
    options = {"by": 3, "fail": fail}
    job, _ = request_job(scene.who, JobRequest(scene.cluster.pk, counter.WORD, options=options))
    finish(scene, job, hands)
    found = list(dict.fromkeys(hands.seen.read_text().split()))
    wanted = {
        "counter-staged",
        "outcomes-written",
        *(("counter-back", "counter-swept") if fail else ("counter-moved",)),
    }
    assert wanted < set(found)
    for deaths in chains(found):
        for root in ("mx1", "mx2"):
            (scene.folder / root / counter.FILE).write_text("5")
        job, _ = request_job(scene.who, JobRequest(scene.cluster.pk, counter.WORD, options=options))
        hands.doomed = deaths
        job = finish(scene, job, hands)
        assert (job.state, scene.numbers()) == ("failed" if fail else "succeeded", end), deaths
        assert not fail or job.error.endswith("Given back: mx1, mx2."), deaths
        assert ResourceLock.objects.count() == 0


def test_killed_at_each_write_of_outcomes(scene: Scene, tmp_path: Path) -> None:
    """The barrier opens in the transaction that writes the last outcome of a phase: dead right after it, the next
    worker goes on with the next phase."""
    for count in range(1, 5):
        for root in ("mx1", "mx2"):
            (scene.folder / root / counter.FILE).write_text("5")
        job = scene.approved()
        hands = Hands(tmp_path / f"seen-{count}")
        killing(hands, "outcomes-written", count)
        sweep()
        lapse()
        hands.doomed = []
        assert not hands.work()
        assert (now(job).state, scene.numbers()) == ("succeeded", MOVED)


def killing(hands: Hands, name: str, count: int) -> None:
    """One worker that dies when a boundary is reached for the count-th time, if it is."""
    left = [count]

    def observe(reached: str) -> None:
        left[0] -= reached == name
        if left[0] <= 0:
            os.kill(os.getpid(), signal.SIGKILL)

    failpoints.OBSERVERS.append(observe)
    try:
        hands.work()
    finally:
        failpoints.OBSERVERS.remove(observe)


def test_a_kind_with_phases_must_be_able_to_give_back() -> None:
    kind = counter.install()
    run: Callable[..., object] = kind.runner.run_target
    with pytest.raises(ValueError, match="can give back"):
        replace(kind, runner=type("NoWayBack", (), {"run_target": run})())
    with pytest.raises(ValueError, match="two phases or more"):
        replace(kind, phases=("only",))


def test_a_kind_without_phases_pays_nothing(toys, django_assert_num_queries) -> None:
    job = toys.planned()
    with django_assert_num_queries(4):  # the transaction's two ends, the job's row, its targets' states
        update_job_state(job.pk)
