"""The Windows story: both nodes inside Wine, with Win32 files behind an SSH server with Win32-OpenSSH's manners.

It proves how the portal copes with those files, and how it calls and understands commands. That PowerShell runs the
scripts it does not prove: the program of that name here is a player (see `inside/powershell_shim.py`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from nodes.platforms import platform_named
from nodes.remote.ssh import SshSession, open_transport
from tests.deadlines import wait_for
from tests.winlab.conftest import Lab
from tests.winlab.prefix import PYTHON
from tests.winlab.trees import LISTS, config_of, ini_of, untouched_of

STOPPED, RUNNING = 1, 4
TICK_MS = 16


def change(lab: Lab, name: str, content: bytes) -> None:
    (lab.primary.root / "App" / name).write_bytes(content)


def assert_equal(lab: Lab) -> None:
    assert config_of(lab.secondary.root) == config_of(lab.primary.root)
    assert not list(lab.secondary.root.rglob(".cp~*"))


def assert_blocked(lab: Lab, *paths: str) -> None:
    """A replication ends with exactly these files named as held open on the secondary."""
    target = lab.stage.target(lab.stage.replicate(expect="failed"))
    assert target["state"] == "blocked", json.dumps(target, indent=1)
    assert all(path in target["error"] for path in paths)
    assert sorted(target["evidence"]["blocked"]) == sorted(paths)


def test_facts_without_scripts(lab: Lab) -> None:
    facts = lab.facts(0)
    assert facts["system"].startswith("Windows 10.0.")
    assert facts["time_zone"]
    assert facts["disk_free"] > 0
    assert facts["clock_offset_ms"] is None
    assert "scripts" in facts["errors"]["clock"]
    assert facts["capabilities"] == {
        "can_list": False,
        "can_hash": False,
        "can_untar": False,
        "can_link": False,
        "can_archive": False,
    }
    assert facts["scripts"]["state"] == "none"


def test_replicate_by_sftp_alone(lab: Lab) -> None:
    before = untouched_of(lab.secondary.root)
    job = lab.stage.replicate()
    assert lab.stage.target(job)["state"] == "verified"
    assert len(config_of(lab.primary.root)) > LISTS + 6
    assert_equal(lab)
    assert untouched_of(lab.secondary.root) == before
    ini = ini_of(lab.secondary.root)
    assert b"StandInHostName=WINMX2\r\n" in ini
    assert b"Shared=one\r\n" in ini


def test_names_that_differ_in_case_are_one_file(lab: Lab) -> None:
    names = [path.name for path in (lab.secondary.root / "App").iterdir()]
    assert len({name.casefold() for name in names}) == len(names)
    again = lab.stage.request(dry_run=True)
    assert lab.stage.wait_state(again, "succeeded")["plan_summary"]["changes"] == 0
    ini = next(path for path in (lab.primary.root / "App").iterdir() if path.name == "mdaemon.INI")
    ini.write_bytes(ini.read_bytes().replace(b"Shared=one", b"Shared=two"))
    lab.stage.replicate()
    assert b"Shared=two\r\n" in ini_of(lab.secondary.root)
    assert b"StandInHostName=WINMX2\r\n" in ini_of(lab.secondary.root)


def test_files_held_on_the_secondary_block_only_themselves(lab: Lab) -> None:
    change(lab, "list0001.grp", b"; changed while it is held\r\n")
    change(lab, "list0002.grp", b"; changed beside it\r\n")
    change(lab, "fresh.dat", b"the primary's")
    (lab.secondary.root / "App" / "fresh.dat").write_bytes(b"the secondary's, never proven, not to be read now")
    held = ["App/fresh.dat", "App/list0001.grp"]
    with lab.secondary.holding(held[0]), lab.secondary.holding(held[1]):
        assert_blocked(lab, *held)
        assert config_of(lab.secondary.root)["app/list0002.grp"] == b"; changed beside it\r\n"
    lab.stage.replicate()
    assert_equal(lab)


def test_a_file_held_on_the_primary_is_named_and_comes_later(lab: Lab) -> None:
    change(lab, "list0003.grp", b"; changed and held on the primary\r\n")
    change(lab, "list0004.grp", b"; changed and free\r\n")
    with lab.primary.holding("App/list0003.grp"):
        job = lab.stage.replicate(expect="failed")
        assert "list0003.grp" in lab.stage.target(job)["error"]
    assert config_of(lab.secondary.root)["app/list0004.grp"] == b"; changed and free\r\n"
    lab.stage.replicate()
    assert_equal(lab)


def test_a_rename_that_fails_is_told_and_repaired(lab: Lab) -> None:
    old = config_of(lab.secondary.root)["app/list0005.grp"]
    change(lab, "list0005.grp", b"; a rename will fail\r\n")
    lab.secondary.spoil("posix-rename")
    assert_blocked(lab, "App/list0005.grp")
    assert config_of(lab.secondary.root)["app/list0005.grp"] == old
    lab.secondary.spoil()
    lab.stage.replicate()
    assert_equal(lab)


def test_without_hard_links_everything_goes_by_copies(lab: Lab) -> None:
    change(lab, "list0006.grp", b"; no hard links here\r\n")
    change(lab, "added.dat", b"added without hard links")
    lab.secondary.spoil("hardlink")
    lab.stage.replicate()
    lab.secondary.spoil()
    assert_equal(lab)


def test_with_scripts_commands_list_hash_and_tell_the_clock(lab: Lab) -> None:
    portal = lab.stage.portal
    for node in lab.stage.node_ids:
        brought = portal.ok("POST", f"nodes/{node}/scripts/bring/", {})["files"]
        assert len(brought) == (6 if node == lab.stage.node_ids[0] else 0)  # both log in to the same account
    facts = lab.facts(1)
    assert facts["capabilities"] == {
        "can_list": True,
        "can_hash": True,
        "can_untar": False,
        "can_link": False,
        "can_archive": False,
    }
    # one clock, really: it is as far off as was allowed for, however slow the machine, but for what a tick hides
    assert abs(facts["clock_offset_ms"]) <= facts["clock_uncertainty_ms"] + TICK_MS
    assert (facts["scripts"]["state"], facts["scripts"]["brought"]) == ("used", facts["scripts"]["version"])


def test_with_scripts_a_held_file_is_still_named_and_repaired(lab: Lab) -> None:
    change(lab, "list0008.grp", b"; hashed by script\r\n")
    change(lab, "list0010.grp", b"; held, and hashed by script\r\n")
    (lab.primary.root / "App" / "list0009.grp").unlink()
    (lab.secondary.root / "App" / "list0010.grp").write_bytes(b"; an edit of the secondary\r\n")
    with lab.secondary.holding("App/list0010.grp"):
        assert_blocked(lab, "App/list0010.grp")
    lab.stage.replicate()
    assert_equal(lab)


@pytest.fixture
def service(lab: Lab) -> Iterator[str]:
    """A real service whose program lies in the mail server's folder; it runs."""
    program = lab.primary.root / "App" / "MDaemon.exe"
    program.write_bytes((lab.primary.prefix.drive_c / "windows" / "system32" / "nssm.exe").read_bytes())
    lab.primary.run("sc", "delete", "MDaemon")  # of a run that was killed
    assert lab.primary.run(r"C:\MDaemon\App\MDaemon.exe", "install", "MDaemon", PYTHON, r"C:\winlab\idle.py") == 0
    assert lab.primary.run("sc", "start", "MDaemon") == 0
    wait_for("the service runs", lambda: state_of(lab, "MDaemon") == RUNNING)
    yield "MDaemon"
    lab.primary.run("sc", "stop", "MDaemon")
    wait_for("the service stopped", lambda: state_of(lab, "MDaemon") == STOPPED)
    lab.primary.run("sc", "delete", "MDaemon")


def state_of(lab: Lab, service: str) -> int | None:
    """What the portal's own command and parser say."""
    windows = platform_named("windows")
    command = windows.service_state(service)
    assert command is not None
    transport = open_transport(lab.primary.target())
    try:
        return windows.parse_service_state(SshSession(transport).run(windows.spell(command), timeout=30))
    finally:
        transport.close()


def test_the_selftest_passes_and_finds_the_service(lab: Lab, service: str) -> None:
    report = json.loads(lab.stage.portal.manage("node_selftest", "WINMX1", "--json", "--write"))
    steps = {check["name"]: check for check in report["checks"]}
    assert {name: check["detail"] for name, check in steps.items() if check["outcome"] != "pass"} == {}
    assert steps["services"]["detail"] == f"{service} (state {RUNNING}, account LocalSystem)"
    assert not list(lab.primary.root.rglob(".cp~*"))
    (found,) = lab.facts(0)["services"]
    assert (found["name"], found["state"], found["account"]) == (service, RUNNING, "LocalSystem")
    lab.stage.portal.ok("POST", f"clusters/{lab.stage.cluster}/checks/run", {})
    checks = lab.stage.portal.ok("GET", f"clusters/{lab.stage.cluster}/checks")["checks"]
    (accounts,) = [check for check in checks if check["code"] == "service_accounts"]
    said = next(one for one in accounts["findings"] if one["node"] == "WINMX1")
    assert (said["standing"], "MDaemon as LocalSystem" in said["evidence"]) == ("warn", True), said


def test_without_its_scripts_a_node_goes_on_by_sftp(lab: Lab) -> None:
    for node in lab.stage.node_ids:
        lab.stage.portal.ok("POST", f"nodes/{node}/scripts/remove/", {})
    change(lab, "list0011.grp", b"; by sftp again\r\n")
    lab.stage.replicate()
    assert_equal(lab)
    assert not (lab.primary.prefix.drive_c / "users" / "root" / ".clusterportal").exists()
