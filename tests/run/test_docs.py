"""What the documents name is there: files, modules, packages, and the variable of every setting."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from replication.jobs.kinds import kinds
from tests.run.test_contracts import APPS, ROOT, packages

ARCHITECTURE = ROOT / "ARCHITECTURE.md"
OPERATING = ROOT / "docs" / "operating.md"
DOCUMENTS = [ARCHITECTURE, ROOT / "CONTRIBUTING.md", ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

CODE = ("accounts", "bench", "clusterportal", "demo", "nodes", "replication", "tests")
FACES = {"api", "management", "migrations", "models", "templatetags"}
"""Folders that put an app's packages together, and are none."""

VARIABLE = re.compile(r"\bCLUSTERPORTAL_[A-Z_]*[A-Z]\b")


def files_of(top: Path) -> Iterator[Path]:
    """Every file of the repository, not of its environment or its data."""
    for path in top.iterdir():
        if path.name != "var" and not path.name.startswith("."):
            yield from (each.relative_to(ROOT) for each in path.rglob("*")) if path.is_dir() else [Path(path.name)]


FILES = {path.as_posix() for path in files_of(ROOT)}
TOPS = {path.split("/")[0] for path in FILES}


def words_of(text: str) -> set[str]:
    """What stands in backquotes, word by word, but for requests."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    quoted = [one for one in re.findall(r"`([^`\n]+)`", prose) if not re.match(r"(GET|POST|PUT|PATCH|DELETE) ", one)]
    return {word for one in quoted for word in one.split()}


def is_missing(word: str) -> bool:
    """Whether a word looks like a file, a folder or a module of the repository and is none. `<...>` is any name; of a
    file without its folder there must be one somewhere."""
    if re.fullmatch(rf"({'|'.join(CODE)})(\.\w+)+", word) and not word.endswith(".py"):
        return not is_defined(word)
    path = word.partition("<")[0].rstrip("/")
    if "/" in path and path.split("/")[0] in TOPS:
        return not (ROOT / path).exists()
    if re.fullmatch(r"[\w/]+\.(py|md|toml|yaml|html|css|js|ps1)", word):
        return word not in FILES and not any(path.endswith(f"/{word}") for path in FILES)
    return False


def is_defined(dotted: str) -> bool:
    """Whether a dotted name is a module, or something in one."""
    parts = dotted.split(".")
    for end in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for name in parts[end:]:
            found = getattr(found, name, None)
        return found is not None
    return False


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_names_is_there(document):
    missing = sorted(word for word in words_of(document.read_text("utf-8")) if is_missing(word))
    assert not missing, f"{document.name} names what is not there"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_to_files(document):
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", document.read_text("utf-8"))
    assert not [link for link in links if not (document.parent / link).exists()]


@pytest.mark.parametrize(
    "word", ["nodes/nowhere.py", "nodes/nowhere/", "nowhere.py", "nodes.secret.Nowhere", "nodes.nowhere"]
)
def test_a_wrong_name_is_found(word):
    assert is_missing(word)


@pytest.mark.parametrize(
    "word", ["App/Domains.dat", "/api/v1/jobs", "nodes/<name>/", "nodes.secret.Secret", "services.py"]
)
def test_a_right_name_and_what_is_none_pass(word):
    assert not is_missing(word)


@pytest.mark.parametrize("app", APPS)
def test_every_package_has_its_paragraph_and_its_place_in_the_picture(app):
    text = ARCHITECTURE.read_text("utf-8")
    drawn = re.search(r"^```mermaid\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    assert drawn is not None
    picture = set(re.findall(r"\w+", drawn[1]))
    expected = packages(app) - FACES
    assert expected <= set(re.findall(rf"\*\*`{app}/(\w+)/`\*\*", text))
    assert expected <= picture


def test_every_setting_is_described():
    sources = (ROOT / "clusterportal" / name for name in ("settings.py", "env.py"))
    read = {name for source in sources for name in VARIABLE.findall(source.read_text("utf-8"))}
    described = set(VARIABLE.findall(OPERATING.read_text("utf-8")))
    assert read, "the settings read nothing: do they lie elsewhere?"
    assert read - described == set()
    assert {name for name in described - read if name.removesuffix("_FILE") not in read} == set()


REQUEST = re.compile(r"^\| `(GET|POST|PUT|PATCH|DELETE) ([^`]+)` \| (.*) \|$", re.MULTILINE)
REQUESTS = REQUEST.findall(OPERATING.read_text())
BODIES = [(verb, path, body[1]) for verb, path, words in REQUESTS if (body := re.match(r"`(\{.*?\})`", words))]
SCHEMA = yaml.safe_load((ROOT / "docs" / "openapi.yaml").read_text())


def operation(verb: str, path: str) -> dict[str, Any]:
    """What the schema says of a request."""
    patterns = {re.sub(r"\{\w+\}", "[0-9]+", one): one for one in SCHEMA["paths"]}
    (found,) = [one for pattern, one in patterns.items() if re.fullmatch(pattern, f"/api/v1/{path}/")]
    said: dict[str, Any] = SCHEMA["paths"][found][verb.lower()]
    return said


def test_the_requests_of_the_operating_page_are_in_the_schema():
    assert len(REQUESTS) > 10
    for verb, path, _ in REQUESTS:
        assert operation(verb, path), (verb, path)


@pytest.mark.parametrize(("verb", "path", "body"), BODIES)
def test_a_body_of_the_operating_page_has_the_fields_of_the_schema(verb, path, body):
    content = operation(verb, path).get("requestBody", {"content": {}})["content"]
    ref = content.get("application/json", {"schema": {}})["schema"].get("$ref", "")
    form = SCHEMA["components"]["schemas"].get(ref.rpartition("/")[2], {})
    given = json.loads(body)
    assert given.keys() <= form.get("properties", {}).keys()
    assert given.keys() >= set(form.get("required", ()))
    if kind := given.get("kind"):
        assert kind in kinds()
