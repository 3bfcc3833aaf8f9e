"""What a working cluster keeps: changes come and go, the daily turn is forty days later, and nothing has grown."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.journeys.conftest import ENDED, Stage
from tests.journeys.test_join_leave import make_joining_tree, photograph, register
from tests.journeys.trees import config_of
from tests.tools import tool

CHANGES = 6
DAYS = 40
KEPT = 2
SETTINGS = {"CLUSTERPORTAL_JOB_DAYS": "30", "CLUSTERPORTAL_JOBS_LEAST": str(KEPT)}

COUNT = """
import json
from replication.configuration.models import Snapshot
from replication.jobs.models import Job, JobEvent, Target
from replication.objects.models import StoredContent
print(json.dumps({model.__name__: model.objects.count() for model in (Job, Target, JobEvent, Snapshot, StoredContent)}))
"""
TURN = "from replication.tasks import run_retention; run_retention()"


def rows(stage: Stage, after: str = "", **environment: str) -> dict[str, int]:
    """What the portal keeps, `after` code that is run within it, with its environment and more."""
    before = dict(stage.portal.environment)
    stage.portal.environment.update(environment)
    try:
        said = stage.portal.manage("shell", "--no-imports", "--command", f"{after}\n{COUNT}")
    finally:
        stage.portal.environment.clear()
        stage.portal.environment.update(before)
    found: dict[str, int] = json.loads(said.splitlines()[-1])
    return found


def some_changes(stage: Stage, round_: int) -> None:
    for number in range(CHANGES):
        lists = stage.roots[0] / "App" / f"list{number:04}.grp"
        lists.write_bytes(f"; round {round_}, change {number}\r\n".encode() * 200)
        stage.replicate()


def forty_days_later(stage: Stage) -> dict[str, int]:
    return rows(stage, TURN, LD_PRELOAD=tool("libfaketime"), FAKETIME=f"+{DAYS}d")


def test_a_cluster_at_work_keeps_what_it_needs_and_no_more(new_stage: Any, tmp_path: Path) -> None:
    stage: Stage = new_stage(environment=SETTINGS, nodes=2, files=60, approval="never")
    root = tmp_path / "MDaemon"
    make_joining_tree(root)
    before = photograph(root)
    node = register(stage, "mx9", root)
    stage.portal.ok("POST", f"nodes/{node}/join", {"confirm_name": "mx9", "accept": ["disk"]})
    stage.replicate()

    some_changes(stage, 1)
    grown, after_one = rows(stage), forty_days_later(stage)
    some_changes(stage, 2)
    after_two = forty_days_later(stage)

    assert after_one["Job"] < grown["Job"] - CHANGES + KEPT + 1
    assert after_one["StoredContent"] < grown["StoredContent"] - CHANGES
    assert {name: after_two[name] - count for name, count in after_one.items() if after_two[name] > count} == {}

    some_changes(stage, 3)
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])
    job = stage.portal.ok("POST", f"nodes/{node}/leave", {"confirm_name": "mx9"})
    assert stage.wait_state(job["id"], *ENDED)["state"] == "succeeded"
    assert photograph(root) == before
