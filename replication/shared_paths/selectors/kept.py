"""Which keys never reach a secondary by replication, because they stay its own."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from nodes.enums import IniChoice
from nodes.ini_keys.models import IniDecision
from nodes.ini_keys.services import folded
from nodes.registry.models import Node
from replication.shared_paths.core.values import WantedValue, named


def kept_by(nodes: Collection[Node], values: Iterable[WantedValue]) -> list[str]:
    """For each value of which nodes keep another one, a sentence that says so. One query."""
    wanted = {folded(value.path, value.section, value.key): value for value in values}
    rows = IniDecision.objects.filter(node__in=nodes, folded__in=wanted, choice=IniChoice.KEEP)
    keepers: dict[str, list[str]] = {}
    for name, key in rows.order_by("node").values_list("node__name", "folded"):
        keepers.setdefault(key, []).append(name)
    return [_sentence(wanted[key], names) for key, names in keepers.items()]


def _sentence(value: WantedValue, names: Sequence[str]) -> str:
    key = f"[{value.section}] {value.key} of {value.path}"
    if len(names) == 1:
        return f"{names[0]} keeps {key} as its own."
    return f"{named(names)} keep {key} as their own."
