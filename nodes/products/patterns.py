"""Path patterns and their index: which of many patterns is the first to fit a path, fast.

A pattern is a relative path with `/`; `*` and `?` stay within one name, `**` as a whole part means any number of
folders. Case never counts. Most patterns have one of a few plain forms and are found by a dictionary; only the rest
costs an expression a path.
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


def _expression(pattern: str) -> re.Pattern[str]:
    spelled = ""
    parts = folded(pattern).split("/")
    for at, part in enumerate(parts):
        last = at == len(parts) - 1
        if part == "**":
            spelled += ".+" if last else "(?:.+/)?"
        else:
            name = re.escape(part).replace(r"\*", "[^/]*").replace(r"\?", "[^/]")
            spelled += name if last else f"{name}/"
    return re.compile(spelled, re.DOTALL)


class PatternIndex:
    """Patterns in their order of precedence; the first that fits wins."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._paths: dict[str, int] = {}
        self._trees: dict[str, int] = {}
        self._suffixes: dict[tuple[str, str], int] = {}
        self._anywhere: dict[str, int] = {}
        self._rest: list[tuple[int, re.Pattern[str]]] = []
        for number, pattern in enumerate(patterns):
            self._add(number, folded(pattern))

    def _add(self, number: int, pattern: str) -> None:
        """File under the cheapest form: a path, `folder/**`, `folder/*.ext`, `**/*.ext`, or an expression."""
        folder, _, name = pattern.rpartition("/")
        if not _WILD.search(pattern):
            self._paths.setdefault(pattern, number)
        elif name == "**" and folder and not _WILD.search(folder):
            self._trees.setdefault(folder, number)
        elif re.fullmatch(r"\*\.[^*?.]+", name) and folder == "**":
            self._anywhere.setdefault(name[1:], number)
        elif re.fullmatch(r"\*\.[^*?.]+", name) and not _WILD.search(folder):
            self._suffixes.setdefault((folder, name[1:]), number)
        else:
            self._rest.append((number, _expression(pattern)))

    def first(self, path: str) -> int | None:
        """The number of the first pattern that fits the path; None if none does."""
        text = folded(path)
        folder, _, name = text.rpartition("/")
        dot = name.rfind(".")
        suffix = name[dot:] if dot >= 0 else ""
        found = [self._paths.get(text), self._suffixes.get((folder, suffix)), self._anywhere.get(suffix)]
        at = text.find("/")
        while at >= 0:
            found.append(self._trees.get(text[:at]))
            at = text.find("/", at + 1)
        best = min((number for number in found if number is not None), default=None)
        for number, expression in self._rest:
            if best is not None and number > best:
                break
            if expression.fullmatch(text):
                return number
        return best
