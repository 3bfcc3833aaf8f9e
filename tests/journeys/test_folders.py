"""Folders on real nodes: one becomes a file, a file becomes one, and one that lost its last file goes."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.test_faults_edits import conflicts_kept
from tests.journeys.trees import config_of


def put(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


@pytest.mark.parametrize("sftp_only", [False, True], ids=["by command", "by sftp"])
def test_folders_become_files_and_files_folders_and_what_is_empty_goes(new_cluster: Any, sftp_only: bool) -> None:
    stage = new_cluster(sftp_only=sftp_only)
    app, theirs = (root / "App" for root in stage.roots)
    for name in ("turns/one.dat", "turns/in/two.dat", "flips", "gone/in/three.dat", "was here/four.dat"):
        put(app / name, name.encode())
    (theirs / "was here").mkdir()
    stage.replicate()
    for name in ("turns", "gone", "was here"):
        shutil.rmtree(app / name)
    (app / "flips").unlink()
    put(app / "turns", b"a file now")
    put(app / "flips" / "in" / "five.dat", b"a folder now")

    job = stage.replicate()

    assert config_of(stage.roots[1]) == config_of(stage.roots[0])
    assert (conflicts_kept(stage), stage.target(job)["evidence"]["conflicts"]) == ([], 0)
    assert not (theirs / "gone").exists()
    assert (theirs / "was here").is_dir()
    assert stage.target(job)["evidence"]["folders_removed"] == 2
    assert stage.portal.ok("GET", f"jobs/{stage.replicate()['id']}")["plan_summary"]["changes"] == 0


def test_what_is_not_ours_is_in_the_way_by_name_and_the_rest_goes_on(new_cluster: Any) -> None:
    stage = new_cluster()
    app, theirs = (root / "App" for root in stage.roots)
    for name in ("first/a.dat", "second/b.dat", "third"):
        put(app / name, name.encode())
    stage.replicate()
    put(theirs / "first" / "its own.dat", b"its own")
    put(theirs / "second" / "a lock.lck", b"no configuration")
    put(theirs / "third", b"edited")
    for name in ("first", "second"):
        shutil.rmtree(app / name)
        put(app / name, b"a file now")
    (app / "third").unlink()
    put(app / "third" / "c.dat", b"a folder now")
    put(app / "list0001.grp", b"; changed\r\n")

    job = stage.replicate(expect="failed")

    target = stage.target(job)
    assert target["state"] == "blocked"
    assert sorted(target["evidence"]["blocked"]) == ["App/first", "App/second", "App/third/c.dat"]
    assert "App/first/its own.dat" in target["evidence"]["blocked"]["App/first"]
    assert (theirs / "list0001.grp").read_bytes() == b"; changed\r\n"
    assert (theirs / "first" / "its own.dat").read_bytes() == b"its own"
    assert (theirs / "third").read_bytes() == b"edited"
    assert conflicts_kept(stage) == []

    for name in ("first/its own.dat", "second/a lock.lck", "third"):
        (theirs / name).unlink()
    stage.replicate()
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])
    assert conflicts_kept(stage) == []
