"""The self-test, on a real OpenSSH server: what passes, what is skipped, what fails, and that nothing stays behind."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from nodes.connection.connect import NodeLink
from nodes.connection.self_test import SelfTest
from nodes.facts.selectors.facts import profile_of
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.remote.pool import close_all
from tests.any_input import is_fit_to_be_shown
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession

pytestmark = pytest.mark.django_db

SKIPPED = {"registry", "portal's scripts", "services", "why a folder does not open", "write, link, rename, remove"}


def selftest(*words: str) -> dict[str, tuple[str, str]]:
    """Check -> outcome and detail. The status tells whether one failed."""
    out, status = StringIO(), 0
    try:
        call_command("node_selftest", *words, "--json", stdout=out)
    except SystemExit as ended:
        status = int(str(ended.code))
    report = json.loads(out.getvalue())
    checks = {check["name"]: (check["outcome"], check["detail"]) for check in report["checks"]}
    assert bool(status) == any(outcome == "fail" for outcome, _ in checks.values())
    assert all(check["seconds"] >= 0 for check in report["checks"])
    return checks


def names(checks: dict[str, tuple[str, str]], outcome: str) -> set[str]:
    return {name for name, (ended, _) in checks.items() if ended == outcome}


def test_a_posix_node_passes_without_being_changed(real_node, mail_root):
    before = {path: path.stat().st_mtime_ns for path in mail_root.rglob("*")}
    checks = selftest("real1")
    assert names(checks, "fail") == set()
    assert names(checks, "skip") == SKIPPED
    assert checks["hash by command"][1] == "the content says the same of 1 file"
    assert {path: path.stat().st_mtime_ns for path in mail_root.rglob("*")} == before


def test_write_tries_a_scratch_file_and_leaves_nothing(real_node, mail_root):
    before = sorted(mail_root.rglob("*"))
    checks = selftest(str(real_node.pk), "--write")
    assert names(checks, "skip") == SKIPPED - {"write, link, rename, remove"}
    assert {"write a new file", "replace a file by rename", "remove files"} <= names(checks, "pass")
    assert sorted(mail_root.rglob("*")) == before


def test_what_fails_is_named_and_the_rest_goes_on(real_node, mail_root):
    (mail_root / "App" / "MDaemon.ini").unlink()
    (mail_root / "App").rmdir()
    checks = selftest("real1")
    assert "list over SFTP" in names(checks, "fail")
    assert {"free space", "clock"} <= names(checks, "pass")


def test_a_node_that_cannot_be_reached_fails_in_words(real_node):
    real_node.port = 1
    real_node.save()
    close_all()
    (check,) = selftest("real1").values()
    assert check[0] == "fail"
    assert "does not answer" in check[1]


def test_lines_tell_the_same_to_a_person(real_node):
    out = StringIO()
    call_command("node_selftest", "REAL1", stdout=out)
    lines = out.getvalue().splitlines()
    assert lines[0] == "real1 (posix)"
    assert lines[-1].endswith("0 fail, 5 skip")
    assert any(line.startswith("pass") and "clock" in line for line in lines)


def test_an_unknown_node_is_told_with_the_known_ones(real_node):
    with pytest.raises(CommandError, match="Registered: real1"):
        call_command("node_selftest", "other")


class Talkative(FakeSession):
    """Calls its home what a terminal obeys."""

    def home(self) -> str:
        return "/home/\x1b[2J\n\u202e" + "x" * 100_000


def test_what_a_node_says_is_no_order_to_a_terminal(cluster):
    link = NodeLink(Talkative(FakeDisk()), platform_named("posix"), "/srv", Capabilities(), 1, "mx")
    test = SelfTest(link, profile_of(cluster))
    checks = test.run(write=False)
    assert checks[0].detail.startswith("/home/ [2J  xxx")
    assert all(is_fit_to_be_shown(check.detail) and len(check.detail) <= 1000 for check in checks)
