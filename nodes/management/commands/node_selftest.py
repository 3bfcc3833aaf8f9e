"""`manage.py node_selftest NODE`: everything the portal does on a node, tried once, read-only, and reported."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandError, CommandParser

from accounts.commands import PortalCommand
from nodes.connection.connect import PROBES, open_node
from nodes.connection.self_test import SelfTest, TestOutcome, TestResult
from nodes.errors import NodeError
from nodes.facts.selectors.facts import profile_of
from nodes.registry.models import Node


class Command(PortalCommand):
    """Try a node."""

    help = "Run every command the portal uses on a node once, changing nothing, and report. Status 1 if one failed."

    def add_arguments(self, parser: CommandParser) -> None:
        """What can be chosen."""
        parser.add_argument("node", help="its name or number")
        parser.add_argument("--json", action="store_true", help="one JSON object instead of lines")
        parser.add_argument(
            "--write",
            action="store_true",
            help="also write, rename and remove scratch files in the installation folder",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Log in to the node, try everything, print how each try ended; status 1 where one failed."""
        node = _found(options["node"])
        checks = _run(node, write=options["write"])
        self.stdout.write(_as_json(node, checks) if options["json"] else _as_lines(node, checks))
        if any(check.outcome is TestOutcome.FAIL for check in checks):
            sys.exit(1)


def _found(text: str) -> Node:
    rows = Node.objects.select_related("cluster")
    found = list(rows.filter(name__iexact=text)) or list(rows.filter(pk=text) if text.isdecimal() else ())
    if len(found) != 1:
        known = ", ".join(sorted(Node.objects.values_list("name", flat=True))) or "none"
        what = "Several nodes have" if found else "No node has"
        raise CommandError(f"{what} the name or number {text!r}; give the number of one. Registered: {known}.")
    return found[0]


def _run(node: Node, *, write: bool) -> Sequence[TestResult]:
    PROBES.forget()
    test: SelfTest | None = None
    try:
        with open_node(node) as link:
            test = SelfTest(link, profile_of(node.cluster))
            return test.run(write=write)
    except NodeError as error:
        done = test.checks if test else []
        return [*done, TestResult("connection", TestOutcome.FAIL, 0.0, str(error))]


def _as_json(node: Node, checks: Sequence[TestResult]) -> str:
    rows = [asdict(check) | {"seconds": round(check.seconds, 3)} for check in checks]
    return json.dumps({"node": node.name, "platform": node.platform, "checks": rows}, indent=1)


def _as_lines(node: Node, checks: Sequence[TestResult]) -> str:
    lines = [f"{check.outcome:<5} {check.seconds:7.3f} s  {check.name}: {check.detail}" for check in checks]
    counts = [f"{sum(check.outcome is outcome for check in checks)} {outcome}" for outcome in TestOutcome]
    return "\n".join([f"{node.name} ({node.platform})", *lines, ", ".join(counts)])
