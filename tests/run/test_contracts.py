"""Every package is under the contracts of pyproject.toml: a new one that nobody named there is red, not free."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
APPS = ("nodes", "replication")

GROUND = {
    "nodes": {
        "api",
        "leases",
        "management",
        "migrations",
        "models",
        "platforms",
        "products",
        "remote",
        "templatetags",
        "web",
    },
    "replication": {"api", "files", "management", "migrations", "models", "objects", "templatetags"},
}
"""Folders that are no capability: faces of the whole app, and what capabilities stand on."""

PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
CONTRACTS: list[dict[str, Any]] = PROJECT["tool"]["importlinter"]["contracts"]


def contract(words: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = [each for each in CONTRACTS if words in each["name"]]
    (only,) = found
    return only


def packages(app: str) -> set[str]:
    """Names of the folders of an app that hold Python."""
    return {path.name for path in (ROOT / app).iterdir() if path.is_dir() and any(path.rglob("*.py"))}


def cores() -> set[str]:
    """Every `core`, be it a file or a folder."""
    found = {path for app in APPS for path in (ROOT / app).rglob("core*") if path.name in ("core", "core.py")}
    return {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in found}


def test_every_capability_has_its_doors_checked():
    inside = set(contract("inside a package")["containers"])
    assert inside == {f"{app}.{name}" for app in APPS for name in packages(app) - GROUND[app]}


def test_what_is_no_capability_is_there():
    for app in APPS:
        assert GROUND[app] <= packages(app)


def test_every_package_stands_on_a_floor():
    for app in APPS:
        layers = contract(f"a package of {app}")["layers"]
        floors = {name.strip(" ()") for layer in layers for name in layer.split("|")}
        assert packages(app) - {"migrations"} <= floors


def test_every_core_is_held_pure():
    pure = set(contract("every core")["source_modules"])
    assert cores() == pure - {"nodes.products", "nodes.platforms"}
    assert {"django", "rest_framework", "celery", "paramiko", "redis"} <= set(
        contract("every core")["forbidden_modules"]
    )


def test_only_one_package_may_know_the_ssh_library():
    held = set(contract("paramiko")["source_modules"])
    slices = {f"nodes.{name}" for name in packages("nodes") - {"migrations", "management", "models", "templatetags"}}
    assert slices - held == {"nodes.remote"}
    assert {"clusterportal", "accounts", "replication"} <= held


def test_nothing_imports_the_wiring():
    assert contract("the wiring")["layers"] == ["clusterportal", "replication", "nodes", "accounts"]
