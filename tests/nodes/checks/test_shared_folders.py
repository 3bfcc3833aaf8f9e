"""The checks over shared folders, mail routing and queues, each by a table."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.checks.core.finding import Finding
from nodes.checks.core.readings import (
    ClusterReading,
    FolderTest,
    KeptFolder,
    NodeReading,
    QueuesRead,
    RunsAs,
    Said,
    Waiting,
)
from nodes.checks.core.shares import REMEDIES
from nodes.checks.core.verdicts import CHECKS, Verdict, judge
from nodes.enums import CellReason, CellState
from nodes.platforms.unc import UncPath
from nodes.shares.core.layout import SharedPlace
from nodes.shares.core.standing import DAY

USERS, PUBLIC = UncPath("files", "mail", ("Users",)), UncPath("files", "mail", ("Public Folders",))
PLACES = (SharedPlace("users", "Mail folders", USERS), SharedPlace("public", "Public folders", PUBLIC))
THERE = (KeptFolder("users", r"\\files\mail\Users", known=True), KeptFolder("public", str(PUBLIC), known=True))
AT_HOME = (KeptFolder("users", r"C:\MDaemon\Users", known=True), THERE[1])
RIGHTS = "denied"
MAIL = (RunsAs("MDaemon", r"HARBOUR\mail", "MDaemon"),)
SYSTEM = (RunsAs("MDaemon", "LocalSystem", "MDaemon"),)


def tried(role: str, path: Any, state: str = "ok", **more: Any) -> FolderTest:
    return FolderTest(role, str(path), state, **{"age": 60.0, "login": r"HARBOUR\portal", **more})


def both(**more: Any) -> tuple[FolderTest, ...]:
    return (tried("users", USERS, **more), tried("public", PUBLIC, **more))


def node(name: str, **fields: Any) -> NodeReading:
    sound: dict[str, Any] = {
        "primary": name == "mx0",
        "windows": True,
        "age": 5.0,
        "version": "26.0.3",
        "clock_offset": 0.0,
        "kept": THERE,
        "tests": both(),
        "services": MAIL,
        "queues": QueuesRead(r"\\files\mail\Queues", shared=True, age=30.0),
    }
    return NodeReading(name, **{**sound, **fields})


def found(code: str, change: dict[str, Any], cluster: dict[str, Any] | None = None) -> Finding:
    nodes = (node("mx0"), node("mx1", **change))
    sound = {"native": False, "places": PLACES, "routing": True, "routing_since": "21.0"}
    reading = ClusterReading(**{**sound, "nodes": nodes, **(cluster or {})})
    verdict: Verdict = next(one for one in judge(reading) if one.code == code)
    return next(row for row in verdict.findings if row.node in ("mx1", ""))


POSIX: dict[str, Any] = {"windows": False, "services": (), "mounts": {UncPath("files", "mail"): "/mnt/mail"}}
MOUNTED = (KeptFolder("users", "/mnt/mail/Users/", known=True), KeptFolder("public", "/mnt/mail/Public Folders", True))
UNSAID = (KeptFolder("users", r"C:\MDaemon\Users", known=False), THERE[1])
OWN_QUEUES = QueuesRead(r"C:\MDaemon\Queues", shared=False, age=30.0)
WAITS = Waiting(12, 3 * 3600.0)
AS_SERVICE = both(as_service=True, login=r"HARBOUR\mail")
REFUSED = (tried("users", USERS, "failed", reason=RIGHTS, text="access is denied.", as_service=True), both()[1])
SAID_YES = Said("yes", "astrid", "today")

TABLE: list[tuple[str, dict[str, Any], str, str]] = [
    ("paths_applied", {}, "pass", "2 shared folders"),
    ("paths_applied", {"kept": AT_HOME}, "fail", r"Mail folders in C:\MDaemon\Users; \\files\mail\Users is set."),
    ("paths_applied", {"kept": AT_HOME, "age": None}, "unknown", "never read"),
    ("paths_applied", {"kept": AT_HOME, "age": 7300.0}, "unknown", "2 h old"),
    ("paths_applied", {"kept": UNSAID}, "unknown", "do not say where it keeps Mail folders"),
    ("paths_applied", {"kept": (*THERE, AT_HOME[0])}, "unknown", "do not say"),
    ("paths_applied", {"kept": ()}, "unknown", "not read"),
    ("paths_applied", {**POSIX, "kept": MOUNTED}, "pass", "where they are set"),
    ("paths_applied", {**POSIX, "kept": THERE}, "pass", "where they are set"),
    ("paths_applied", {**POSIX, "kept": MOUNTED, "mounts": {}}, "unknown", "do not say"),
    ("paths_applied", {**POSIX, "kept": (KeptFolder("users", "/mnt/other", True), MOUNTED[1])}, "fail", "/mnt/other"),
    ("paths_applied", {"age": None, "outside": True}, "pass", "no server of the cluster"),
    ("mail_routing", {"queues": None, "outside": True}, "pass", "no server of the cluster"),
    ("mail_routing", {"version": "20.0.4", "outside": True}, "fail", "20.0.4"),
    ("share_test", {}, "pass", r"2 shared folders, tested just now as HARBOUR\portal"),
    ("share_test", {"tests": ()}, "unknown", "Mail folders was never tested"),
    ("share_test", {"tests": both(age=31 * DAY)}, "unknown", "31 days ago"),
    ("share_test", {"tests": both(age=29 * DAY)}, "pass", "29 days ago"),
    ("share_test", {"tests": (tried("users", r"\\old\mail\Users"), both()[1])}, "unknown", r"tested at \\old\mail"),
    ("share_test", {"tests": REFUSED}, "fail", "access is denied."),
    ("share_test", {"tests": both(state="failed", reason="full", text="it is full.")}, "fail", "So do 1 more"),
    ("share_test", {"tests": both(state="failed", reason="full", text="x", age=40 * DAY)}, "unknown", "40 days ago"),
    ("share_test", {"tests": both(state="untested", reason="node_away", text="away.")}, "unknown", "away."),
    ("share_test", {"tests": both(state="failed", reason="no_credentials", text="by key.")}, "unknown", "by key."),
    ("file_server_clock", {"tests": both(clock_offset=-9.0)}, "warn", "files is 9.0 s behind"),
    ("file_server_clock", {"tests": both(clock_offset=1.9)}, "pass", "1.9 s ahead of"),
    ("file_server_clock", {}, "unknown", "not known"),
    ("mail_routing", {}, "pass", r"the shared queues, \\files\mail\Queues"),
    ("mail_routing", {"version": "20.0.4"}, "fail", "20.0.4"),
    ("mail_routing", {"version": "21.0.0"}, "pass", "shared queues"),
    ("mail_routing", {"version": ""}, "unknown", "version"),
    ("mail_routing", {"queues": None}, "unknown", "not read"),
    ("mail_routing", {"queues": QueuesRead("", shared=False, age=None, error="away")}, "unknown", "not read"),
    ("mail_routing", {"queues": OWN_QUEUES}, "warn", "set to be on"),
    ("queues_left", {}, "pass", "No message is left"),
    ("queues_left", {"queues": None}, "unknown", "not read"),
    (
        "queues_left",
        {"queues": QueuesRead("x", True, 30.0, left_place=r"C:\Q", left=WAITS)},
        "warn",
        "12 messages (the",
    ),
    ("queues_left", {"queues": QueuesRead("x", False, 30.0, waiting=WAITS)}, "pass", "No message"),
    ("queues_left", {"queues": QueuesRead("x", False, 999.0, waiting=WAITS), "away": True}, "warn", "3 h ago"),
    ("queues_left", {"queues": QueuesRead("x", True, 999.0, waiting=WAITS), "away": True}, "pass", "No message"),
    ("queues_left", {"queues": QueuesRead("x", True, 999.0, error="denied")}, "unknown", "denied"),
    ("service_accounts", {}, "unknown", "no share test ran as that account"),
    ("service_accounts", {"tests": AS_SERVICE}, "pass", "works in every shared folder"),
    ("service_accounts", {"tests": both(as_service=True, age=31 * DAY)}, "unknown", "no share test"),
    ("service_accounts", {"tests": REFUSED}, "fail", "access is denied."),
    ("service_accounts", {"tests": REFUSED, "account": SAID_YES}, "fail", "access is denied."),
    ("service_accounts", {"tests": both(as_service=True, state="failed", reason="full")}, "unknown", "no share test"),
    ("service_accounts", {"services": SYSTEM}, "fail", "no user"),
    ("service_accounts", {"services": SYSTEM, "tests": AS_SERVICE}, "pass", "works in every"),
    ("service_accounts", {"services": SYSTEM, "account": SAID_YES}, "pass", "attested"),
]


@pytest.mark.parametrize(("code", "change", "standing", "named"), TABLE)
def test_a_secondary_beside_a_sound_primary(code: str, change: dict[str, Any], standing: str, named: str) -> None:
    row = found(code, change)
    assert (row.standing, named in row.evidence) == (standing, True), row
    assert bool(row.remedy) == (standing != "pass")


def test_a_word_that_came_after_a_refused_test_counts() -> None:
    older = (tried("users", USERS, "failed", reason=RIGHTS, as_service=True, after_word=False),)
    assert found("service_accounts", {"tests": older, "account": SAID_YES}).standing == "pass"


def test_what_the_primary_has_not_either_is_not_applied_yet() -> None:
    nodes = (node("mx0", kept=AT_HOME), node("mx1", kept=AT_HOME))
    reading = ClusterReading(native=False, nodes=nodes, places=PLACES)
    verdict = next(one for one in judge(reading) if one.code == "paths_applied")
    assert [row.standing for row in verdict.findings] == ["warn", "warn"]
    assert verdict.evidence.endswith(r"\\files\mail\Users is set. mx1: Not applied either.")


@pytest.mark.parametrize("code", ["paths_applied", "share_test", "file_server_clock"])
def test_where_nothing_is_set_nothing_passes(code: str) -> None:
    row = found(code, {}, {"places": ()})
    assert (row.node, row.standing) == ("", "unknown")


def test_routing_that_nobody_wants_is_off() -> None:
    off = {"routing": False}
    assert found("mail_routing", {"queues": OWN_QUEUES, "version": "20.0"}, off).standing == "pass"
    assert found("mail_routing", {}, off).standing == "warn"
    at_home = (KeptFolder("queues", r"C:\MDaemon\Queues", known=False),)
    assert found("mail_routing", {"queues": None, "kept": at_home}, off).standing == "pass"
    assert found("mail_routing", {"queues": None, "kept": ()}, off).standing == "unknown"
    on_share = (KeptFolder("queues", r"\\files\mail\Queues", known=True),)
    assert found("mail_routing", {"queues": None, "kept": on_share}, off).standing == "unknown"
    assert found("queues_left", {"queues": None}, off).standing == "pass"


def test_a_file_servers_clock_is_held_against_the_primarys() -> None:
    nodes = (node("mx0", clock_offset=-8.0), node("mx1", tests=both(clock_offset=-8.5)))
    own = both(clock_offset=-8.2)
    row = found("file_server_clock", {}, {"nodes": nodes, "portal_tests": own})
    assert (row.standing, "0.2 s behind" in row.evidence) == ("pass", True), row


def test_every_reason_has_a_remedy() -> None:
    assert set(REMEDIES) == set(CellReason) - {"other"}
    assert set(CellState) == {"ok", "failed", "untested"}
    assert {"paths_applied", "share_test", "file_server_clock", "mail_routing", "queues_left"} <= CHECKS.keys()
