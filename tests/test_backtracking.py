"""The judge of expressions: known stalls are found, what is harmless passes; and all of ours pass."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from tests.backtracking import NotJudged, stalls

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("accounts", "clusterportal", "nodes", "replication")

EXPONENTIAL = [r"(a+)+", r"(a*)*b", r"(a|aa)+$", r"(?:\w+\s?)*$", r"(a?b?)*c", r"(?:a{2,})*b", r"([a-z]+\.?)+@"]
QUADRATIC = [r"\w+://", r"\s+$", r"a*a*b", r"x[^y]*y", r"Windows[^\d\r\n]*(\d+)", r"(?m)^ +[^:\n]+: ", r".*?=.*?;"]
LINEAR = [r"\w+", r"a[^a]*a", r"(?:[a-z]+\.)*x", r"(?m)^ {4}(.+?) {4}REG", r"\d{1,19}\t\d{1,19}", r"a(?:bc)*d", r"x\w+"]


@pytest.mark.parametrize("expression", EXPONENTIAL)
def test_what_doubles_is_found(expression: str) -> None:
    assert stalls(expression, floating=False, whole=True) == "exponential"


@pytest.mark.parametrize("expression", QUADRATIC)
def test_what_grows_by_the_square_is_found(expression: str) -> None:
    assert stalls(expression, floating=True) == "quadratic or worse"


@pytest.mark.parametrize("expression", LINEAR)
def test_what_grows_with_the_text_passes(expression: str) -> None:
    assert stalls(expression, floating=expression != r"(?:[a-z]+\.)*x") is None


def test_what_must_end_with_the_text_is_tried_again() -> None:
    assert stalls(r"a*a*", floating=False) is None
    assert stalls(r"a*a*", floating=False, whole=True) == "quadratic or worse"


def test_what_is_not_known_is_not_passed() -> None:
    with pytest.raises(NotJudged):
        stalls(r"(a)\1", floating=False)


@dataclass(frozen=True, slots=True)
class Expression:
    """One of ours: where it is, and whether it is ever searched by, and ever asked to match a whole text."""

    place: str
    spelled: str | bytes
    flags: int
    floating: bool
    whole: bool


NOT_SEARCHED = frozenset({"match", "fullmatch"})
DIRECT = frozenset({"search", "match", "fullmatch", "sub", "split", "findall", "finditer", "subn"})

OUR_OWN = "It reads what the portal itself wrote or spells."

HARMLESS = {
    r'nodes.platforms.windows: (\\*)"': OUR_OWN,
    r"nodes.platforms.windows: (\\+)\Z": OUR_OWN,
    r"replication.jobs.core.plan_json:  - at `\$\.?(.*)`\Z": OUR_OWN,
    "clusterportal.static_files._OF_ITS_OWN_FILE": OUR_OWN,
    "clusterportal.logging._PATTERNS": "They are asked of a bounded text.",
    "nodes.products.ini._LINE": "Whatever stands in a line, its end follows: what was begun always matches.",
    "nodes.platforms.posix_output._RECORD": "The text ends as a record does: a path once begun always matches.",
}
"""Those that are not linear by their shape, and why nobody is harmed."""


@cache
def _trees() -> dict[str, ast.Module]:
    paths = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py") if "migrations" not in path.parts]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts): ast.parse(path.read_text()) for path in paths}


@cache
def _nodes(tree: ast.Module) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree))


def _compiled(module: str) -> Iterator[tuple[str, re.Pattern[Any]]]:
    """The expressions that a module made when it was imported, by the names they have there."""
    for name, value in vars(import_module(module)).items():
        yield from ((name, found) for found in _within(value))


def _within(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _within(one)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in value:
            yield from _within(one)


def _uses(name: str, tree: ast.Module) -> set[str]:
    """What is asked of an expression of this name: methods, or "?" where it is handed on."""
    asked = {
        node.attr
        for node in _nodes(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == name
    }
    named = [node for node in _nodes(tree) if isinstance(node, ast.Name) and node.id == name]
    methods = [node for node in _nodes(tree) if isinstance(node, ast.Attribute) and node.value in named]
    handed_on = sum(isinstance(node.ctx, ast.Load) for node in named) > len(methods)
    return asked | ({"?"} if handed_on else set())


def of_modules() -> Iterator[Expression]:
    for module, tree in _trees().items():
        if not any(isinstance(node, ast.Attribute) and node.attr == "compile" for node in _nodes(tree)):
            continue
        for name, found in _compiled(module):
            others = [tree] if name.startswith("_") else [other for other in _trees().values() if name in _names(other)]
            uses = set[str]().union(*(_uses(name, other) for other in others))
            floating = not uses <= NOT_SEARCHED
            yield Expression(f"{module}.{name}", found.pattern, found.flags, floating, "fullmatch" in uses)


@cache
def _names(tree: ast.Module) -> frozenset[str]:
    return frozenset(node.id for node in _nodes(tree) if isinstance(node, ast.Name))


def of_calls() -> Iterator[Expression]:
    """`re.search("...", text)` and its like, with flags by name."""
    for module, tree in _trees().items():
        for node in _nodes(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in DIRECT):
                continue
            spelled = node.args[0].value if node.args and isinstance(node.args[0], ast.Constant) else None
            if ast.unparse(node.func.value) == "re" and isinstance(spelled, str):
                method = node.func.attr
                yield Expression(f"{module}: {spelled}", spelled, 0, method not in NOT_SEARCHED, method == "fullmatch")


MADE_LATER = {
    "accounts.passwords": "a word as it is",
    "nodes.products.folders": "one of two separators",
    "nodes.products.patterns": "a piece of a pattern, in which nothing is repeated",
}
"""Modules that spell an expression when they need it, which nobody judges."""


def spelled_later(tree: ast.Module) -> list[str]:
    """Expressions that are neither a module's own nor a constant."""
    inside = [node for one in _nodes(tree) if isinstance(one, ast.FunctionDef) for node in ast.walk(one)]
    calls = [
        node for node in inside if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args
    ]
    return [
        ast.unparse(call)
        for call in calls
        if isinstance(call.func, ast.Attribute)
        and ast.unparse(call.func.value) == "re"
        and call.func.attr in {*DIRECT, "compile"}
        and not isinstance(call.args[0], ast.Constant)
    ]


def test_expressions_are_spelled_where_they_can_be_judged() -> None:
    assert {module for module, tree in _trees().items() if spelled_later(tree)} == MADE_LATER.keys()
    assert spelled_later(ast.parse("def f(word):\n    return re.search(word + '+', text)"))


def test_none_of_ours_stalls_whoever_searches_by_it() -> None:
    ours = [*of_modules(), *of_calls()]
    assert len(ours) > 50
    found = {
        one.place: reason
        for one in ours
        if (reason := stalls(one.spelled, one.flags, floating=one.floating, whole=one.whole))
    }
    assert {place: reason for place, reason in found.items() if place not in HARMLESS} == {}
    assert HARMLESS.keys() <= found.keys(), "named as harmless, and linear, or gone"
