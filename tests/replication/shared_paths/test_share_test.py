"""The kind `share_test` on nodes in memory: what each way of failing is called, and that nothing stays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nodes.checks.models import Guard
from nodes.credentials.models import Credential
from nodes.enums import Joining
from nodes.errors import (
    NodeError,
    NoSpace,
    RemoteBusy,
    RemoteDenied,
    RemoteFileExists,
    SessionLost,
    TimedOut,
    Unsupported,
)
from nodes.facts.models import NodeFacts
from nodes.leases.clock import later
from nodes.leases.errors import LeaseLost
from nodes.registry.models import Node
from nodes.remote.session import FileKind, RemoteStat, Space
from nodes.secret import Secret
from nodes.shares.models import ShareCell, SharedPaths
from nodes.shares.selectors.cells import matrix_of
from replication.jobs.core.states import JobState, TargetState
from replication.jobs.driving import drive
from replication.jobs.interruptions import Cancelled
from replication.jobs.models import Job, JobEvent, Target
from replication.jobs.planning import plan_job
from replication.jobs.services.recovery import sweep
from replication.jobs.words import found
from replication.shared_paths.core.share_tests import STEPS
from replication.shared_paths.test_job import peers, trial
from tests.replication.shared_paths.stage import (
    FOLDERS,
    MOUNT,
    USERS,
    Stage,
    failing,
    make_stage,
    use,
)

OK = ("ok", "")


@pytest.fixture
def stage(transactional_db, monkeypatch) -> Stage:
    made = make_stage()
    use(made, monkeypatch)
    monkeypatch.setattr(peers, "SEEN_WITHIN", 0.0)
    monkeypatch.setattr(trial, "HELD", 0.0)
    return made


def test_every_step_is_tried_from_every_node_with_another_looking_on(stage: Stage) -> None:
    job = stage.run()

    assert (job.state, job.error) == (JobState.SUCCEEDED, "")
    for name, other in zip("abc", "bca", strict=True):
        cells = stage.cells(name)
        assert len(cells) == len(FOLDERS)
        users = cells["users"]
        assert (users.state, users.reason, users.path) == ("ok", "", r"\\nas\mail\Users")
        assert set(users.steps) == {*STEPS, "space"}
        assert users.text == f"{other} sees what is written here."
        assert (users.disk_total, users.job_number) == (2**40, job.pk)
        assert users.latency_ms is not None
        assert users.clock_offset is not None
        assert abs(users.clock_offset) < 2
    assert stage.left() == []
    assert ShareCell.objects.filter(node=None, state="untested").count() == len(FOLDERS)
    check = Guard.objects.get(cluster=job.cluster, code="share_test")
    assert [one["standing"] for one in check.findings] == ["pass"] * 3, "judged with the end of the test"


def test_folders_that_are_not_there_yet_are_answered_for_by_their_parent(stage: Stage) -> None:
    for folder in FOLDERS[1:]:
        del stage.share.names[f"{MOUNT}/{folder}"]
    stage.run()

    cells = stage.cells("b")
    assert stage.states("b") == {OK}
    assert cells["users"].text == "c sees what is written here."
    expected = r"PEM is not there yet; \\nas\mail can be written, and Apply makes it. c sees what is written here."
    assert cells["keys"].text == expected
    assert stage.left() == []


@pytest.mark.parametrize(
    ("verb", "error", "reason"),
    [
        ("entries", RemoteDenied("x"), "denied"),
        ("write_new", RemoteDenied("x"), "denied"),
        ("write_new", NoSpace("0 bytes are free"), "full"),
        ("read", RemoteBusy("x"), "other"),
        ("write_new", TimedOut(), "slow"),
        ("entries", SessionLost(), "other"),
    ],
)
def test_a_node_that_cannot_says_why_and_others_are_not_concerned(stage: Stage, verb, error, reason) -> None:
    stage.twists["b"][verb] = failing(error)
    job = stage.run()

    assert stage.states("b") == {("failed", reason)}
    assert stage.states("a") == stage.states("c") == {OK}
    assert (job.state, Target.objects.get(job=job, node=stage.nodes["b"]).state) == (
        JobState.FAILED,
        TargetState.FAILED,
    )
    assert stage.left() == []


def test_a_volume_that_is_read_only_is_told_from_a_refusal_without_a_reason(stage: Stage) -> None:
    stage.twists["b"] |= {
        "write_new": failing(RemoteBusy("x")),
        "free_space": lambda usual, path: Space(1, 1, read_only=True),
    }
    stage.run()
    assert stage.states("b") == {("failed", "read_only")}
    del stage.twists["b"]["free_space"]
    stage.run()
    assert stage.states("b") == {("failed", "other")}
    text = stage.cells("b")["users"].text
    assert text.startswith(r"Work in \\nas\mail\Users failed, and the node was not told why. See on nas that")


@pytest.mark.parametrize(("kind", "reason"), [("key", "no_credentials"), ("password", "denied")])
def test_a_login_by_key_on_windows_has_no_rights_on_the_share(stage: Stage, kind: str, reason: str) -> None:
    row = Credential.objects.create(cluster=stage.cluster, name=kind, username="svc", kind=kind, secret=Secret("x"))
    stage.add("w", mount="", platform="windows", credential=row)
    stage.share.put_folder("//nas/mail/Users")
    stage.twists["w"] |= {"entries": failing(RemoteDenied("x")), "run": failing(Unsupported())}
    stage.run()
    assert stage.states("w") == {("failed", reason)}


def test_a_windows_node_without_scripts_finds_no_share(stage: Stage) -> None:
    stage.add("w", mount="", platform="windows")
    stage.run()
    assert stage.states("w") == {("failed", "no_share")}


def test_a_second_exclusive_create_that_works_is_no_lock(stage: Stage) -> None:
    def overwrite(usual, path, chunks, **words):
        try:
            return usual(path, chunks, **words)
        except RemoteFileExists:
            return None

    stage.twists["b"]["write_new"] = overwrite
    stage.run()
    assert stage.states("b") == {("failed", "no_lock")}
    assert {cell.reason for cell in stage.cells("a").values()} == {"no_lock"}, "b looked at what a wrote"
    assert stage.states("c") == {OK}
    assert stage.left() == []


def test_a_folder_that_is_not_mounted_is_seen_by_nobody_else(stage: Stage) -> None:
    stage.local("c", *(f"{MOUNT}/{folder}" for folder in FOLDERS))
    job = stage.run()

    assert stage.states("a") == {OK}
    assert stage.states("b") == {OK}
    assert stage.cells("b")["users"].text == "a sees what is written here. c does not."
    assert stage.states("c") == {("failed", "not_mounted")}
    text = "Not seen by a and b. Nothing is mounted at /mnt/mail: it lies on /dev/sda1, which is mounted at /."
    assert stage.cells("c")["users"].text.startswith(text)
    assert (job.state, job.targets.get(node=stage.nodes["c"]).error_code) == (JobState.FAILED, "share_not_mounted")
    assert stage.left() == []


def test_a_share_of_another_server_is_seen_by_nobody_else(stage: Stage) -> None:
    stage.local("c", *(f"{MOUNT}/{folder}" for folder in FOLDERS))
    stage.elsewhere = {"c"}
    stage.run()
    assert stage.states("c") == {("failed", "not_seen")}
    assert stage.cells("c")["users"].text == "What is written here is not seen by a and b."


def test_what_nobody_said_where_it_is_mounted(stage: Stage) -> None:
    stage.nodes["b"].mount_points.all().delete()
    stage.run()
    assert stage.states("b") == {("failed", "not_mounted")}
    assert "enter its mount point" in stage.cells("b")["users"].text
    assert stage.states("a") == {OK}
    assert stage.cells("a")["users"].text == "c sees what is written here."


def test_a_mount_point_that_is_not_there(stage: Stage) -> None:
    stage.local("b")
    stage.run()
    assert stage.states("b") == {("failed", "not_mounted")}


def test_a_node_that_is_away_is_a_cell_and_holds_nobody_up(stage: Stage) -> None:
    stage.away = {"b"}
    job = stage.run()

    assert stage.states("b") == {("untested", "node_away")}
    assert stage.states("a") == stage.states("c") == {OK}
    assert stage.cells("a")["users"].text == "c sees what is written here."
    assert (job.state, job.targets.get(node=stage.nodes["b"]).error_code) == (JobState.FAILED, "share_node_away")


def test_who_left_the_cluster_has_no_part_in_it(stage: Stage) -> None:
    Node.objects.filter(pk=stage.nodes["b"].pk).update(joining=Joining.LEFT)
    job = stage.run()

    assert job.state == JobState.SUCCEEDED
    assert not job.targets.filter(node=stage.nodes["b"]).exists()
    assert stage.cells("a")["users"].text == "c sees what is written here."
    assert [node.name for node in matrix_of(stage.cluster).servers] == ["a", "c"]


def test_alone_it_says_that_nobody_looked_on(transactional_db, monkeypatch) -> None:
    stage = make_stage("a")
    use(stage, monkeypatch)
    job = stage.run()
    assert job.state == JobState.SUCCEEDED
    assert stage.cells("a")["users"].text == "No other node looked at it: there is no other node."


def test_a_slow_step_says_how_long_it_took(stage: Stage, monkeypatch) -> None:
    monkeypatch.setattr(trial, "SLOW", -1.0)
    stage.run()
    assert stage.states("a") == {("failed", "slow")}
    assert "find and list the folder took 0.0 s" in stage.cells("a")["users"].text
    assert stage.left() == []


def test_a_test_that_takes_too_long_in_all_ends(stage: Stage, settings) -> None:
    settings.PORTAL = replace(settings.PORTAL, command=0.0)
    stage.run()
    assert stage.states("a") == {("failed", "slow")}
    assert "The whole test takes too long" in stage.cells("a")["users"].text
    assert stage.left() == []


def test_a_node_that_hangs_over_a_share_is_not_asked_for_its_other_folders(stage: Stage) -> None:
    asked: list[str] = []

    def hang(usual, path, **_):
        asked.append(path)
        raise TimedOut()

    stage.twists["b"]["entries"] = hang
    stage.run()
    assert len(asked) == 1
    texts = {cell.text for cell in stage.cells("b").values()}
    assert len(texts) == 2
    assert all("No answer within 0 s (find and list the folder)" in text for text in texts)


def test_what_older_tests_left_is_swept_and_nothing_else(stage: Stage) -> None:
    cluster = stage.cluster.pk
    ours = [f"{USERS}/.cp~share-{cluster}.0.7{letter}" for letter in ("a", "b", "c", "p", "p-b")]
    others = [
        f"{USERS}/.cp~share-{cluster + 1}.0.7a",
        f"{USERS}/.cp~share-notes",
        f"{USERS}/.cp~share-{cluster}.999999.1a",
    ]
    forgotten = f"{USERS}/.cp~share-{cluster + 1}.1.1b"
    for path in [*ours, *others]:
        stage.share.put(path, b"x")
    stage.share.put(forgotten, b"x", mtime_ns=10**18)
    job = stage.run()

    assert job.state == JobState.SUCCEEDED
    assert stage.left() == sorted(others)
    assert JobEvent.objects.filter(job=job, code="share.swept").exists()


def test_what_cannot_be_swept_is_told_and_not_said_to_be_removed(stage: Stage) -> None:
    old = f"{USERS}/.cp~share-{stage.cluster.pk}.0.7a"
    stage.share.put(old, b"x")

    def stubborn(usual, paths):
        return [RemoteDenied(path) if path == old else usual([path])[0] for path in paths]

    stage.twists["a"]["remove_many"] = stubborn
    stage.twists["b"]["entries"] = failing(TimedOut())
    stage.away = {"c"}
    job = stage.run(options={"sweep": True})
    ended = {target.node.name: (target.state, target.error_code) for target in job.targets.all()}
    assert ended == dict.fromkeys("abc", ("failed", "share_not_swept"))
    assert not JobEvent.objects.filter(job=job, code="share.swept").exists()
    assert (len(stage.left()), ShareCell.objects.count()) == (1, 0)
    stage.away = set()
    stage.twists |= {name: {"remove_many": stubborn} for name in "abc"}
    assert stage.run().state == JobState.SUCCEEDED, "the folder itself is a good one"
    assert JobEvent.objects.filter(code="share.left").exists()


@pytest.mark.parametrize(("verb", "state"), [("read", "cancelled"), ("replace_many", "cancelled")])
def test_whoever_stops_it_no_test_file_stays(stage: Stage, verb: str, state: str) -> None:
    stage.twists["b"][verb] = failing(Cancelled("cancelled by astrid"))
    job = stage.run()
    assert job.targets.get(node=stage.nodes["b"]).state == state
    assert stage.left() == []


def test_an_owner_that_lost_its_lease_touches_nothing_and_the_next_one_sweeps(stage: Stage) -> None:
    stage.twists["b"]["replace_many"] = failing(LeaseLost("taken over"))
    job = stage.run()
    assert len(stage.left()) == 2 * len(FOLDERS)
    stage.twists["b"].clear()
    Target.objects.filter(job=job).update(lease_until=later(-60))
    sweep()
    drive()
    assert Job.objects.get(pk=job.pk).state == JobState.SUCCEEDED
    assert stage.left() == []


@pytest.mark.parametrize("error", [TimedOut(), RemoteDenied("x")])
def test_another_node_that_fails_is_not_this_ones_fault(stage: Stage, error: NodeError) -> None:
    stage.twists["c"]["read"] = failing(error)
    stage.run()
    assert stage.states("b") == {OK}
    assert stage.cells("b")["users"].text == "a sees what is written here."
    assert stage.cells("b")["users"].volume == f"//nas/mail at {MOUNT}"
    stage.away = {"a", "c"}
    stage.run()
    assert (stage.states("b"), stage.cells("b")["users"].volume) == ({OK}, ""), "nobody else's word proves a share"
    assert stage.left() == []


def test_a_node_that_hangs_over_its_test_files_has_them_removed_in_another_session(stage: Stage) -> None:
    hung: list[str] = []

    def hang(usual, paths):
        if not hung:
            hung.extend(paths)
            raise TimedOut()
        return usual(paths)

    stage.twists["b"]["remove_many"] = hang
    stage.run()
    assert stage.states("b") == {("failed", "slow")}
    assert stage.left() == []


def test_what_cannot_be_removed_now_is_told(stage: Stage) -> None:
    stage.twists["b"]["remove_many"] = failing(SessionLost())
    job = stage.run()
    assert JobEvent.objects.filter(job=job, code="share.left").exists()
    stage.twists["b"].clear()
    stage.run()
    assert stage.left() == []


def test_another_node_that_falls_silent_while_it_looks_on_is_told(stage: Stage) -> None:
    asked: list[str] = []

    def silent(usual, paths):
        asked.extend(paths)
        if asked and all(path.endswith("c") for path in paths):
            raise SessionLost()
        return usual(paths)

    stage.twists["c"]["stat_many"] = silent
    stage.run()
    assert stage.states("b") == {OK}
    assert "c stopped answering" in stage.cells("b")["users"].text
    assert stage.left() == []


def test_what_another_node_still_sees_is_its_cache(stage: Stage) -> None:
    stage.twists["c"]["stat_many"] = lambda usual, paths: [RemoteStat(FileKind.FILE, 1, 0) for _ in paths]
    stage.run()
    assert stage.states("b") == {OK}
    assert "c still saw the deleted file" in stage.cells("b")["users"].text


def test_a_dry_run_says_what_would_be_tried(stage: Stage) -> None:
    job = stage.request(dry_run=True)
    plan_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.plan_summary["changes"], stage.opened) == (JobState.SUCCEEDED, 21, [])
    assert found(job) == "The portal itself tries no folder on nas: it has no login there."


def test_without_a_path_there_is_nothing_to_test(stage: Stage) -> None:
    SharedPaths.objects.all().delete()
    job = stage.run()
    assert (job.state, job.error_code) == (JobState.FAILED, "no_paths")


def test_as_whom_it_was_tried_is_compared_with_the_services(stage: Stage) -> None:
    row = Credential.objects.create(
        cluster=stage.cluster, name="c", username="svc", kind="password", secret=Secret("x")
    )
    for name in "ab":
        stage.nodes[name].credential = row
        stage.nodes[name].save()
    service = {"name": "MDaemon", "shown_name": "MDaemon", "state": 4, "start": 2, "account": r".\svc", "program": ""}
    NodeFacts.objects.create(node=stage.nodes["a"], read_at=row.created_at, services=[service])
    stage.run()
    found = {name: stage.cells(name)["users"] for name in "abc"}
    assert [(one.login, one.is_service_account) for one in found.values()] == [("svc", True), ("svc", None), ("", None)]
