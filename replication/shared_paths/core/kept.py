"""Keys of shared folders that a secondary keeps as its own: what the primary says there never reaches it. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Decided:
    """What was decided about one ini key of a secondary. `folded`: path, section and key, as rows identify them.
    `keeps`: it stays the secondary's own, because somebody said so or nobody answered."""

    node_id: int
    node: str
    folded: str
    keeps: bool


def kept_elsewhere(keys: Collection[str], decisions: Iterable[Decided]) -> dict[str, tuple[Decided, ...]]:
    """By key, as `folded` identifies it: what keeps it from being replicated; keys that go everywhere are left out."""
    found: dict[str, tuple[Decided, ...]] = {}
    for one in decisions:
        if one.keeps and one.folded in keys:
            found[one.folded] = (*found.get(one.folded, ()), one)
    return found
