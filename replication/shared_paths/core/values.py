"""What the keys of shared folders shall hold: their shared places, or what they held before. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nodes.counted import some
from replication.files.core.paths import RelPath
from replication.shared_paths.core.places import NotThere, moved_value, what_follows

ROUTING = "routing"
"""The role of the key that switches multi-node mail routing; it holds no place."""


class StrangeValue(ValueError):
    """A key holds what nobody expected there, and is left alone; the sentence says so without the value."""


@dataclass(frozen=True, slots=True)
class Key:
    """Where a place stands in the servers' files. `on`, `off`: the values of the routing switch."""

    role: str
    path: RelPath
    section: str
    key: str
    on: str = ""
    off: str = ""

    def __str__(self) -> str:
        return f"[{self.section}] {self.key} of {self.path}"


@dataclass(frozen=True, slots=True)
class Former:
    """What a key held before the portal first wrote there, and what the portal wrote last."""

    value: str
    wrote: str


@dataclass(frozen=True, slots=True)
class WantedValue:
    """What a key holds and shall hold. `place`: the folder that its value names now, "" for a switch. `gives_back`: the
    wanted value is the former one, and nothing is to be remembered of it afterwards."""

    role: str
    path: RelPath
    section: str
    key: str
    held: str
    value: str
    place: str = ""
    gives_back: bool = False

    @property
    def in_words(self) -> str:
        """As it shall be read."""
        return f"[{self.section}] {self.key}={self.value} in {self.path}"


def at_shared_place(key: Key, held: str, *, new: str, known: Sequence[str], former: Former | None) -> WantedValue:
    """A folder's key, so that the folder lies at `new`. `known`: the places where the folder may lie as far as anybody
    knows. What the portal wrote itself is made anew of what stood there before. Raises StrangeValue."""
    places = (new, *known)
    now = _place(held, places)
    if now == new:
        return WantedValue(key.role, key.path, key.section, key.key, held, held, now)
    for base in (former.value, held) if former else (held,):
        place = _place(base, places)
        if place:
            value = moved_value(base, place, new)
            return WantedValue(key.role, key.path, key.section, key.key, held, value, now or place)
    raise StrangeValue(f"{key} does not begin with a place where the folder is known to lie; it is left as it is.")


def _place(value: str, places: Sequence[str]) -> str:
    """The longest of the places that a value begins with; "" where it begins with none."""
    found: list[tuple[int, str]] = []
    for place in places:
        try:
            found.append((len(what_follows(value, place)), place))
        except NotThere:
            continue
    return min(found, key=lambda one: one[0])[1] if found else ""


def switched(key: Key, held: str, *, on: bool) -> WantedValue:
    """The routing switch. Raises StrangeValue where it stands neither on nor off."""
    known = {key.on.casefold(), key.off.casefold()}
    if held.casefold() not in known:
        raise StrangeValue(f"{key} holds neither the value for on nor that for off; it is left as it is.")
    value = key.on if on else key.off
    same = held.casefold() == value.casefold()
    return WantedValue(key.role, key.path, key.section, key.key, held, held if same else value)


NAMED = 5
"""So many nodes are told by name in a sentence."""


def named(nodes: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    return some(nodes, NAMED)
