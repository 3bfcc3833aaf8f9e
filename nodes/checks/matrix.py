"""A cluster's checks as a matrix: a row a check, a cell a server."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nodes.checks.core.finding import joined, worst
from nodes.checks.core.readings import Standing
from nodes.checks.selectors.checks import CheckShown


@dataclass(frozen=True, slots=True)
class Cell:
    """What a check found on one server, or with `node` "" of the whole cluster. `standing` "": nothing by itself."""

    node: str
    standing: str = ""
    evidence: str = ""
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class CheckRow:
    """A check; its cells stand in the servers' order. `findings` tells all, those of the whole cluster too."""

    check: CheckShown
    cells: tuple[Cell, ...]
    findings: tuple[Cell, ...]


def matrix(checks: Iterable[CheckShown], servers: Sequence[str]) -> list[CheckRow]:
    """The checks in their order, each over these servers."""
    return [_row(check, servers) for check in checks]


def first_open(rows: Iterable[CheckRow]) -> str:
    """The code of the first check that somebody should look at; "" where none warns or fails."""
    bad = (row.check.row for row in rows if row.check.row.state in (Standing.FAIL, Standing.WARN))
    return next((row.code for row in bad), "")


def _row(check: CheckShown, servers: Sequence[str]) -> CheckRow:
    found = check.row.findings
    return CheckRow(check, tuple(_cell(found, name) for name in servers), tuple(_shown(one) for one in found))


def _cell(findings: Iterable[dict[str, Any]], server: str) -> Cell:
    """Of several findings on one server the worst counts, and speaks."""
    own = [one for one in findings if one["node"] == server]
    if not own:
        return Cell(server)
    standing = worst(Standing(one["standing"]) for one in own)
    speaking = [one for one in own if one["standing"] == standing]
    return Cell(
        server,
        standing.value,
        joined(one["evidence"] for one in speaking),
        joined(one["remedy"] for one in speaking),
    )


def _shown(finding: dict[str, Any]) -> Cell:
    return Cell(finding["node"], finding["standing"], finding["evidence"], finding["remedy"])
