"""Brakes: one row a case; what is not known is none."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from replication.configuration.core.brakes import (
    BrakeInputs,
    BrakeReading,
    BrokenIni,
    Limits,
    brakes,
    emptied_files,
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


ROWS = [
    Row("all is well", CALM),
    Row("first run", replace(CALM, given_files=None)),
    Row("grown", replace(CALM, files=9000)),
    Row("nothing there", replace(CALM, files=0), "primary_gone", evidence="were last given 1000"),
    Row("nothing there on the first run", replace(CALM, files=0, given_files=None), "primary_gone"),
    Row("shrunk up to the limit", replace(CALM, files=700)),
    Row(
        "shrunk beyond", replace(CALM, files=699), "primary_shrunk", evidence="301 of 1000 configuration files (30.1%)"
    ),
    Row("emptied beyond", replace(CALM, emptied=301), "primary_shrunk", evidence="301 of 1000"),
    Row("another limit", replace(CALM, files=899, limits=Limits(shrink_share=0.1)), "primary_shrunk"),
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
        replace(FINE, role_evidence="It says secondary."), (bad, replace(bad, name="MX3")), files=1, given_files=9
    )
    assert [(brake.code, brake.node_name) for brake in brakes(inputs)] == [
        ("primary_shrunk", "MX1"),
        ("not_primary", "MX1"),
        ("versions_differ", "MX2"),
        ("versions_differ", "MX3"),
        ("clock_off", "MX2"),
        ("clock_off", "MX3"),
        ("no_space", "MX2"),
        ("no_space", "MX3"),
    ]


def test_emptied_counts_what_lost_its_content():
    before = Manifest(
        {RelPath("a"): state("x"), RelPath("b"): state(""), RelPath("c"): state("x"), RelPath("d"): state("x")}
    )
    now = Manifest(
        {RelPath("a"): state(""), RelPath("b"): state(""), RelPath("c"): state("y"), RelPath("new"): state("")}
    )
    assert emptied_files(before, now) == 1
