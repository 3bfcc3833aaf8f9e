"""The matrix of checks: a row a check, a cell a server, the evidence of the one that is opened."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest
from django.test import Client

from accounts.models import Role
from nodes.checks.matrix import Cell, first_open, matrix
from nodes.checks.models import Guard
from nodes.checks.selectors.checks import CheckShown
from nodes.checks.services.checks import run_checks
from nodes.enums import NodeRole
from tests.factories import make_cluster, make_member, make_node

pytestmark = pytest.mark.django_db
QUERIES = 14


def _finding(node: str, standing: str, evidence: str = "", remedy: str = "") -> dict[str, str]:
    return {"node": node, "standing": standing, "evidence": evidence, "remedy": remedy}


def _check(code: str, state: str, *findings: dict[str, str]) -> CheckShown:
    return CheckShown(Guard(code=code, state=state, findings=list(findings)), code, "A rule.")


def test_the_worst_finding_speaks_for_a_server() -> None:
    check = _check(
        "clock",
        "fail",
        _finding("mx2", "pass", "Fine."),
        _finding("mx1", "warn", "Slow.", "Look."),
        _finding("mx1", "fail", "Off.", "Set it."),
        _finding("mx1", "pass", "Fine."),
    )
    row = matrix([check], ["mx1", "mx2", "mx3"])[0]
    assert row.cells == (Cell("mx1", "fail", "Off.", "Set it."), Cell("mx2", "pass", "Fine."), Cell("mx3"))
    assert len(row.findings) == 4


def test_what_is_found_of_the_whole_cluster_or_of_a_server_that_is_gone_fills_no_cell() -> None:
    row = matrix([_check("disk", "fail", _finding("", "fail"), _finding("gone", "pass"))], ["mx1"])[0]
    assert row.cells == (Cell("mx1"),)
    assert [found.node for found in row.findings] == ["", "gone"]


@pytest.mark.parametrize(("states", "code"), [(["unknown", "pass"], ""), (["unknown", "warn", "fail"], "c1"), ([], "")])
def test_the_first_that_warns_or_fails_is_opened(states: list[str], code: str) -> None:
    assert first_open(matrix([_check(f"c{n}", state) for n, state in enumerate(states)], [])) == code


class Table(HTMLParser):
    """The cells of each row, by the row's id."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.rows: dict[str, list[str]] = {}
        self._row: list[str] | None = None
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "tr":
            self._row = self.rows.setdefault(dict(attrs).get("id") or "", [])
        elif tag in ("td", "th") and self._row is not None:
            self._row.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "tr":
            self._row = None

    def handle_data(self, data: str) -> None:
        if self._row:
            self._row[-1] = f"{self._row[-1]} {data.strip()}".strip()


@pytest.fixture
def cluster():
    made = make_cluster("harbour")
    make_node(made, "ax9", role=NodeRole.SECONDARY)
    make_node(made, "mx0", role=NodeRole.PRIMARY)
    run_checks(made.pk)
    return made


def _page(cluster, query: str = "", role: Role = Role.VIEWER) -> str:
    client = Client()
    client.force_login(make_member(cluster, role))
    return client.get(f"/clusters/{cluster.pk}/checks/{query}").content.decode()


def test_the_primary_comes_first_and_each_cell_says_its_standing_in_a_word(cluster) -> None:
    table = Table(_page(cluster))
    assert table.rows[""][:4] == ["Check", "Cluster", "mx0 Not yet observed", "ax9 Not yet observed"]
    assert table.rows["check-one_primary"][1:] == ["Passes", "Passes", "Passes"]
    assert table.rows["check-clock"][1:] == ["Unknown", "Unknown", "Unknown"]


def test_evidence_is_told_of_the_check_that_is_opened_only(cluster) -> None:
    page = _page(cluster, "?open=clock")
    assert re.findall(r'id="told-(\w+)"', page) == ["clock"]
    assert "Its facts were never read." in page
    assert page.count('aria-expanded="true"') == 1
    assert re.search(r'id="open-clock" href="/clusters/\d+/checks/\?open=#check-clock"', page)
    assert 'id="told-' not in _page(cluster, "?open=")
    assert 'id="told-' not in _page(cluster, "?open=%22%3E%3Cscript%3E")


def test_the_page_asks_as_many_questions_for_three_servers_as_for_one(cluster, django_assert_num_queries) -> None:
    client = Client()
    client.force_login(make_member(cluster, Role.VIEWER))
    address = f"/clusters/{cluster.pk}/checks/"
    client.get(address)
    with django_assert_num_queries(QUERIES):
        client.get(address)
    for _ in range(2):
        make_node(cluster)
    run_checks(cluster.pk)
    with django_assert_num_queries(QUERIES):
        client.get(address)
