"""The counter of steps sees what it is for: a loop by its turns, a quadratic one by its growth."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.steps import assert_linear, steps


def _once(size: int) -> int:
    total = 0
    for number in range(size):
        total += number
    return total


def _each_with_each(size: int) -> int:
    return sum(one * other for one in range(size) for other in range(size))


def _lazily(size: int) -> Iterator[int]:
    number = 0
    while number < size:
        number += 1
        yield number


def _on_one_line(size: int) -> list[int]:
    return [number for number in range(size) if number % 2]


@pytest.mark.parametrize("function", [_once, _lazily, _on_one_line])
def test_the_turns_of_a_loop_are_counted(function) -> None:
    assert 1000 <= steps(function, 1000) <= 4500
    assert_linear(function, int)


def test_quadratic_work_is_red() -> None:
    with pytest.raises(AssertionError, match=r"steps for 100, and \d+ for 200"):
        assert_linear(_each_with_each, int, (100, 200))


def test_only_the_expected_errors_may_end_it() -> None:
    assert steps(int, "x", expected=(ValueError,)) == 0
    with pytest.raises(ValueError, match="invalid literal"):
        steps(int, "x")
