"""SECURITY.md answers every item of OWASP's ASVS 5.0, levels 1 and 2, and the tests it names are there."""

from __future__ import annotations

import ast
import functools
import re
from collections import Counter

import pytest

from tests.run.test_contracts import ROOT

ITEMS = {
    **{"1.1": 2, "1.2": 9, "1.3": 11, "1.4": 3, "1.5": 2, "2.1": 3, "2.2": 3, "2.3": 4, "2.4": 1},
    **{"3.2": 2, "3.3": 4, "3.4": 6, "3.5": 5, "3.7": 2, "4.1": 3, "4.2": 1, "4.3": 2, "4.4": 4},
    **{"5.1": 1, "5.2": 3, "5.3": 2, "5.4": 3, "6.1": 3, "6.2": 12, "6.3": 4, "6.4": 4, "6.5": 5, "6.6": 3, "6.8": 4},
    **{"7.1": 3, "7.2": 4, "7.3": 2, "7.4": 5, "7.5": 2, "7.6": 2, "8.1": 2, "8.2": 3, "8.3": 1, "8.4": 1},
    **{"9.1": 3, "9.2": 4, "10.1": 2, "10.2": 2, "10.3": 4, "10.4": 11, "10.5": 5, "10.6": 2, "10.7": 3},
    **{"11.1": 2, "11.2": 3, "11.3": 3, "11.4": 4, "11.5": 1, "11.6": 1, "12.1": 3, "12.2": 2, "12.3": 4},
    **{"13.1": 1, "13.2": 5, "13.3": 2, "13.4": 5, "14.1": 2, "14.2": 4, "14.3": 3, "15.1": 3, "15.2": 3, "15.3": 7},
    **{"16.1": 1, "16.2": 5, "16.3": 4, "16.4": 3, "16.5": 3, "17.1": 1, "17.2": 4, "17.3": 2},
}
"""The sections of ASVS 5.0.0, and how many items of levels 1 and 2 each has; these are its first ones, without a gap.
Source: https://github.com/OWASP/ASVS/tree/v5.0.0"""

ALL = [f"{section}.{number}" for section, count in ITEMS.items() for number in range(1, count + 1)]

TEXT = (ROOT / "SECURITY.md").read_text()


@functools.cache
def rows() -> list[tuple[str, str, list[str]]]:
    """Item or items, what is said, tests."""
    found = re.findall(r"^\| (\d[\d.]*(?: to \d[\d.]*)?) \| (.*?) \| (.*?) ?\|$", TEXT, re.MULTILINE)
    return [(item, said, re.findall(r"`(tests/[^`]+)`", tests)) for item, said, tests in found]


def items_of(spelled: str) -> list[str]:
    """1.1.1, or all from one to another."""
    first, _, last = spelled.partition(" to ")
    return ALL[ALL.index(first) : ALL.index(last or first) + 1]


@functools.cache
def functions_of(path: str) -> frozenset[str]:
    tree = ast.parse((ROOT / path).read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def is_there(test: str) -> bool:
    path, _, name = test.partition("::")
    return (ROOT / path).is_file() and (not name or name in functions_of(path))


def test_every_item_is_answered_once():
    assert len(ALL) == 253
    assert Counter(item for spelled, _, _ in rows() for item in items_of(spelled)) == Counter(ALL)


def test_what_holds_has_a_test_and_what_does_not_a_reason():
    for item, said, tests in rows():
        excused = said.startswith(("Does not apply: ", "Departs: "))
        assert said and (tests or excused), item


def test_the_tests_are_there():
    assert [(item, test) for item, _, tests in rows() for test in tests if not is_there(test)] == []


@pytest.mark.parametrize(("test", "there"), [("::test_the_tests_are_there", True), ("::test_of_nothing", False)])
def test_a_test_that_is_not_there_is_found(test, there):
    assert is_there(f"tests/run/test_security.py{test}") is there
    assert not is_there("tests/run/test_nothing.py")


@pytest.mark.parametrize("section", re.findall(r"\"([^\"]+)\" above", TEXT))
def test_what_is_said_to_stand_above_does(section):
    assert f"\n## {section}\n" in TEXT
