"""What a program of the portal does while it starts, and leaves out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clusterportal.garbage import COLLECT_EVERY

ROOT = Path(__file__).resolve().parents[2]
LOADED = """
import gc, sys
import django
django.setup()
print(gc.get_threshold()[0], gc.get_freeze_count(), gc.get_count()[0])
import accounts.tasks, nodes.tasks, replication.tasks
print(*sys.modules)
"""
FOR_PAGES = {"clusterportal.urls", "django_tables2", "drf_spectacular.openapi", "rest_framework.serializers"}
"""What stands for all that only pages and REST need."""


@pytest.fixture(scope="module")
def loaded() -> list[str]:
    """What a program of the portal says that was set up, and then knows the tasks as a worker does."""
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "clusterportal.settings"}
    argv = [sys.executable, "-c", LOADED]
    return subprocess.run(
        argv, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    ).stdout.splitlines()


def test_what_was_imported_is_not_looked_through_again(loaded) -> None:
    threshold, kept, new = (int(number) for number in loaded[0].split())
    assert threshold == COLLECT_EVERY
    assert kept > 100_000
    assert new < 1_000


def test_workers_and_commands_do_not_import_what_pages_need(loaded) -> None:
    modules = set(loaded[1].split())
    assert "replication.jobs.driving" in modules
    assert modules & FOR_PAGES == set()
