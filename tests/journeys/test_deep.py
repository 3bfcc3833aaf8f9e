"""Hashing every file anew on real nodes: what no time shows is found, kept and put right, or replicated."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tests.journeys.test_faults_edits import conflicts_kept
from tests.journeys.trees import config_of

LONG_AGO = 1_500_000_000


def edit_in_hiding(path: Path) -> bytes:
    """Turn a file's bytes round and set its time back; over SFTP nothing shows it. Answers the bytes."""
    before, content = path.stat(), path.read_bytes()[::-1]
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    return content


def deep(stage: Any, **asked: Any) -> dict[str, Any]:
    job: dict[str, Any] = stage.wait_state(stage.request(options={"deep": True}, **asked), "succeeded", "failed")
    return job


def test_an_edit_that_no_time_shows_is_found_on_every_node(new_cluster: Any) -> None:
    stage = new_cluster(sftp_only=True)
    primary, secondary = stage.roots
    for path in primary.rglob("*.grp"):
        os.utime(path, (LONG_AGO, LONG_AGO))  # what was written a moment ago is read again
    stage.replicate()
    changed = edit_in_hiding(primary / "App/list0001.grp")
    edited = edit_in_hiding(secondary / "App/list0002.grp")

    assert stage.replicate()["plan_summary"]["changes"] == 0, "nothing shows it"

    found = deep(stage, dry_run=True)
    assert (found["plan_summary"]["changes"], found["plan_summary"]["hashed"]["hidden"]) == (2, 2)
    assert (secondary / "App/list0002.grp").read_bytes() == edited

    assert deep(stage)["state"] == "succeeded"
    assert config_of(secondary) == config_of(primary)
    assert (secondary / "App/list0001.grp").read_bytes() == changed
    assert conflicts_kept(stage) == [f"App/list0002.grp {edited!r}"]


def test_nodes_hash_their_files_by_command(new_cluster: Any) -> None:
    stage = new_cluster()
    job = stage.replicate()

    found = deep(stage)

    assert found["plan_summary"]["hashed"] == {
        "files": 2 * job["plan_summary"]["files"],
        "servers": 2,
        "hidden": 0,
        "first": [],
    }
    assert found["plan_summary"]["changes"] == 0
