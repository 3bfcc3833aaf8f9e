"""Brakes: one row a case; what is not known is none."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from replication.configuration.core.brakes import (
    BrakeInputs,
    BrakeReading,
    BrokenIni,
    Limits,
    TreeChanges,
    brakes,
    tree_changes,
)
from replication.files.core.manifest import Manifest
from replication.files.core.paths import RelPath
from tests.replication.samples import state

FINE = BrakeReading("MX1", "25.0.1", "", 0.2, 0.1, 0, 10**12)
SECOND = BrakeReading("MX2", "25.0.1", "", -0.2, 0.1, 10**6, 10**12)
CALM = BrakeInputs(FINE, (SECOND,), files=1000, given_files=1000)


@dataclass
class Row:
    what: str
    inputs: BrakeInputs
    code: str = ""
    node: str = "MX1"
    evidence: str = ""


def _second(**changes) -> BrakeInputs:
    return replace(CALM, secondaries=(replace(SECOND, **changes),))


def _changed(lost: int, changed: int) -> BrakeInputs:
    return replace(CALM, changes=TreeChanges(lost, changed))


ROWS = [
    Row("all is well", CALM),
    Row("first run", replace(CALM, given_files=None)),
    Row("grown", replace(CALM, files=9000)),
    Row("nothing there", replace(CALM, files=0), "primary_gone", evidence="were last given 1000"),
    Row("nothing there on the first run", replace(CALM, files=0, given_files=None), "primary_gone"),
    Row("as many lost as may be", _changed(200, 400)),
    Row(
        "one lost too many",
        _changed(201, 0),
        "primary_shrunk",
        evidence="201 of 1000 configuration files (20.1%) that the secondaries were last given are gone or empty",
    ),
    Row(
        "exchanged for as many others", replace(_changed(857, 0), files=1000), "primary_shrunk", evidence="857 of 1000"
    ),
    Row("another limit", replace(_changed(101, 0), limits=Limits(shrink_share=0.1)), "primary_shrunk"),
    Row(
        "more than half rewritten",
        _changed(200, 401),
        "primary_rewritten",
        evidence="401 of 800 configuration files (50.1%) that the primary still has hold other content",
    ),
    Row(
        "another limit of changes",
        replace(_changed(0, 101), limits=Limits(change_share=0.1)),
        "primary_rewritten",
        evidence="the limit is 10%",
    ),
    Row("a fifth of what was given forgotten", replace(CALM, given_files=800, given_lost=200)),
    Row(
        "more than that forgotten",
        replace(CALM, given_files=799, given_lost=201),
        "given_lost",
        evidence="The store lost what it knew of 201 of the 1000 files",
    ),
    Row("all forgotten", replace(CALM, given_files=0, given_lost=1000), "given_lost"),
    Row("all of a few, edited", replace(_changed(0, 4), files=4, given_files=4)),
    Row("nearly all of a few, lost", replace(_changed(4, 0), files=1, given_files=5)),
    Row(
        "all of five, rewritten",
        replace(_changed(0, 5), files=5, given_files=5),
        "primary_rewritten",
        evidence="5 of 5 configuration files (100.0%)",
    ),
    Row(
        "it says it is secondary",
        replace(CALM, primary=replace(FINE, role_evidence="It says secondary.")),
        "not_primary",
    ),
    Row("it says nothing", replace(CALM, primary=replace(FINE, role_evidence=""))),
    Row(
        "another version",
        _second(version="24.5"),
        "versions_differ",
        "MX2",
        "version 24.5; the primary MX1 runs 25.0.1",
    ),
    Row("version unknown", _second(version="")),
    Row("version spelled with blanks", _second(version=" 25.0.1 ")),
    Row("primary's version unknown", replace(CALM, primary=replace(FINE, version=""))),
    Row("clock ahead", _second(clock_offset=301.0), "clock_off", "MX2", "301.0 s ahead of the portal's (± 0.1 s)"),
    Row("clock behind", _second(clock_offset=-4000.0), "clock_off", "MX2", "4000.0 s behind"),
    Row("clock at the limit", _second(clock_offset=300.0)),
    Row("clock perhaps off", _second(clock_offset=301.0, clock_uncertainty=2.0)),
    Row("clock unknown", _second(clock_offset=None)),
    Row("the primary's clock", replace(CALM, primary=replace(FINE, clock_offset=999.0)), "clock_off", "MX1"),
    Row("no space", _second(free_bytes=10**6), "no_space", "MX2", "1000000 bytes are free; 1000000 are to be sent"),
    Row("space just enough", _second(free_bytes=1_100_000 + 16 * 1024 * 1024)),
    Row("space one byte short", _second(free_bytes=1_099_999 + 16 * 1024 * 1024), "no_space", "MX2"),
    Row("full, but nothing to send", _second(free_bytes=0, needed_bytes=0)),
    Row("space unknown", _second(free_bytes=None)),
    Row(
        "an ini is broken",
        replace(CALM, broken_inis=(BrokenIni("App/MDaemon.ini", "line 7 has no section"),)),
        "broken_ini",
        evidence="App/MDaemon.ini no longer parses: line 7 has no section.",
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.what)
def test_the_table(row):
    found = brakes(row.inputs)
    assert [brake.code for brake in found] == ([row.code] if row.code else [])
    for brake in found:
        assert brake.node_name == row.node
        assert row.evidence in brake.evidence
        assert brake.evidence.endswith(".")
        assert brake.remedy.endswith(".")


def test_all_at_once_the_primary_first():
    bad = BrakeReading("MX2", "1", "", 1e6, 0, 5, 0)
    inputs = BrakeInputs(
        replace(FINE, role_evidence="It says secondary."),
        (bad, replace(bad, name="MX3")),
        files=40,
        given_files=40,
        changes=TreeChanges(lost=20, changed=20),
    )
    assert [(brake.code, brake.node_name) for brake in brakes(inputs)] == [
        ("primary_shrunk", "MX1"),
        ("primary_rewritten", "MX1"),
        ("not_primary", "MX1"),
        ("versions_differ", "MX2"),
        ("versions_differ", "MX3"),
        ("clock_off", "MX2"),
        ("clock_off", "MX3"),
        ("no_space", "MX2"),
        ("no_space", "MX3"),
    ]


def _tree(content: dict[str, str]) -> Manifest:
    return Manifest({RelPath(path): state(text) for path, text in content.items()})


def test_names_that_are_lost_count_however_many_came_and_so_does_what_lost_its_content():
    given = _tree({"a": "x", "b": "", "c": "x", "d": "x", "e": "x"})
    now = _tree({"a": "", "b": "", "c": "y", "e": "x", "new": "x", "newer": "x"})
    assert tree_changes(given, now, folds_case=False) == TreeChanges(lost=2, changed=1)


def test_a_name_in_another_case_is_lost_only_where_case_counts():
    given, now = _tree({"App/a": "x", "App/b": "x"}), _tree({"APP/A": "x", "APP/b": "y"})
    assert tree_changes(given, now, folds_case=True) == TreeChanges(lost=0, changed=1)
    assert tree_changes(given, now, folds_case=False) == TreeChanges(lost=2, changed=0)
