"""Each check by a table: what is read, how it stands, and what the words name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from nodes.checks.core.readings import (
    ClusterReading,
    FeatureReading,
    NodeReading,
    RunsAs,
    Said,
)
from nodes.checks.core.verdicts import Verdict, judge
from nodes.facts.core import FeatureSetting, ShareAccess

SHARE, DRIVE = r"\\files\mail\Users", r"D:\Mail\Users"
WINDOWS_BY_KEY = {
    "windows": True,
    "key_login": True,
    "reaches": (ShareAccess("Users", SHARE, found=False, why="access is denied"),),
}
ON_SHARE = ShareAccess("Users", SHARE, found=True)
SIGNAL = "21/04/02 16:02:05.105 Debug 24D2AF55 0x4151020C Replication Signal from: DESKTOP-ABC123"


def runs_as(*accounts: str) -> tuple[RunsAs, ...]:
    return tuple(RunsAs("MDaemon", account) for account in accounts)


def node(name: str, **fields) -> NodeReading:
    defaults = {
        "primary": name == "mx0",
        "age": 5.0,
        "version": "26.0.3",
        "time_zone": "UTC",
        "clock_offset": 0.0,
        "clock_uncertainty": 0.002,
        "peer_address": "192.0.2.10",
        "disk_free": 50 * 2**30,
        "disk_total": 100 * 2**30,
        "registration": name,
        "service": Said("off", "astrid", "2026-11-22 10:00"),
        "host_names": frozenset({name}),
    }
    return NodeReading(name, **{**defaults, **fields})


def verdicts(*nodes: NodeReading, **fields) -> dict[str, Verdict]:
    features = (FeatureReading("domain_binding", "Binding", known=True),)
    reading = ClusterReading(**{"native": False, "nodes": nodes, "features": features, **fields})
    return {verdict.code: verdict for verdict in judge(reading)}


@pytest.mark.parametrize(
    ("code", "change", "standing", "named"),
    [
        ("same_version", {}, "pass", "26.0.3"),
        ("same_version", {"version": "26.0.3b"}, "fail", "26.0.3b"),
        ("same_version", {"version": ""}, "unknown", "mx1"),
        ("same_version", {"age": None}, "unknown", "never read"),
        ("same_version", {"age": 7300.0}, "unknown", "2 h old"),
        ("registration_key", {}, "pass", "mx1"),
        ("registration_key", {"registration": "mx0"}, "fail", "same registration key as"),
        ("registration_key", {"registration": ""}, "unknown", "mx1"),
        ("same_network", {}, "pass", "192.0.2.0/24"),
        ("same_network", {"peer_address": "192.0.2.200"}, "pass", "192.0.2.0/24"),
        ("same_network", {"peer_address": "198.51.100.4"}, "warn", "198.51.100.0/24"),
        ("same_network", {"peer_address": ""}, "unknown", "not known"),
        ("time_zone", {}, "pass", "UTC"),
        ("time_zone", {"time_zone": "Europe/Vienna"}, "warn", "Europe/Vienna"),
        ("time_zone", {"time_zone": ""}, "unknown", "mx1"),
        ("clock", {}, "pass", "0.000 s"),
        ("clock", {"clock_offset": 0.99}, "pass", "0.990 s"),
        ("clock", {"clock_offset": 1.003}, "unknown", "too uncertain"),
        ("clock", {"clock_offset": 1.2}, "warn", "1.200 s ahead of"),
        ("clock", {"clock_offset": -1.2}, "warn", "1.200 s behind"),
        ("clock", {"clock_offset": 1.2, "clock_uncertainty": 0.5}, "unknown", "too uncertain"),
        ("clock", {"clock_offset": 400.0}, "fail", "replication halts"),
        ("clock", {"clock_offset": None}, "unknown", "could not be read"),
        ("disk", {}, "pass", "50%"),
        ("disk", {"disk_free": 8 * 2**30}, "warn", "8%"),
        ("disk", {"disk_free": 2 * 2**30}, "fail", "2%"),
        ("disk", {"disk_free": None}, "unknown", "not known"),
        ("one_primary", {}, "pass", "nothing on the server says otherwise"),
        ("one_primary", {"primary": False, "part": Said("primary", "astrid", "today")}, "fail", "it is the primary"),
        ("one_primary", {"new_part_log": {"0x4151020C": SIGNAL}}, "pass", "secondary"),
        ("cluster_service", {}, "pass", "astrid attested on 2026-11-22 10:00 that it is off"),
        ("cluster_service", {"service": None}, "unknown", "Nobody attested"),
        ("cluster_service", {"service": Said("on", "astrid", "today")}, "fail", "that it is on"),
        ("cluster_service", {"new_log": {"0x4151020C": SIGNAL}}, "fail", "Replication Signal from"),
        ("path_access", {}, "unknown", "No server keeps a shared folder outside"),
        ("path_access", {"reaches": (ShareAccess("Users", SHARE, found=True),)}, "pass", SHARE),
        (
            "path_access",
            {"reaches": (ShareAccess("Users", SHARE, found=False, why="it is not there"),)},
            "fail",
            "not there",
        ),
        (
            "path_access",
            {"reaches": (ShareAccess("Users", SHARE, found=None, why="timed out"),)},
            "unknown",
            "timed out",
        ),
        ("path_access", WINDOWS_BY_KEY, "unknown", "access is denied"),
        ("path_access", {**WINDOWS_BY_KEY, "key_login": False}, "fail", "access is denied"),
        ("path_access", {"windows": True, "reaches": (ShareAccess("Users", DRIVE, found=False),)}, "warn", DRIVE),
        ("path_access", {"windows": True, "reaches": (ShareAccess("Users", DRIVE, found=True),)}, "warn", DRIVE),
        ("service_accounts", {}, "unknown", "not asked"),
        ("service_accounts", {"windows": True}, "unknown", "not known"),
        ("service_accounts", {"services": runs_as("HARBOUR\\mail")}, "pass", "MDaemon as HARBOUR"),
        ("service_accounts", {"services": runs_as("LocalSystem")}, "warn", "MDaemon as LocalSystem"),
        ("service_accounts", {"services": runs_as("")}, "warn", "LocalSystem"),
        (
            "service_accounts",
            {"services": runs_as(r"NT AUTHORITY\Network Service"), "reaches": (ON_SHARE,)},
            "fail",
            "NT",
        ),
        (
            "service_accounts",
            {"services": runs_as("HARBOUR\\mail", "LocalSystem")},
            "warn",
            "MDaemon as LocalSystem, w",
        ),
        ("service_accounts", {"services": runs_as(r"NT SERVICE\MDaemon")}, "warn", "no user"),
        ("service_accounts", {"services": runs_as(r"NT-AUTORITÄT\Netzwerkdienst")}, "warn", "no user"),
        ("service_accounts", {"services": runs_as(r"mx1\mail")}, "pass", "mx1"),
        ("service_accounts", {"services": runs_as("mail")}, "unknown", "not known"),
        ("service_accounts", {"services": runs_as(*["HARBOUR\\mail"] * 6)}, "pass", "and 2 more"),
        ("service_accounts", {"services": runs_as(""), "account": Said("yes", "astrid", "today")}, "pass", "attested"),
        ("service_accounts", {"account": Said("no", "astrid", "today")}, "fail", "no"),
        ("domain_binding", {}, "unknown", "not in the node's file"),
    ],
)
def test_a_secondary_beside_a_sound_primary(code, change, standing, named) -> None:
    found = verdicts(node("mx0"), node("mx1", **change))[code]
    mine = next(row for row in found.findings if row.node in ("mx1", ""))
    assert mine.standing == standing
    assert named in mine.sentence
    assert bool(mine.remedy) == (standing != "pass")


def test_a_replication_signal_to_the_primary_says_that_another_one_is() -> None:
    primary = node("mx0", new_part_log={"0x4151020C": SIGNAL})
    found = verdicts(primary, node("mx1"))["one_primary"]
    assert found.standing == "fail"
    assert "DESKTOP-ABC123 sends it replication signals" in found.evidence
    own = replace(primary, host_names=frozenset({"mx0", "desktop-abc123"}))
    assert verdicts(own, node("mx1"))["one_primary"].standing == "pass"


def test_without_a_primary_clocks_are_compared_with_the_portal() -> None:
    found = verdicts(node("mx1", clock_offset=2.0))
    assert found["one_primary"].standing == "fail"
    assert found["clock"].standing == "warn"
    assert "the portal" in found["clock"].evidence


def test_the_clocks_of_nodes_that_are_off_alike_agree() -> None:
    found = verdicts(node("mx0", clock_offset=90.0), node("mx1", clock_offset=90.3))["clock"]
    assert [row.standing for row in found.findings] == ["warn", "pass"]


def test_native_clusters_want_the_service_on() -> None:
    on, off = Said("on", "astrid", "today"), Said("off", "astrid", "today")
    found = verdicts(node("mx0", service=on), node("mx1", service=off), native=True)["cluster_service"]
    assert [row.standing for row in found.findings] == ["pass", "warn"]
    proven = verdicts(node("mx0", service=None, new_log={"0x41510618": "line"}), native=True)["cluster_service"]
    assert proven.standing == "pass"


@pytest.mark.parametrize(("value", "standing"), [("No", "pass"), ("no", "pass"), ("Yes", "fail"), (None, "unknown")])
def test_a_feature_is_off_everywhere_or_named(value, standing) -> None:
    switch = FeatureSetting("domain_binding", "App/Domains.dat", "a.example", "Bind", "No", value)
    found = verdicts(node("mx0", switches=(switch,)))["domain_binding"]
    assert found.standing == standing
    if value == "Yes":
        assert "[a.example] Bind=Yes in App/Domains.dat" in found.evidence


def test_a_feature_may_be_on_while_clustering_is_not_enabled() -> None:
    switch = FeatureSetting("domain_binding", "App/Domains.dat", "a.example", "Bind", "No", "Yes")
    found = verdicts(node("mx0", switches=(switch,)), enabled=False)["domain_binding"]
    assert found.standing == "pass"
    assert "[a.example] Bind=Yes in App/Domains.dat. Enabling clustering has it switched off." in found.evidence


def test_a_feature_whose_switch_is_not_known_never_passes() -> None:
    features = (FeatureReading("attachment_linking", "Attachment Linking", known=False),)
    found = verdicts(node("mx0"), features=features)["attachment_linking"]
    assert found.standing == "unknown"
    assert "not publicly known" in found.evidence


def test_nothing_is_known_of_an_empty_cluster() -> None:
    found = verdicts()
    assert {code for code, verdict in found.items() if verdict.standing == "pass"} == set()
