"""Finding the keys of shared folders in ini files by the value that they hold. Pure.

A key is never guessed: it is a folder's because it holds the place where the folder lies now, or shall lie. Whether it
is the one by which the server goes, a person has to say.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from nodes.one_line import one_line
from nodes.products.folders import MACRO, PathText
from nodes.products.ini import IniDocument, IniItem
from nodes.products.masking import MASK, is_secret
from nodes.typed_json import TypedJson
from replication.shared_paths.core.places import NotThere, what_follows
from replication.shared_paths.core.values import ROUTING

MOST_OF_A_FOLDER = 20
"""So many keys are told of one folder in one file; one more says that there are more."""

MAX_SHOWN = 400
"""Characters of a line as it is shown."""

_PLAIN = re.compile(r"[\\/\"' \t]*")


class Holds(StrEnum):
    """What a key was found to hold, the strongest first."""

    WANTED = "wanted"
    TODAY = "today"
    DEFAULT = "default"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Sought:
    """A folder whose keys are looked for. `places`: where it shall lie, lies today, and lies by default, as far as that
    is known, each spelled as the primary's system does."""

    role: str
    label: str
    places: tuple[tuple[Holds, str], ...]


@dataclass(frozen=True, slots=True)
class Typed:
    """A place that a person named. `on`, `off`: the values of a switch; "" for a folder's key."""

    role: str
    path: str
    section: str
    key: str
    on: str = ""
    off: str = ""
    by: str = ""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A key that may be a folder's, as it stands in the primary's file. `shown`: its line as people may see it.
    `place`: the folder that it holds, "" for none; `below`: where in that folder it leads, with `/`. `switched`: "on"
    or "off" where a switch holds one of these. `typed_by`: who named it; "" where the portal found it."""

    role: str
    path: str
    section: str
    key: str
    line: int
    shown: str
    holds: Holds = Holds.OTHER
    place: str = ""
    below: str = ""
    on: str = ""
    off: str = ""
    switched: str = ""
    typed_by: str = ""


@dataclass(frozen=True, slots=True)
class Unread:
    """A file that could not be looked into, or, with `section` and `key`, a key that is not in it; and why."""

    path: str
    why: str
    role: str = ""
    section: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """What one search found on the primary that it asked. `places`: where each folder lay then, by its role. `more`:
    roles of which there are more keys than are told."""

    node_id: int = 0
    node: str = ""
    files: tuple[str, ...] = ()
    candidates: tuple[Candidate, ...] = ()
    unread: tuple[Unread, ...] = ()
    more: tuple[str, ...] = ()
    places: Mapping[str, str] = field(default_factory=dict)


FOUND: TypedJson[Found] = TypedJson(Found)
TYPED: TypedJson[tuple[Typed, ...]] = TypedJson(tuple[Typed, ...])


@dataclass(frozen=True, slots=True)
class Look:
    """What one file holds. `missing`: keys that people named and that are not there. `more`: roles of which it has more
    keys than are told."""

    candidates: tuple[Candidate, ...]
    missing: tuple[Typed, ...]
    more: frozenset[str]


class Finder:
    """Looks into one file after the other. `platform_name`: the primary's system."""

    def __init__(self, platform_name: str, sought: Sequence[Sought]) -> None:
        self._paths = PathText(platform_name)
        self._holders: dict[str, dict[str, Holds]] = {}
        self._spelled: dict[str, str] = {}
        for folder in sought:
            for holds, place in folder.places:
                identity = self._paths.identity(place)
                # the strongest comes first
                self._holders.setdefault(identity, {}).setdefault(folder.role, holds)
                self._spelled.setdefault(identity, place)

    def look(self, path: str, document: IniDocument, named: Sequence[Typed] = ()) -> Look:
        """The keys in a file that hold a folder's place, and those that people named in it."""
        found: list[Candidate] = []
        told: dict[str, int] = {}
        for item in document.items():
            for candidate in self._matches(path, item):
                told[candidate.role] = told.get(candidate.role, 0) + 1
                if told[candidate.role] <= MOST_OF_A_FOLDER:
                    found.append(candidate)
        first = _first_lines(document, {_place(one) for one in found} | {_place(one) for one in named})
        typed = [self._typed(one, first[_place(one)]) for one in named if _place(one) in first]
        by_hand = {(one.role, _place(one)) for one in typed}
        read = [one for one in found if first[_place(one)].line == one.line and (one.role, _place(one)) not in by_hand]
        missing = tuple(one for one in named if _place(one) not in first)
        more = frozenset(role for role, count in told.items() if count > MOST_OF_A_FOLDER)
        return Look((*typed, *read), missing, more)

    def _typed(self, named: Typed, item: IniItem) -> Candidate:
        """A key that a person named, as it stands."""
        mine = {one.role: one for one in self._matches(named.path, item)}
        plain = Candidate(named.role, named.path, item.section, item.key, item.line, self._shown(item))
        if named.role == ROUTING:
            found = replace(plain, on=named.on, off=named.off, switched=_switched(item.value, named))
        else:
            found = mine.get(named.role) or replace(plain, place=self._paths.folder_in(item.value))
        return replace(found, typed_by=named.by)

    def _matches(self, path: str, item: IniItem) -> Iterator[Candidate]:
        """Whose place a key holds: that of the deepest folder that its value lies in."""
        folder = self._paths.folder_in(item.value)
        if not folder:
            return
        place, below = self._deepest(folder)
        for role, holds in self._holders.get(place, {}).items():
            spelled = self._spelled[place]
            shown = self._shown(item, spelled)
            led = MASK if below and is_secret(item.section, item.key, item.value) else below
            yield Candidate(role, path, item.section, item.key, item.line, shown, holds, spelled, led)

    def _deepest(self, folder: str) -> tuple[str, str]:
        """The identity of the place that a folder is, or lies in, and where in it; "" for none."""
        sign = "\\" if self._paths.by_windows_rules(folder) else "/"
        names, folded = folder.split(sign), self._paths.identity(folder).split(sign)
        for end in range(len(folded), 0, -1):
            identity = sign.join(folded[:end])
            if identity in self._holders:
                return identity, "/".join(names[end:])
        return "", ""

    def _shown(self, item: IniItem, place: str = "") -> str:
        """A line as people may see it: of a value that may be secret only the place that they know anyhow."""
        value = item.value
        if is_secret(item.section, item.key, value):
            value = _masked(value, place)
        return one_line(f"{item.key}={value}", MAX_SHOWN)


def _masked(value: str, place: str) -> str:
    try:
        rest = what_follows(value, place) if place else value
    except NotThere:
        return MASK
    if not place:
        return MASK
    return value if _PLAIN.fullmatch(MACRO.sub("", rest)) else value[: len(value) - len(rest)] + MASK


def _switched(value: str, named: Typed) -> str:
    plain = value.strip().casefold()
    return "on" if plain == named.on.casefold() else "off" if plain == named.off.casefold() else ""


def _place(named: Candidate | Typed) -> tuple[str, str]:
    return named.section.casefold(), named.key.casefold()


def _first_lines(document: IniDocument, wanted: Collection[tuple[str, str]]) -> dict[tuple[str, str], IniItem]:
    """The first line of each of these keys, by section and key without case: of several equal ones Windows reads it."""
    found: dict[tuple[str, str], IniItem] = {}
    for item in document.items() if wanted else ():
        place = item.section.casefold(), item.key.casefold()
        if place in wanted:
            found.setdefault(place, item)
    return found
