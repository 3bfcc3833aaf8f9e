"""Path patterns and their index: which of many patterns is the first to fit a path, fast.

A pattern is a relative path with `/`; `*` and `?` stay within one name, `**` as a whole part means any number of
folders. Case never counts. Most patterns have one of a few plain forms and are found by a dictionary; only the rest
is tried path by path. Nothing is tried again in another way, so no pattern costs more than its length times the path's.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from nodes.products.errors import ProfileError

MAX_LENGTH = 400
"""Longest pattern in characters."""

_WILD = re.compile(r"[*?]")


def folded(path: str) -> str:
    """The form in which two spellings of one path are equal: without case, and with accents composed (NFC)."""
    return path.casefold() if path.isascii() else unicodedata.normalize("NFC", path).casefold()


def pattern_problem(pattern: str) -> str | None:
    """Why a text is no pattern, with the remedy; None if it is one."""
    if not pattern:
        return "the pattern is empty; write a relative path such as App/*.dat"
    if len(pattern) > MAX_LENGTH:
        return f"the pattern is longer than {MAX_LENGTH} characters; shorten it with **"
    if not pattern.isprintable():
        return "the pattern holds a control character; remove it"
    if "\\" in pattern:
        return "the pattern holds a backslash; write / between folders"
    if re.match(r"/|[A-Za-z]:", pattern):
        return "the pattern is not relative; write it from the installation folder on, such as App/*.dat"
    return next(filter(None, map(_part_problem, pattern.split("/"))), None)


def _part_problem(part: str) -> str | None:
    if part in ("", ".", ".."):
        return f"the pattern has the part {part!r}; leave out empty, '.' and '..' parts"
    if "**" in part and part != "**":
        return f"the part {part!r} mixes ** with a name; write **/{part.replace('**', '*')}"
    return None


def checked(pattern: str) -> str:
    """The pattern itself. Raises ProfileError."""
    problem = pattern_problem(pattern)
    if problem:
        raise ProfileError(f"{pattern[:80]!r}: {problem}.")
    return pattern


def literal_characters(pattern: str) -> int:
    """How many characters of a pattern mean themselves: its precision."""
    return len(pattern) - pattern.count("*") - pattern.count("?")


def may_lie_beneath(pattern: str, folder: str) -> bool:
    """Whether a pattern could fit a path in the folder. May say yes wrongly, never no."""
    wild = _WILD.search(pattern)
    prefix = folded(pattern[: wild.start()] if wild else pattern)
    inside = folded(folder) + "/"
    return prefix.startswith(inside) or (wild is not None and inside.startswith(prefix))


class _Name:
    """One part of a pattern, folded: its pieces between the stars. Each is looked for where it can first stand, and
    what was found is never given back; no piece's expression repeats anything. So a name costs its length times the
    part's, whatever the part is."""

    def __init__(self, part: str) -> None:
        pieces = part.split("*")
        self.begins, self.ends = _plain_beginning(part), _plain_beginning(part[::-1])[::-1]
        self._least = len(part) - part.count("*")
        self._whole = len(pieces) == 1
        self._first, self._last = len(pieces[0]), len(pieces[-1])
        self._head, *self._middle, self._tail = map(_piece, pieces if len(pieces) > 1 else [part, ""])

    def fits(self, name: str) -> bool:
        """Whether the part fits a whole name."""
        if len(name) < self._least or (self._whole and len(name) > self._least):
            return False
        end = len(name) - self._last
        if not (self._head.match(name) and self._tail.match(name, end)):
            return False
        at = self._first
        for piece in self._middle:
            found = piece.search(name, at, end)
            if found is None:
                return False
            at = found.end()
        return True


def _piece(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text).replace(r"\?", "."), re.DOTALL)


def _plain_beginning(part: str) -> str:
    wild = _WILD.search(part)
    return part[: wild.start()] if wild else part


class _Parts:
    """A whole pattern, folded, for relative paths without empty parts. After a `**` the parts up to the next one are
    tried further and further right, and stay where they first fit: no part meets a name twice."""

    def __init__(self, pattern: str) -> None:
        parts = pattern.split("/")
        if parts[-1] == "**":
            parts.append("*")  # something must lie there
        self._parts = [None if part == "**" else _Name(part) for part in parts]
        self._last = _Name(parts[-1])
        self.begins, self.ends = self._last.begins, self._last.ends
        """What the last name of every path that fits begins and ends with."""

    def fits(self, names: Sequence[str]) -> bool:
        """Whether the pattern fits a path of these names."""
        at = place = 0
        beyond: tuple[int, int] | None = None
        while place < len(names):
            part = self._parts[at] if at < len(self._parts) else _NOTHING
            if part is None:
                at += 1
                beyond = at, place
            elif part.fits(names[place]):
                at, place = at + 1, place + 1
            elif beyond is None:
                return False
            else:
                at, place = beyond[0], beyond[1] + 1
                beyond = at, place
        return all(part is None for part in self._parts[at:])


_NOTHING = _Name("")


class PatternIndex:
    """Patterns in their order of precedence; the first that fits wins."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._paths: dict[str, int] = {}
        self._trees: dict[str, int] = {}
        self._longest_tree = 0
        self._suffixes: dict[tuple[str, str], int] = {}
        self._anywhere: dict[str, int] = {}
        self._rest: list[tuple[int, _Parts]] = []
        for number, pattern in enumerate(patterns):
            self._add(number, folded(pattern))

    def _add(self, number: int, pattern: str) -> None:
        """File under the cheapest form: a path, `folder/**`, `folder/*.ext`, `**/*.ext`, or an expression."""
        folder, _, name = pattern.rpartition("/")
        if not _WILD.search(pattern):
            self._paths.setdefault(pattern, number)
        elif name == "**" and folder and not _WILD.search(folder):
            self._trees.setdefault(folder, number)
            self._longest_tree = max(self._longest_tree, len(folder))
        elif re.fullmatch(r"\*\.[^*?.]+", name) and folder == "**":
            self._anywhere.setdefault(name[1:], number)
        elif re.fullmatch(r"\*\.[^*?.]+", name) and not _WILD.search(folder):
            self._suffixes.setdefault((folder, name[1:]), number)
        else:
            self._rest.append((number, _Parts(pattern)))

    def first(self, path: str) -> int | None:
        """The number of the first pattern that fits the path; None if none does."""
        text = folded(path)
        folder, _, name = text.rpartition("/")
        dot = name.rfind(".")
        suffix = name[dot:] if dot >= 0 else ""
        found = [self._paths.get(text), self._suffixes.get((folder, suffix)), self._anywhere.get(suffix)]
        at = text.find("/")
        while 0 <= at <= self._longest_tree:
            found.append(self._trees.get(text[:at]))
            at = text.find("/", at + 1)
        best = min((number for number in found if number is not None), default=None)
        for number, wild in self._rest:
            if best is not None and number > best:
                break
            if name.startswith(wild.begins) and name.endswith(wild.ends) and wild.fits(text.split("/")):
                return number
        return best
