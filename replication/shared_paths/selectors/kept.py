"""Which keys never reach a secondary by replication, because they stay its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from nodes.enums import IniChoice
from nodes.ini_keys.models import IniDecision
from nodes.ini_keys.services import folded
from nodes.registry.models import Node
from replication.shared_paths.core.values import WantedValue


def kept_by(nodes: Collection[Node], values: Iterable[WantedValue]) -> list[str]:
    """For each value that a node keeps another of, a sentence that says so. One query."""
    wanted = {folded(value.path, value.section, value.key): value for value in values}
    rows = IniDecision.objects.filter(node__in=nodes, folded__in=wanted, choice=IniChoice.KEEP)
    return [
        f"{row.node.name} keeps [{row.section}] {row.key} of {row.path} as its own."
        for row in rows.select_related("node")
    ]
