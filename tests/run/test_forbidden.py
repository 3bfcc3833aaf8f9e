"""What the product must not use, whoever writes it: read from its source, so that none needs to be met by chance.

What ruff's rules on security (S) find, as eval, shells and weak hashes, is theirs; this has what they do not know.
"""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from pathlib import Path

from tests.run.test_contracts import APPS, ROOT

PRODUCT = ("accounts", *APPS, "clusterportal")

READS_OBJECTS = {"dill", "joblib", "marshal", "pickle", "shelve", "yaml"}
"""What makes objects of somebody's bytes."""

READS_XML = {"lxml", "xml", "xmltodict"}

SPEAKS_HTTP = {"aiohttp", "http.client", "httpx", "requests", "urllib.request", "urllib3"}
"""What fetches an address: the portal speaks to nodes by SSH, to its database and to its broker."""

SENDS_MAIL = {"django.core.mail", "imaplib", "poplib", "smtplib"}
SPEAKS_OTHERS = {"ftplib", "ldap", "ldap3", "telnetlib", "websockets", "jwt", "jose", "graphene"}

IN_TEMPLATES = ("|safe", "autoescape off", "|safeseq", "javascript:")
IN_SCRIPTS = ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "postMessage")
KEPT_BY_BROWSERS = ("localStorage", "sessionStorage", "indexedDB", "document.cookie")


HTML_MADE_BY = {"lucide", "markup.strip"}
"""Whose answers are HTML already: icons, and what a template gave."""


@functools.cache
def sources() -> tuple[tuple[str, ast.Module], ...]:
    paths = [path for app in PRODUCT for path in sorted((ROOT / app).rglob("*.py"))]
    return tuple((path.relative_to(ROOT).as_posix(), ast.parse(path.read_text())) for path in paths)


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def declared_html(tree: ast.Module) -> Iterator[str]:
    """Texts that are said to be HTML, and are neither constant nor made by somebody who escapes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in {"mark_safe", "SafeString"}:
            given = node.args[0]
            made = isinstance(given, ast.Call) and ast.unparse(given.func) in HTML_MADE_BY
            if not made and not isinstance(given, ast.Constant):
                yield ast.unparse(node)


def called(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func).rpartition(".")[2]


def brings(tree: ast.Module, names: set[str]) -> set[str]:
    """Of these modules, which are imported, themselves or something in them."""
    return {end for found in imported(tree) for end in beginnings(found) if end in names}


def beginnings(dotted: str) -> Iterator[str]:
    """a.b.c: a, a.b, a.b.c."""
    parts = dotted.split(".")
    return (".".join(parts[: end + 1]) for end in range(len(parts)))


def test_no_such_module_is_imported():
    names = READS_OBJECTS | READS_XML | SPEAKS_HTTP | SENDS_MAIL | SPEAKS_OTHERS
    assert {path: found for path, tree in sources() if (found := brings(tree, names))} == {}


def test_imports_of_each_form_are_seen():
    tree = ast.parse(
        "import pickle\nfrom urllib import request\nfrom xml.etree import ElementTree\nimport urllib.parse"
    )
    assert brings(tree, READS_OBJECTS | READS_XML | SPEAKS_HTTP) == {"pickle", "urllib.request", "xml"}


def test_no_text_is_declared_to_be_html():
    assert [text for _, tree in sources() for text in declared_html(tree)] == []
    assert list(declared_html(ast.parse("mark_safe(x); SafeString(f'<b>{x}</b>'); SafeString('<b>')"))) == [
        "mark_safe(x)",
        "SafeString(f'<b>{x}</b>')",
    ]


def test_no_query_is_put_together_by_hand():
    assert {path for path, tree in sources() if {"raw", "extra", "RawSQL"} & set(called(tree))} == set()


def test_what_an_answer_holds_is_named_field_by_field():
    assert [path for path, tree in sources() if "__all__" in words(tree)] == []


def words(tree: ast.Module) -> set[str]:
    """Texts given for a serializer's or form's `fields`."""
    assigned = [node for node in ast.walk(tree) if isinstance(node, ast.Assign)]
    return {
        str(node.value.value)
        for node in assigned
        if isinstance(node.value, ast.Constant) and ast.unparse(node.targets[0]) == "fields"
    }


def found_in(paths: Iterator[Path], marks: tuple[str, ...]) -> dict[str, list[str]]:
    texts = {path.relative_to(ROOT).as_posix(): path.read_text() for path in paths}
    assert texts
    return {path: found for path, text in texts.items() if (found := [mark for mark in marks if mark in text])}


def test_no_template_gives_text_as_html():
    assert found_in((ROOT / "templates").rglob("*.html"), IN_TEMPLATES) == {}


def test_no_script_makes_html_or_code_of_text_or_keeps_anything():
    assert found_in((ROOT / "static").rglob("*.js"), IN_SCRIPTS + KEPT_BY_BROWSERS) == {}
