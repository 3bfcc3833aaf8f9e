"""Whether an expression can stall who searches by it: `re` tries every way in which a text may match.

An expression is unrolled into places, each of which reads one character. Where one text leads from a place back to
itself in two ways, the ways double with each turn (exponential). Where one text goes round at two places and also leads
from the one to the other, any of its characters may be where it changed over (quadratic, or worse). Nothing is run and
no time is taken. It errs on the side of alarm: whether a match could still fail afterwards is only asked at the very
end, lookarounds count as if they were not there, what is possessive as if it were not, and a long repeat counts as one
without a bound.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from itertools import product
from typing import Any

# nothing public tells an expression's shape; the type checker knows these modules in some orders only
compiler, codes, parser = (import_module(f"re.{name}") for name in ("_compiler", "_constants", "_parser"))

FEW = 8
"""A repeat of at most so many turns is written out; one of more counts as endless."""

SHORT = 64
"""Of single characters, so many are few as well: what they cost is bounded. They are written out as FEW."""

ALPHABET = "".join(map(chr, range(256))) + "\u0130\u0131\u017f\u212a\u20ac\u2028\u0660\uffff\U0001f600"
"""The characters that stand for all: those of a byte, and some that only Unicode knows."""

_ANY = (1 << len(ALPHABET)) - 1
_NEW_LINE = 1 << ord("\n")
_SIMPLE = {codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN}
_REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}
_ASSERTIONS = {codes.AT, codes.ASSERT, codes.ASSERT_NOT}


class NotJudged(Exception):
    """The expression holds something that this module knows nothing of."""


@dataclass(slots=True)
class _Part:
    """A part of an expression: the places it may begin and end at, and whether it may match nothing."""

    first: frozenset[int] = frozenset()
    last: frozenset[int] = frozenset()
    empty: bool = True


@dataclass(slots=True)
class _Places:
    """Each place's characters, as a set of bits, and the places that may follow it."""

    flags: int
    reads: list[int] = field(default_factory=list)
    after: list[set[int]] = field(default_factory=list)
    twice: bool = False
    """Two repeats lead from one place to the same other one."""
    asserted: bool = False
    """Something must be so where nothing is read."""

    def part(self, items: Iterable[tuple[Any, Any]]) -> _Part:
        whole = _Part()
        for code, value in items:
            whole = self._joined(whole, self._one(code, value))
        return whole

    def _one(self, code: Any, value: Any) -> _Part:
        if code in _SIMPLE:
            return self.place(_characters(code, value, self.flags))
        if code in _ASSERTIONS:
            self.asserted = True
            return _Part()
        if code in _REPEATS:
            return self._repeated(*value)
        return _either([self.part(body) for body in _bodies(code, value)])

    def start(self, anchors: Sequence[Any]) -> _Part:
        """What a search passes over before it tries."""
        if codes.AT_BEGINNING_STRING in anchors or (codes.AT_BEGINNING in anchors and not self.flags & re.M):
            return _Part()
        passed = self.place(_ANY)
        self.lead(passed.last, passed.first)
        return self._joined(passed, self.place(_NEW_LINE)) if codes.AT_BEGINNING in anchors else passed

    def reached(self, place: int) -> frozenset[int]:
        """The places that some text leads to."""
        seen: set[int] = set()
        waiting = [place]
        while waiting:
            fresh = self.after[waiting.pop()] - seen
            seen |= fresh
            waiting.extend(fresh)
        return frozenset(seen)

    def place(self, reads: int) -> _Part:
        self.reads.append(reads)
        self.after.append(set())
        number = len(self.reads) - 1
        return _Part(frozenset([number]), frozenset([number]), empty=False)

    def _joined(self, one: _Part, other: _Part) -> _Part:
        self.lead(one.last, other.first)
        first = one.first | other.first if one.empty else one.first
        last = one.last | other.last if other.empty else other.last
        return _Part(first, last, one.empty and other.empty)

    def lead(self, last: frozenset[int], first: frozenset[int], *, back: bool = False) -> None:
        for place in last:
            self.twice |= back and bool(self.after[place] & first)
            self.after[place] |= first

    def _repeated(self, least: int, most: int, body: Sequence[tuple[Any, Any]]) -> _Part:
        if most <= SHORT and len(body) == 1 and body[0][0] in _SIMPLE:
            least, most = min(least, FEW), min(most, FEW)
        if most > FEW:
            whole = _Part()
            for _ in range(min(least, FEW) - 1):
                whole = self._joined(whole, self.part(body))
            turn = self.part(body)
            self.lead(turn.last, turn.first, back=True)
            return self._joined(whole, _Part(turn.first, turn.last, turn.empty or not least))
        whole = _Part()
        for number in range(most):
            turn = self.part(body)
            whole = self._joined(whole, _Part(turn.first, turn.last, turn.empty or number >= least))
        return whole


def _bodies(code: Any, value: Any) -> Sequence[Sequence[tuple[Any, Any]]]:
    """What may stand there, one or the other. Raises NotJudged."""
    if code is codes.SUBPATTERN:
        return [value[3]]
    if code is codes.ATOMIC_GROUP:
        return [value]
    if code is codes.BRANCH:
        return list(value[1])
    if code is codes.GROUPREF_EXISTS:
        return [value[1], value[2] or []]
    raise NotJudged(str(code))


def _either(parts: Sequence[_Part]) -> _Part:
    first = frozenset().union(*(part.first for part in parts))
    return _Part(first, frozenset().union(*(part.last for part in parts)), any(part.empty for part in parts))


def _characters(code: Any, value: Any, flags: int) -> int:
    """The characters that one item of an expression reads, judged by `re` itself."""
    state = parser.State()
    state.flags = flags
    one = compiler.compile(parser.SubPattern(state, [(code, value)]), flags)
    return sum(1 << number for number, character in enumerate(ALPHABET) if one.fullmatch(character))


def stalls(expression: str | bytes, flags: int = 0, *, floating: bool, whole: bool = False) -> str | None:
    """Why an expression can stall; None where it cannot. `floating`: it may begin anywhere (search, finditer, sub,
    split), else it is asked by `match`. `whole`: it must end where the text does (fullmatch). Raises NotJudged."""
    parsed = parser.parse(expression, flags)
    items = list(parsed)
    places = _Places(parsed.state.flags)
    anchors = []
    while items and items[0][0] is codes.AT:
        anchors.append(items.pop(0)[1])
    start = places.start(anchors) if floating else _Part()
    body = places.part(items)
    places.lead(start.last, body.first)
    # what ends here has matched, and is never tried in another way
    sure = frozenset[int]() if whole or places.asserted else body.last
    if places.twice or any(_doubles(places, place) for place in range(len(places.reads))):
        return "exponential"
    return "quadratic or worse" if _changes_over(places, sure) else None


def _doubles(places: _Places, place: int) -> bool:
    """Whether some text leads from a place back to it in two ways."""
    waiting, seen = [(place, place, False)], set()
    while waiting:
        one, other, apart = waiting.pop()
        for here, there in product(places.after[one], places.after[other]):
            if not places.reads[here] & places.reads[there]:
                continue
            step = (here, there, apart or here != there)
            if step == (place, place, True):
                return True
            if step not in seen:
                seen.add(step)
                waiting.append(step)
    return False


def _changes_over(places: _Places, sure: frozenset[int]) -> bool:
    reach = [places.reached(place) for place in range(len(places.reads))]
    turning = [place for place, reached in enumerate(reach) if place in reached]
    return any(
        _meets(places, reach, one, other)
        for one, other in product(turning, turning)
        if other in reach[one] and one != other and other not in sure
    )


def _meets(places: _Places, reach: Sequence[frozenset[int]], one: int, other: int) -> bool:
    """Whether one text goes round at `one`, goes round at `other`, and leads from the one to the other."""
    turns = [frozenset(place for place in reach[back] if back in reach[place]) for back in (one, other)]
    waiting, seen = [(one, one, other)], set()
    while waiting:
        here, between, there = waiting.pop()
        steps = product(places.after[here] & turns[0], places.after[between], places.after[there] & turns[1])
        for step in steps:
            first, second, third = step
            if step in seen or not places.reads[first] & places.reads[second] & places.reads[third]:
                continue
            if step == (one, other, other):
                return True
            seen.add(step)
            waiting.append(step)
    return False
