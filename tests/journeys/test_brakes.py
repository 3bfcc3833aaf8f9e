"""The brakes on real nodes: each halts with evidence before a secondary is touched; an administrator's override holds
for one job, ends by itself, and is audited. Version and clock are read anew for each plan."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.deadlines import wait_for
from tests.journeys.conftest import ENDED, Stage
from tests.journeys.portal import FAST, Portal, started
from tests.journeys.test_faults_transfer import small_volume
from tests.journeys.trees import config_of, hashes, make_tree
from tests.living_files import contents
from tests.sshd import SshdServer
from tests.tools import tool

SIGNAL = "210402 160205105 D [24D2AF55] 0x4151020C Replication Signal from: DESKTOP-ABC123\r\n"
MEBIBYTE = 1024 * 1024
AN_HOUR_LATER = """
from datetime import datetime, timedelta
from replication.jobs.models import Job
job = Job.objects.get(pk={job})
for entry in job.overrides:
    entry.update({{name: str(datetime.fromisoformat(entry[name]) - timedelta(hours=1)) for name in ("at", "until")}})
job.save(update_fields=["overrides"])
"""
BANNER = "START Event Log / MDaemon PRO v{version}, System log information\r\n"


@pytest.fixture(scope="module")
def portal() -> Iterator[Portal]:
    """A portal for which facts are old at once."""
    with started(lambda data: Portal(data, {**FAST, "CLUSTERPORTAL_FRESH": "0.01"}), prefix="cp-brakes-") as portal:
        yield portal


@pytest.fixture
def stage(portal: Portal) -> Iterator[Stage]:
    """A cluster of two nodes, replicated once."""
    folder = Path(tempfile.mkdtemp(prefix="cp-brakes-"))
    made = Stage(folder, portal, owns_portal=False)
    try:
        made.build(nodes=2, files=40, name=folder.name, approval="never")
        for root in made.roots:
            tell_version(root, "26.0.3")
        made.replicate()
        yield made
        made.cancel_open_jobs()
        made.leave()
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


def tell_version(root: Path, version: str) -> None:
    (root / "Logs" / "MDaemon-all.log").write_text(BANNER.format(version=version))


def override(stage: Stage, job: int, code: str, reason: str) -> None:
    stage.portal.ok("POST", f"jobs/{job}/override", {"codes": [code], "reason": reason})


def halted_by(stage: Stage, code: str, *named: str) -> dict[str, Any]:
    """A job that this brake halts while the secondaries stay as they are; its words name all of `named`."""
    before = [hashes(root) for root in stage.roots[1:]]
    job = stage.replicate(expect="halted")
    brakes = job["plan_summary"]["brakes"]
    assert [brake["code"] for brake in brakes] == [code]
    assert brakes[0]["remedy"]
    for words in named:
        assert words in brakes[0]["evidence"]
    assert [hashes(root) for root in stage.roots[1:]] == before
    assert job["targets"] == []
    log = stage.portal.ok("GET", f"clusters/{stage.cluster}/log?limit=200")["results"]
    mine = [line for line in log if line["session"] == f"{job['id']:08X}"]
    assert [line["code"] for line in mine if line["level"] == "Error"] == ["0x4151F030"]
    return job


def goes_on_once(stage: Stage, job: dict[str, Any], code: str, *, ends: str = "succeeded") -> None:
    """The override lets this job through, is limited in time and audited; the next job halts again."""
    number = job["id"]
    override(stage, number, code, f"looked at {code} on the console")
    stage.wait_state(number, ends)
    given = stage.job(number)["overrides"]
    assert [(entry["code"], entry["by"]) for entry in given] == [(code, "admin")]
    until = datetime.fromisoformat(given[0]["until"]) - datetime.fromisoformat(given[0]["at"])
    assert until == timedelta(hours=1)
    audit = stage.portal.ok("GET", "events/?action=job.override&limit=200")["results"]
    assert any(
        f"looked at {code} on the console" in event["text"] and f"#{number} " in event["text"] for event in audit
    )


def test_an_emptied_primary(stage: Stage) -> None:
    shutil.rmtree(stage.roots[0] / "App")
    (stage.roots[0] / "App").mkdir()
    job = halted_by(stage, "primary_gone", "No configuration file was found", "the secondaries were last given")
    goes_on_once(stage, job, "primary_gone")
    assert config_of(stage.roots[1]) == {}


def test_a_shrunk_primary_and_an_override_that_works_once(stage: Stage) -> None:
    lists = sorted((stage.roots[0] / "App").glob("*.grp"))
    for path in lists[:15]:
        path.unlink()
    stage.wait_state(stage.request(dry_run=True), "succeeded")
    halted_by(stage, "primary_shrunk", "15 of", "are gone or empty", "the limit is 20%")
    job = halted_by(stage, "primary_shrunk", "15 of")  # neither looking nor asking again is a way around it
    goes_on_once(stage, job, "primary_shrunk")
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])
    for path in lists[15:]:
        path.unlink()
    halted_by(stage, "primary_shrunk")  # what was overridden for one job holds for no other


def test_an_override_whose_time_is_over_when_the_job_runs(stage: Stage) -> None:
    """It was given while the cluster was paused, and nobody resumed it within the hour."""
    for path in sorted((stage.roots[0] / "App").glob("*.grp"))[:15]:
        path.unlink()
    before = hashes(stage.roots[1])
    job = halted_by(stage, "primary_shrunk")
    address = f"clusters/{stage.cluster}"
    stage.portal.ok("POST", f"{address}/pause/", {"reason": "maintenance"})
    override(stage, job["id"], "primary_shrunk", "15 lists were retired")
    assert stage.job(job["id"])["state"] == "requested"
    stage.portal.inside(AN_HOUR_LATER.format(job=job["id"]))
    stage.portal.ok("POST", f"{address}/resume/", {})
    again = stage.wait_state(job["id"], *ENDED)
    assert (again["state"], again["error_code"]) == ("halted", "primary_shrunk")
    assert [brake["code"] for brake in again["plan_summary"]["brakes"]] == ["primary_shrunk"]
    assert "15 of" in again["plan_summary"]["brakes"][0]["evidence"]
    assert (again["targets"], hashes(stage.roots[1])) == ([], before)
    override(stage, job["id"], "primary_shrunk", "they still are")
    stage.wait_state(job["id"], "succeeded")
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])
    said = [entry["reason"] for entry in stage.job(job["id"])["overrides"]]
    assert said == ["15 lists were retired", "they still are"]


def test_a_primary_whose_files_were_exchanged_and_one_whose_files_were_encrypted(stage: Stage) -> None:
    """As many files as before, and none of them what it was."""
    app = stage.roots[0] / "App"
    lists = sorted(app.glob("*.grp"))
    for path in lists[:15]:
        path.rename(path.with_name(f"other-{path.name}"))
    halted_by(stage, "primary_shrunk", "15 of 41 ", "are gone or empty")
    for path in lists[:15]:
        path.with_name(f"other-{path.name}").rename(path)
    for path in lists[:21]:
        path.write_bytes(os.urandom(300))
    job = halted_by(stage, "primary_rewritten", "21 of 41 configuration files (51.2%)", "the limit is 50%")
    goes_on_once(stage, job, "primary_rewritten")
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def leave_free(volume: Path, size: int) -> None:
    """Let so many bytes of a volume be free."""
    filler = volume / "filler"
    filler.unlink(missing_ok=True)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(volume).free - size)


def test_a_volume_without_room(stage: Stage) -> None:
    """The brake keeps a margin, so an override may work; where there is really no room it changes nothing."""
    lists = stage.roots[0] / "App" / "list0001.grp"
    with small_volume(stage.folder / "small", 40) as volume:
        root = volume / "MDaemon"
        make_tree(root, "mx2", primary=False)
        tell_version(root, "26.0.3")
        stage.join("mx2", root)
        stage.replicate()
        leave_free(volume, 8 * MEBIBYTE)
        lists.write_bytes(b"; new\r\n" * 100_000)
        job = halted_by(stage, "no_space", f"{8 * MEBIBYTE} bytes are free", "are to be sent", "with the margin")
        assert job["plan_summary"]["brakes"][0]["node"] == "mx2"
        goes_on_once(stage, job, "no_space")
        assert config_of(root) == config_of(stage.roots[1]) == config_of(stage.roots[0])

        held = config_of(root)
        lists.write_bytes(b"; newer\r\n" * 200_000)
        leave_free(volume, MEBIBYTE)
        job = halted_by(stage, "no_space", f"{MEBIBYTE} bytes are free")
        goes_on_once(stage, job, "no_space", ends="failed")
        states = {target["node"]: (target["state"], target["error_code"]) for target in stage.job(job["id"])["targets"]}
        assert states == {stage.node_ids[1]: ("verified", ""), stage.node_ids[2]: ("failed", "no_space")}
        assert config_of(root) == held
        assert not list(root.rglob(".cp~*"))


def test_only_an_administrator_overrides_and_says_why(stage: Stage) -> None:
    for path in sorted((stage.roots[0] / "App").glob("*.grp"))[:15]:
        path.unlink()
    number = halted_by(stage, "primary_shrunk")["id"]
    words = ("create_token", "--username", "admin", "--name", f"op-{number}", "--role", "operator")
    operator = stage.portal.manage(*words).strip()
    body = {"codes": ["primary_shrunk"], "reason": "because"}
    assert stage.portal.call("POST", f"jobs/{number}/override", body, token=operator).status == 403
    assert stage.portal.call("POST", f"jobs/{number}/override", {**body, "reason": " "}).status == 400
    assert stage.portal.call("POST", f"jobs/{number}/override", {**body, "codes": ["clock_off"]}).status == 400
    assert stage.job(number)["state"] == "halted"


def test_a_server_that_is_said_not_to_be_primary(stage: Stage) -> None:
    stage.attest(stage.node_ids[0], "part", "secondary")
    job = halted_by(stage, "not_primary", "admin attested on", "says it is the secondary")
    goes_on_once(stage, job, "not_primary")
    stage.attest(stage.node_ids[0], "part", "primary")
    stage.replicate()


def test_a_primary_that_another_one_sends_signals_to(stage: Stage) -> None:
    """The node's own cluster log is evidence twice: its service works, and it is not the primary."""
    (stage.roots[0] / "Logs" / "Any-2021-04-02.log").write_text(SIGNAL)
    before = hashes(stage.roots[1])
    job = stage.replicate(expect="failed")
    assert job["error_code"] == "cluster_service_on"
    assert "DESKTOP-ABC123" in job["error"]
    assert hashes(stage.roots[1]) == before
    refused = stage.portal.call("POST", "jobs", {"kind": "replicate", "cluster": stage.cluster})
    assert (refused.status, refused.body["code"]) == (409, "cluster_service_on")

    stage.attest(stage.node_ids[0], "cluster_service", "off")  # newer than the line
    halted_by(stage, "not_primary", "DESKTOP-ABC123 sends it replication signals", "0x4151020C")
    stage.attest(stage.node_ids[0], "part", "primary")
    stage.replicate()


def test_another_version_seen_when_planning(stage: Stage) -> None:
    tell_version(stage.roots[1], "26.0.3b")
    (stage.roots[0] / "App" / "list0001.grp").write_bytes(b"; changed\r\n")
    job = halted_by(stage, "versions_differ", "26.0.3b", "the primary mx0 runs 26.0.3")
    goes_on_once(stage, job, "versions_differ")
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])
    tell_version(stage.roots[1], "26.0.3")
    stage.replicate()


def test_an_ini_file_that_is_cut_short(stage: Stage) -> None:
    ini = stage.roots[0] / "App" / "MDaemon.ini"
    whole = ini.read_bytes()
    ini.write_bytes(whole[: whole.index(b"Shared")] + b"[Direc")
    halted_by(stage, "broken_ini", "App/MDaemon.ini no longer parses", "line")
    ini.write_bytes(whole)
    stage.replicate()


def test_an_overridden_ini_file_still_is_not_written_unread(stage: Stage) -> None:
    ini = stage.roots[0] / "App" / "MDaemon.ini"
    ini.write_bytes(ini.read_bytes() + b"[Direc")
    before = (stage.roots[1] / "App" / "MDaemon.ini").read_bytes()
    job = halted_by(stage, "broken_ini")
    goes_on_once(stage, job, "broken_ini", ends="failed")
    assert (stage.roots[1] / "App" / "MDaemon.ini").read_bytes() == before  # its own keys could not be kept


def turned_clock(stage: Stage, seconds: int) -> Callable[[], None]:
    """Let commands on the secondary see another time; answers how to turn it back. sshd's own clock stays."""
    server: SshdServer = stage.servers[1]
    keys, lines = server.authorized_keys, server.extra_lines
    library = tool("libfaketime")
    faked = f'environment="LD_PRELOAD={library}",environment="FAKETIME={seconds:+d}s" '

    def turn(new_keys: Any, new_lines: Any) -> None:
        server.stop()
        server.authorized_keys, server.extra_lines = new_keys, new_lines
        server.start_again()

    turn([faked + key for key in keys], [*lines, "PermitUserEnvironment yes"])
    return lambda: turn(keys, lines)


def test_a_clock_400_seconds_off(stage: Stage) -> None:
    turn_back = turned_clock(stage, 400)
    job = halted_by(stage, "clock_off", "s ahead of the portal's", "the limit is 300 s")
    goes_on_once(stage, job, "clock_off")
    turn_back()
    stage.replicate()


def test_a_clock_two_seconds_off_is_a_warning_in_the_cluster_log(stage: Stage) -> None:
    turn_back = turned_clock(stage, 2)
    stage.replicate()  # warns only

    def clock() -> dict[str, Any]:
        checks = stage.portal.ok("GET", f"clusters/{stage.cluster}/checks")["checks"]
        return next(check for check in checks if check["code"] == "clock")

    def read_as(state: str, evidence: str = "") -> Any:
        """The guard, once it says so; while it does not, the clock is read again, for on a busy machine that is less
        exact."""
        found = clock()
        if found["state"] == state and re.search(evidence, found["evidence"]):
            return found
        stage.portal.ok("POST", f"clusters/{stage.cluster}/checks/run", {})
        return None

    two = r"mx1: Its clock is (1\.9|2\.0)\d\d s ahead of"
    warned = wait_for("the clock's guard warns", lambda: read_as("warn", two))
    log = stage.portal.ok("GET", f"clusters/{stage.cluster}/log?search=0x4151F001")["results"]
    assert [(line["level"], line["node_name"]) for line in log] == [("Warning", "mx1")]
    assert log[0]["line"].split()[2:5] == ["Warning", "00000000", "0x4151F001"]

    since = warned["since"]
    stage.portal.ok("POST", f"clusters/{stage.cluster}/checks/run", {})
    assert clock()["since"] == since
    turn_back()
    wait_for("the clock's guard passes", lambda: read_as("pass"))
    assert clock()["since"] > since


def test_the_cluster_log_tells_a_replication_as_the_guide_does(stage: Stage) -> None:
    lines = stage.portal.ok("GET", f"clusters/{stage.cluster}/log?limit=200")["results"]
    told = [(line["level"], line["code"], line["text"], line["node_name"]) for line in lines]
    assert ("Debug", "0x41511220", "Secondary cluster node added: mx1", "mx1") in told
    replicated = [line for line in told if line[1] in ("0x41510270", "0x4151020C", "0x41510618")]
    assert replicated == [
        ("Debug", "0x41510270", "Completed re-building current replication file list", "mx0"),
        ("Debug", "0x4151020C", "Replication Signal from: mx0", "mx1"),
        ("Info", "0x41510618", "Replication Job Completed", "mx1"),
    ]
    page = stage.portal.ok("GET", f"clusters/{stage.cluster}/log?limit=1")
    assert page["more"]
    rest = stage.portal.ok("GET", f"clusters/{stage.cluster}/log/?limit=200&after={page['next']}")
    assert [line["id"] for line in rest["results"]] == [line["id"] for line in lines[1:]]
    text = stage.portal.ok("GET", f"clusters/{stage.cluster}/log/download")
    assert text == "".join(f"{line['line']}\r\n" for line in lines)


def test_modes_and_attestations_refuse(portal: Portal, tmp_path: Path) -> None:
    native = portal.ok("POST", "clusters/", {"name": f"native-{tmp_path.name}", "replication_mode": "native"})
    refused = portal.call("POST", "jobs", {"kind": "replicate", "cluster": native["id"]})
    assert (refused.status, refused.body["code"]) == (409, "native_mode")

    stage = Stage(tmp_path, portal, owns_portal=False)
    try:
        stage.build(nodes=2, files=40, name=f"unsaid-{tmp_path.name}", approval="never")
        portal.ok("DELETE", f"nodes/{stage.node_ids[1]}/attestations/cluster_service")
        refused = portal.call("POST", "jobs", {"kind": "replicate", "cluster": stage.cluster})
        assert (refused.status, refused.body["code"]) == (409, "cluster_service_unattested")
        assert "mx1" in refused.body["detail"]
        stage.wait_state(stage.request(dry_run=True), "succeeded")  # a plan changes nothing
        stage.attest(stage.node_ids[1], "cluster_service", "on")
        refused = portal.call("POST", "jobs", {"kind": "replicate", "cluster": stage.cluster})
        assert (refused.status, refused.body["code"]) == (409, "cluster_service_on")
        stage.attest(stage.node_ids[1], "cluster_service", "off")
        stage.replicate()
    finally:
        stage.cancel_open_jobs()
        stage.close()


def test_a_registration_key_is_compared_and_never_shown(stage: Stage) -> None:
    key = "CANARY-4711-REGKEY-0815"
    for node in stage.node_ids:
        stage.portal.ok("PUT", f"nodes/{node}/registration", {"registration_key": key})

    def guard() -> dict[str, Any]:
        checks = stage.portal.ok("GET", f"clusters/{stage.cluster}/checks")["checks"]
        return next(check for check in checks if check["code"] == "registration_key")

    assert guard()["state"] == "fail"
    assert "same registration key as mx1" in guard()["evidence"]
    stage.portal.ok("PUT", f"nodes/{stage.node_ids[1]}/registration", {"registration_key": "another-key-1234"})
    assert guard()["state"] == "pass"
    pages = [f"nodes/{stage.node_ids[0]}/registration", f"clusters/{stage.cluster}/checks", "events/?limit=200"]
    said = "".join(str(stage.portal.ok("GET", page)) for page in pages) + stage.portal.logs()
    assert key not in said
    assert key.replace("-", "").casefold() not in said
    database = b"".join(content for _, content in contents(stage.portal.data.glob("*.sqlite3*")))
    assert database
    assert key.encode() not in database
