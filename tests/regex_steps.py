"""How many steps a regular expression takes on a text, counted, so that a bound on them holds on every machine.

Python's own engine does not count. This one backtracks in the same order, and `spans` is held to Python's by a test.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from tests.backtracking import codes as c
from tests.backtracking import parser

State = tuple[int, dict[int, tuple[int, int]]]
"""Where a try stands in the text, and what its groups took."""


class Counted:
    """One pattern over one text. `steps`: characters and places that were looked at."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._tree = list(parser.parse(pattern.pattern, pattern.flags))
        self._flags = pattern.flags
        self._text = text
        self.steps = 0

    def spans(self) -> list[tuple[int, int]]:
        """What `finditer` finds."""
        found, at = [], 0
        while at <= len(self._text):
            state = next(self._sequence(self._tree, 0, (at, {})), None)
            if state is None:
                at += 1
                continue
            found.append((at, state[0]))
            at = max(state[0], at + 1)
        return found

    def _sequence(self, items: Sequence[Any], number: int, state: State) -> Iterator[State]:
        if number == len(items):
            yield state
            return
        code, value = items[number]
        for after in self._one(code, value, state):
            yield from self._sequence(items, number + 1, after)

    def _one(self, code: Any, value: Any, state: State) -> Iterator[State]:  # noqa: C901, PLR0912 - a table of codes
        at, groups = state
        self.steps += 1
        if code in (c.LITERAL, c.NOT_LITERAL, c.ANY, c.IN):
            if at < len(self._text) and self._takes(code, value, self._text[at]):
                yield at + 1, groups
        elif code is c.MAX_REPEAT:
            yield from self._repeat(value, state)
        elif code is c.MIN_REPEAT:
            yield from self._repeat(value, state, lazy=True)
        elif code is c.POSSESSIVE_REPEAT:
            yield from _first(self._repeat(value, state))
        elif code is c.ATOMIC_GROUP:
            yield from _first(self._sequence(value, 0, state))
        elif code is c.SUBPATTERN:
            for after, inner in self._sequence(value[3], 0, state):
                yield after, inner if value[0] is None else {**inner, value[0]: (at, after)}
        elif code is c.BRANCH:
            for way in value[1]:
                yield from self._sequence(way, 0, state)
        elif code in (c.ASSERT, c.ASSERT_NOT):
            begin = at if value[0] > 0 else at - value[1].getwidth()[0]
            holds = begin >= 0 and next(self._sequence(value[1], 0, (begin, groups)), None) is not None
            if holds is (code is c.ASSERT):
                yield state
        elif code is c.AT:
            if self._stands(value, at):
                yield state
        elif code is c.GROUPREF:
            said = self._text[slice(*groups[value])] if value in groups else None
            if said is not None and self._text.startswith(said, at):
                yield at + len(said), groups
        elif code is c.GROUPREF_EXISTS:
            yield from self._sequence((value[1] if value[0] in groups else value[2]) or (), 0, state)
        else:
            raise NotImplementedError(str(code))

    def _repeat(self, value: Any, state: State, lazy: bool = False) -> Iterator[State]:
        """Depth first without recursion: a way of a million characters is no million frames."""
        least, most, items = value
        ways = [(state, self._sequence(items, 0, state))]
        while ways:
            here, deeper = ways[-1]
            if lazy and len(ways) > least:
                yield here
            after = next(deeper, None) if len(ways) <= most else None
            while after is None or after[0] == here[0]:
                ways.pop()
                if not lazy and len(ways) >= least:
                    yield here
                if not ways:
                    return
                here, deeper = ways[-1]
                after = next(deeper, None)
            ways.append((after, self._sequence(items, 0, after)))

    def _takes(self, code: Any, value: Any, char: str) -> bool:
        if code is c.ANY:
            return char != "\n" or bool(self._flags & re.DOTALL)
        spelled = {char, char.lower(), char.upper()} if self._flags & re.IGNORECASE else {char}
        if code is c.IN:
            negated = value[0][0] is c.NEGATE
            return negated is not any(_in_set(one, spelled) for one in value)
        return (ord(char) == value or (chr(value) in spelled)) is (code is c.LITERAL)

    def _stands(self, where: Any, at: int) -> bool:
        if where in (c.AT_BOUNDARY, c.AT_NON_BOUNDARY):
            sides = [0 <= i < len(self._text) and _category(c.CATEGORY_WORD, self._text[i]) for i in (at - 1, at)]
            return (sides[0] != sides[1]) is (where is c.AT_BOUNDARY)
        if where in (c.AT_BEGINNING, c.AT_BEGINNING_STRING):
            return at == 0 or bool(
                where is c.AT_BEGINNING and self._flags & re.MULTILINE and self._text[at - 1] == "\n"
            )
        if where is c.AT_END_STRING:
            return at == len(self._text)
        raise NotImplementedError(str(where))


def steps_of(pattern: re.Pattern[str], text: str) -> int:
    """How many steps finding all of `pattern` in `text` takes."""
    counted = Counted(pattern, text)
    counted.spans()
    return counted.steps


def _first(ways: Iterator[State]) -> Iterator[State]:
    way = next(ways, None)
    if way is not None:
        yield way


def _in_set(one: tuple[Any, Any], spelled: set[str]) -> bool:
    code, value = one
    if code is c.LITERAL:
        return chr(value) in spelled
    if code is c.RANGE:
        return any(value[0] <= ord(char) <= value[1] for char in spelled)
    return code is c.CATEGORY and any(_category(value, char) for char in spelled)


_CATEGORIES = {
    c.CATEGORY_WORD: lambda char: char.isalnum() or char == "_",
    c.CATEGORY_DIGIT: str.isdecimal,
    c.CATEGORY_SPACE: str.isspace,
}


def _category(which: Any, char: str) -> bool:
    return bool(_CATEGORIES[which](char))
