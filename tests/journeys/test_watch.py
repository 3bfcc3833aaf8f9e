"""The watch: a change on the primary is proven on the secondaries, and nobody pressed a button."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path
from typing import Any

import pytest

from tests.deadlines import PATIENCE, promised, wait_for
from tests.journeys.acting import Acting
from tests.journeys.conftest import Stage
from tests.journeys.trees import config_of

LOOKS = 1.0
"""Seconds from look to look, by the stories' profile."""

QUICK = 5.0
"""Seconds from a change to its proof on an idle machine; tests allow for busy ones."""


@pytest.fixture
def watched(new_cluster: Any) -> Stage:
    """Three nodes, proven once, and from then on watched."""
    stage: Stage = new_cluster(nodes=3, watch=True)
    stage.replicate()
    return stage


def watch_of(stage: Stage) -> dict[str, Any]:
    found: dict[str, Any] = stage.portal.ok("GET", f"clusters/{stage.cluster}/watch")
    return found


def jobs_of(stage: Stage) -> list[dict[str, Any]]:
    """The watch's own jobs, oldest first."""
    rows = stage.portal.ok("GET", f"jobs?cluster={stage.cluster}&kind=replicate&limit=100")["results"]
    return [job for job in reversed(rows) if job["requester"] == "system"]


def told(stage: Stage) -> str:
    """The watch and its jobs in a few lines, for a test that failed."""
    rows = [f"#{job['id']} {job['state']} {job['reason']} {job['error']} {job['ended_at']}" for job in jobs_of(stage)]
    return "\n".join([str(watch_of(stage)), *rows])


def wait_proven(stage: Stage, content: bytes, name: str, *, roots: list[Path] | None = None) -> float:
    """Until the secondaries hold a content and the watch's last job is proven. Answers the seconds it took."""
    began = time.monotonic()
    secondaries = roots or stage.roots[1:]

    def proven() -> bool:
        if not all((root / "App" / name).is_file() for root in secondaries):
            return False
        if any((root / "App" / name).read_bytes() != content for root in secondaries):
            return False
        return all(job["state"] == "succeeded" for job in jobs_of(stage)[-1:])

    try:
        wait_for(f"{name} is proven", proven)
    except AssertionError as error:
        pytest.fail(f"{error}\n{told(stage)}\n{stage.portal.logs()}")
    return time.monotonic() - began


def wait_looked_at(stage: Stage) -> None:
    """Until a look has ended that began after this call."""
    looks = {watch_of(stage)["looked_at"]}

    def looked_twice() -> bool:
        looks.add(watch_of(stage)["looked_at"])
        return len(looks) > 2

    wait_for("the primary is looked at", looked_twice)


def wait_quiet(stage: Stage, seconds: float = PATIENCE) -> dict[str, Any]:
    """Until the watch has looked, and nothing is pending or running."""

    def quiet() -> dict[str, Any] | None:
        watch = watch_of(stage)
        ended = all(job["state"] in ("succeeded", "failed", "cancelled") for job in jobs_of(stage)[-1:])
        return watch if watch["mood"] == "quiet" and watch["looked_at"] and not watch["pending"] and ended else None

    try:
        found: dict[str, Any] = wait_for("the watch is quiet", quiet, seconds)
    except AssertionError as error:
        pytest.fail(f"{error}\n{told(stage)}")
    return found


def test_a_change_is_proven_without_a_button(watched: Stage) -> None:
    content = b"; somebody edited this\r\n"
    (watched.roots[0] / "App" / "list0001.grp").write_bytes(content)
    wait_proven(watched, content, "list0001.grp")
    assert len(jobs_of(watched)) == 1, told(watched)
    (job,) = jobs_of(watched)
    assert job["reason"] == "watch: 1 file changed: App/list0001.grp"
    assert job["target_states"] == {"verified": 2}
    watch = wait_quiet(watched)
    assert (watch["last_change"], watch["last_job"]) == ("1 file changed: App/list0001.grp", job["id"])
    assert watch["proven_after"] > 0
    (watched.roots[0] / "App" / "list0001.grp").unlink()
    wait_for("it is deleted everywhere", lambda: not (watched.roots[2] / "App/list0001.grp").exists())
    wait_quiet(watched)
    assert config_of(watched.roots[1]) == config_of(watched.roots[0])
    assert len(jobs_of(watched)) == 2


def test_from_change_to_proof(watched: Stage) -> None:
    """Ten changes, one after the other; the numbers are printed, and told to whoever runs it with -s."""
    took = []
    for number in range(10):
        content = f"; change {number}\r\n".encode()
        (watched.roots[0] / "App" / "list0002.grp").write_bytes(content)
        took.append(wait_proven(watched, content, "list0002.grp"))
    took.sort()
    median, p95 = statistics.median(took), took[-1]
    load = os.getloadavg()[0]
    print(f"from a change to its proof on both secondaries: p50 {median:.2f} s, p95 {p95:.2f} s; load {load:.1f}")
    assert median < promised(QUICK)
    wait_quiet(watched)
    assert len(jobs_of(watched)) == 10


def test_many_quick_changes_become_few_jobs(watched: Stage) -> None:
    app, began = watched.roots[0] / "App", time.monotonic()
    for number in range(30):
        (app / f"burst{number:02}.grp").write_bytes(f"; {number}\r\n".encode())
        time.sleep(0.05)
    took = time.monotonic() - began
    last = b"; 29\r\n"
    wait_proven(watched, last, "burst29.grp")
    wait_quiet(watched)
    assert config_of(watched.roots[2]) == config_of(watched.roots[0])
    assert len(jobs_of(watched)) <= 2 + max(1, took / LOOKS), f"in {took:.1f} s"


def test_a_file_that_never_rests_is_named_and_blocks_nothing(watched: Stage) -> None:
    app = watched.roots[0] / "App"
    restless, before = app / "list0003.grp", (watched.roots[1] / "App/list0003.grp").read_bytes()
    count = 0

    def write() -> None:
        nonlocal count
        count += 1
        restless.write_bytes(f"; {count}\r\n".encode())

    with Acting(write, pause=0.05):
        wait_for("it is seen to change", lambda: watch_of(watched)["pending"])
        (app / "list0004.grp").write_bytes(b"; an edit beside it\r\n")
        wait_proven(watched, b"; an edit beside it\r\n", "list0004.grp")
        assert (watched.roots[1] / "App/list0003.grp").read_bytes() == before
        job = jobs_of(watched)[-1]
        assert job["state"] == "succeeded"
        assert "App/list0003.grp" in job["plan_summary"]["unstable"]
        assert any("App/list0003.grp" in line for line in watched.events(job["id"]))
        flagged = wait_for("it is flagged", lambda: watch_of(watched)["churning"])
        assert [one["path"] for one in flagged] == ["App/list0003.grp"]
        assert flagged[0]["changes"] > watch_of(watched)["churn_per_hour"]
    wait_proven(watched, f"; {count}\r\n".encode(), "list0003.grp")
    rule = {"pattern": flagged[0]["path"], "path_class": "volatile"}
    watched.portal.ok("POST", f"clusters/{watched.cluster}/path-classes/", rule)
    jobs = len(jobs_of(watched))
    write()
    wait_quiet(watched)
    wait_looked_at(watched)
    assert wait_quiet(watched)["pending"] == 0
    assert len(jobs_of(watched)) == jobs


def test_what_cannot_be_read_is_named_and_taken_once_it_can(new_cluster: Any) -> None:
    stage: Stage = new_cluster(watch=True)
    stage.replicate()
    server, app, theirs = stage.servers[0], stage.roots[0] / "App", stage.roots[1] / "App"
    server.stop()
    server.obeys_modes = True
    server.start_again()
    file, folder = app / "list0001.grp", app / "deep0"
    inside = next(path for path in folder.rglob("*") if path.is_file())
    kept = {path: (theirs / path.relative_to(app)).read_bytes() for path in (file, inside)}

    for path in kept:
        path.write_bytes(b"; for nobody's eyes yet\r\n")
    file.chmod(0)
    folder.chmod(0)
    (app / "list0002.grp").write_bytes(b"; for all\r\n")
    wait_for("the rest goes on", lambda: (theirs / "list0002.grp").read_bytes() == b"; for all\r\n")
    job = wait_for("a job ends", lambda: [one for one in jobs_of(stage) if one["state"] == "failed"])[-1]
    assert job["error_code"] == "incomplete"
    named = wait_for("both are named", lambda: len(unreadable(stage)) == 2 and unreadable(stage))
    assert named.keys() == {"App/list0001.grp", "App/deep0"}
    assert all(why.startswith("unreadable: ") for why in named.values())
    assert {path: (theirs / path.relative_to(app)).read_bytes() for path in kept} == kept

    file.chmod(0o644)
    folder.chmod(0o755)
    for path in kept:
        wait_proven(stage, b"; for nobody's eyes yet\r\n", str(path.relative_to(app)))
    wait_quiet(stage)
    assert unreadable(stage) == {}
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def test_a_file_over_the_limit_is_named_and_left_alone_on_every_node(new_cluster: Any) -> None:
    stage: Stage = new_cluster(watch=True)
    stage.replicate()
    app, theirs = (root / "App" for root in stage.roots)
    kept = (theirs / "list0001.grp").read_bytes()

    for large in (app / "list0001.grp", app / "large.dat", theirs / "list0002.grp", theirs / "own.dat"):
        with large.open("ab") as file:
            file.truncate(2 * 1024**3)
    wait_for("the primary's are named", lambda: unreadable(stage).keys() == {"App/list0001.grp", "App/large.dat"})
    assert all(why.startswith("too large: it has 2.0 GB, over the") for why in unreadable(stage).values())
    assert jobs_of(stage) == []

    for name in ("list0002.grp", "list0003.grp"):
        (app / name).write_bytes(b"; for all\r\n")
    wait_for("the rest goes on", lambda: (theirs / "list0003.grp").read_bytes() == b"; for all\r\n")
    job = wait_for("a job ends", lambda: [one for one in jobs_of(stage) if one["state"] == "failed"])[-1]
    assert job["error_code"] == "incomplete"
    problems = stage.target(stage.job(job["id"]))["evidence"]["problems"]
    assert [one[:2] for one in problems] == [["App/list0002.grp", "too_large"]]
    assert (theirs / "list0001.grp").read_bytes() == kept
    assert (theirs / "list0002.grp").stat().st_size == (theirs / "own.dat").stat().st_size == 2 * 1024**3
    assert not (theirs / "large.dat").exists()

    (app / "large.dat").unlink()
    (app / "list0001.grp").write_bytes(b"; small again\r\n")
    (theirs / "list0002.grp").write_bytes(b"; somebody's\r\n")
    wait_proven(stage, b"; small again\r\n", "list0001.grp")
    wait_proven(stage, b"; for all\r\n", "list0002.grp")
    assert unreadable(stage) == {}


def unreadable(stage: Stage) -> dict[str, str]:
    return {one["path"]: one["why"] for one in watch_of(stage)["unreadable"]}


def test_a_file_written_back_unchanged_is_no_change(watched: Stage) -> None:
    path = watched.roots[0] / "App" / "list0005.grp"
    for _ in range(3):
        path.write_bytes(path.read_bytes())
        wait_looked_at(watched)
    wait_quiet(watched)
    assert jobs_of(watched) == []


def test_a_secondary_that_was_away_catches_up_by_itself(watched: Stage) -> None:
    server = watched.servers[2]
    server.stop()
    content = b"; while one was away\r\n"
    (watched.roots[0] / "App" / "list0006.grp").write_bytes(content)
    wait_for("the other has it", lambda: (watched.roots[1] / "App/list0006.grp").read_bytes() == content)
    first = wait_for("a job waits", lambda: [job for job in jobs_of(watched) if job["state"] == "converging"])[0]
    (watched.roots[0] / "App" / "list0007.grp").write_bytes(content)
    wait_for("the other has that, too", lambda: (watched.roots[1] / "App/list0007.grp").read_bytes() == content)
    server.start_again()
    wait_proven(watched, content, "list0006.grp", roots=watched.roots[2:])
    wait_proven(watched, content, "list0007.grp", roots=watched.roots[2:])
    job = watched.job(first["id"])
    assert job["error_code"] in ("", "superseded")


def test_a_paused_cluster_is_left_alone_and_catches_up(watched: Stage) -> None:
    cluster = f"clusters/{watched.cluster}"
    watched.portal.ok("POST", f"{cluster}/pause/", {"reason": "upgrade"})
    wait_for("a look under way ends", lambda: not watch_of(watched)["looking"])
    looked = watch_of(watched)["looked_at"]
    (watched.roots[0] / "App" / "list0008.grp").write_bytes(b"; while paused\r\n")
    time.sleep(3)
    watch = watch_of(watched)
    assert (watch["mood"], watch["looked_at"], jobs_of(watched)) == ("paused", looked, [])
    watched.portal.ok("POST", f"{cluster}/resume/", {})
    wait_proven(watched, b"; while paused\r\n", "list0008.grp")


def _minutes_away(watch: dict[str, Any]) -> bool:
    """Whether it was looked at, and the next look is due in another minute than that."""
    return watch["looked_at"] is not None and watch["due_at"][:16] > watch["looked_at"][:16]


def test_a_signal_makes_the_watch_look_at_once(watched: Stage) -> None:
    address = f"clusters/{watched.cluster}"
    watched.portal.ok("PUT", f"{address}/watch", {"enabled": True, "interval": 3600})
    wait_quiet(watched)
    wait_for("the long wait begins", lambda: _minutes_away(watch_of(watched)))
    (watched.roots[0] / "App" / "list0009.grp").write_bytes(b"; signalled\r\n")
    answers = [watched.portal.call("POST", f"{address}/signal", {}) for _ in range(20)]
    assert {answer.status for answer in answers} == {202}
    wait_proven(watched, b"; signalled\r\n", "list0009.grp")
    assert len(jobs_of(watched)) == 1


def test_a_halted_job_is_not_requested_in_a_loop_and_mending_goes_on(watched: Stage) -> None:
    ini = watched.roots[0] / "App" / "MDaemon.ini"
    whole = ini.read_bytes()
    ini.write_bytes(whole + b"this is no line of an ini file\0\r\n[\r\n")
    halted = wait_for("it halts", lambda: [job for job in jobs_of(watched) if job["state"] == "halted"])
    assert halted[0]["error_code"] == "broken_ini"
    held = wait_for("the watch says so", lambda: watch_of(watched)["mood"] == "held" and watch_of(watched))
    assert "broken_ini" in held["sentence"] or "no longer parses" in held["sentence"]
    assert held["retry_at"] is not None
    for _ in range(3):
        wait_looked_at(watched)
    assert len(jobs_of(watched)) == 1
    mended = whole.replace(b"Shared=one", b"Shared=two")
    ini.write_bytes(mended)
    wait_for("the halted job is superseded", lambda: watched.job(halted[0]["id"])["state"] == "cancelled")
    wait_quiet(watched)
    assert b"Shared=two" in (watched.roots[1] / "App/MDaemon.ini").read_bytes()
    assert [job["state"] for job in jobs_of(watched)] == ["cancelled", "succeeded"]


def test_what_a_person_only_planned_is_still_replicated(watched: Stage) -> None:
    watched.portal.ok("PUT", f"clusters/{watched.cluster}/watch", {"enabled": False})
    content = b"; seen by a plan first\r\n"
    (watched.roots[0] / "App" / "list0010.grp").write_bytes(content)
    watched.wait_state(watched.request(dry_run=True), "succeeded")
    one = watched.request(nodes=[watched.node_ids[1]])
    watched.wait_state(one, "succeeded")
    assert (watched.roots[2] / "App/list0010.grp").read_bytes() != content
    watched.portal.ok("PUT", f"clusters/{watched.cluster}/watch", {"enabled": True})
    wait_proven(watched, content, "list0010.grp")
