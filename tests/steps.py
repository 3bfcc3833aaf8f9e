"""How many steps a function takes, for promises about work that no busy machine changes.

A step is a line of Python, or a call of one. What runs in C is not seen: one `re.search`, `sorted` or `bytes.replace`
is part of one line, however long it takes. Expressions are judged by their shape (`tests/backtracking.py`).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any, TypeVar

_Input = TypeVar("_Input")
_Trace = Callable[[FrameType, str, Any], Any]

SIZES = (200, 400, 800)
"""Each twice the one before."""

GROWTH = 2.5
"""What doubling may cost: 2 is linear, 4 quadratic, and what every call costs anyhow makes it less."""

BESIDE = 100
"""Steps of what happens to run meanwhile, such as a finaliser."""


def steps(function: Callable[..., Any], *args: Any, expected: tuple[type[Exception], ...] = (), **kwargs: Any) -> int:
    """How many steps `function(*args, **kwargs)` takes in this thread; it may end by an `expected` error. An iterator
    that it answers is read to its end."""
    count = 0

    def step(_: FrameType, event: str, __: Any) -> _Trace:
        nonlocal count
        count += event in {"line", "call"}
        return step

    before = sys.gettrace()
    sys.settrace(step)
    try:
        answer = function(*args, **kwargs)
        if hasattr(answer, "__next__"):
            for _ in answer:
                pass
    except expected:
        pass
    finally:
        sys.settrace(before)
    return count


def assert_linear(
    function: Callable[[_Input], Any],
    make_input: Callable[[int], _Input],
    sizes: tuple[int, ...] = SIZES,
    *,
    expected: tuple[type[Exception], ...] = (),
) -> None:
    """Twice the input (`make_input(size)`, for `sizes` that double) takes at most GROWTH times the steps."""
    inputs = [make_input(size) for size in sizes]
    counted = [steps(function, value, expected=expected) for value in inputs]
    for size, fewer, more in zip(sizes[1:], counted, counted[1:], strict=False):
        assert more <= GROWTH * fewer + BESIDE, f"{fewer} steps for {size // 2}, and {more} for {size}"
