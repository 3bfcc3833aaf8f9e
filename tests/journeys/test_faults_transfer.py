"""Connections that break, disks that fill up, files that others hold, links in the way: nothing half-written."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.acting import Eye, has_staged, sha256, until
from tests.journeys.trees import config_of, make_tree
from tests.tools import tool

BIG = b"0123456789abcdef" * (50 * 1024 * 1024 // 16)


def leftovers(root: Path) -> list[Path]:
    return list(root.rglob(".cp~*"))


def folders(root: Path) -> set[Path]:
    return {path for path in root.rglob("*") if path.is_dir()}


@contextmanager
def small_volume(folder: Path, mebibytes: int) -> Iterator[Path]:
    folder.mkdir(parents=True)
    subprocess.run([tool("mount"), "-t", "tmpfs", "-o", f"size={mebibytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run([tool("umount"), "-l", str(folder)], check=True)


@contextmanager
def immutable(path: Path) -> Iterator[None]:
    subprocess.run([tool("chattr"), "+i", str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run([tool("chattr"), "-i", str(path)], check=True)


@contextmanager
def held(path: Path) -> Iterator[None]:
    """A name that can be neither replaced nor removed, as a file that another program holds open on Windows."""
    subprocess.run([tool("mount"), "--bind", str(path), str(path)], check=True)
    try:
        yield
    finally:
        subprocess.run([tool("umount"), str(path)], check=True)


def fill(folder: Path) -> Path:
    """Leave no room on a volume."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 65536):
                pass
        except OSError:
            pass
    return filler


def test_sessions_killed_in_the_middle_leave_the_old_or_the_new(new_cluster: Any) -> None:
    stage = new_cluster(nodes=1)
    primary, secondary = stage.roots[0], stage.folder / "node1" / "MDaemon"
    make_tree(secondary, "mx1", primary=False)
    with stage.relayed("mx1", secondary) as relay:
        (primary / "App" / "big.dat").write_bytes(b"old")
        stage.replicate()
        (primary / "App" / "big.dat").write_bytes(BIG)
        eye = Eye(secondary / "App" / "big.dat")

        with eye.watching():
            relay.freeze_after(len(BIG) // 10)
            job = stage.request()
            for parts in (2, 0):  # twice: early, and again in the middle of the next try
                until("it is written", lambda: relay.is_frozen and has_staged(secondary, 1))
                assert stage.servers[1].kill_sessions()
                relay.thaw()
                if parts:
                    relay.freeze_after(len(BIG) // parts)
            ended = stage.wait_state(job, "succeeded")

    assert eye.absent == 0
    assert eye.seen == [sha256(b"old"), sha256(BIG)]
    assert stage.target(ended)["attempt"] >= 2
    assert config_of(secondary) == config_of(primary)
    assert not leftovers(secondary)


def test_a_full_disk_stops_one_node_by_name_and_changes_nothing(new_cluster: Any) -> None:
    stage = new_cluster(nodes=1, approval="always")
    with small_volume(stage.folder / "small", 24) as volume:
        root = volume / "MDaemon"
        make_tree(root, "mx1", primary=False)
        stage.join("mx1", root)
        before, folders_before = config_of(root), folders(root)
        assert len(folders_before) < len(folders(stage.roots[0])), "some have to be made"

        first = stage.wait_state(stage.request(), "awaiting_approval")
        filler = fill(volume)
        stage.approve(first["id"])  # many files: one stream
        failed = stage.wait_state(first["id"], "failed")
        assert stage.target(failed)["error_code"] == "no_space"
        assert "mx1" in failed["error"]
        assert config_of(root) == before
        assert folders(root) == folders_before
        assert not leftovers(root)
        filler.unlink()
        stage.replicate()
        assert config_of(root) == config_of(stage.roots[0])

        before = config_of(root)
        (stage.roots[0] / "App" / "list0001.grp").write_bytes(b"; new\r\n" * 300_000)
        second = stage.wait_state(stage.request(), "awaiting_approval")
        filler = fill(volume)
        stage.approve(second["id"])  # one file: beside its target
        failed = stage.wait_state(second["id"], "failed")
        assert stage.target(failed)["error_code"] == "no_space"
        assert config_of(root) == before
        assert not leftovers(root)

        halted = stage.wait_state(stage.request(), "halted")  # still full: seen before anything is sent
        assert halted["error_code"] == "no_space"
        assert [brake["node"] for brake in halted["plan_summary"]["brakes"]] == ["mx1"]
        filler.unlink()
        stage.replicate()
        assert config_of(root) == config_of(stage.roots[0])


def test_files_that_others_hold_are_named_and_the_rest_is_proven(new_cluster: Any) -> None:
    stage = new_cluster()
    stage.replicate()
    app, theirs = (root / "App" for root in stage.roots)
    for number in range(6):
        (app / f"list000{number}.grp").write_bytes(b"; changed\r\n")
    (app / "list0008.grp").unlink()
    stuck = ["list0001.grp", "list0002.grp", "list0008.grp"]

    with immutable(theirs / stuck[0]), held(theirs / stuck[1]), held(theirs / stuck[2]):
        job = stage.replicate(expect="failed")

    target = stage.target(job)
    assert target["state"] == "blocked"
    assert sorted(target["evidence"]["blocked"]) == [f"App/{name}" for name in stuck]
    assert "App/list0001.grp" in target["error"]
    assert (theirs / "list0003.grp").read_bytes() == b"; changed\r\n"
    assert (theirs / "list0001.grp").read_bytes() != b"; changed\r\n"
    assert target["evidence"]["files_proven"] >= len(config_of(stage.roots[0])) - 2

    stage.replicate()
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])
    assert not leftovers(stage.roots[1])


@pytest.mark.parametrize("lists", [3, 30], ids=["one by one", "in one stream"])
def test_a_folder_that_denies_writing_blocks_only_what_is_in_it(new_cluster: Any, lists: int) -> None:
    stage = new_cluster(files=100)
    stage.replicate()
    app, theirs = (root / "App" for root in stage.roots)
    for number in range(lists):
        (app / f"list{number:04}.grp").write_bytes(b"; changed\r\n")
    (app / "deep0" / "deep1" / "new.dat").write_bytes(b"new")
    (app / "deep0" / "deep1" / "more").mkdir()
    (app / "deep0" / "deep1" / "more" / "newer.dat").write_bytes(b"newer")

    with immutable(theirs / "deep0" / "deep1"):
        job = stage.replicate(expect="failed")

    target = stage.target(job)
    assert target["state"] == "blocked"
    assert sorted(target["evidence"]["blocked"]) == ["App/deep0/deep1/more/newer.dat", "App/deep0/deep1/new.dat"]
    assert "let the portal's account change App/deep0/deep1" in target["error"]
    assert (theirs / "list0002.grp").read_bytes() == b"; changed\r\n"
    assert target["evidence"]["files_proven"] == len(config_of(stage.roots[0]))  # its ini and EXITNOW.bak for the two
    assert not leftovers(stage.roots[1])
    stage.replicate()
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def test_nothing_is_written_through_a_link_on_a_secondary(new_cluster: Any) -> None:
    stage = new_cluster()
    elsewhere = stage.folder / "elsewhere"
    elsewhere.mkdir()
    link = stage.roots[1] / "App" / "deep0"
    link.symlink_to(elsewhere)

    job = stage.replicate(expect="failed")

    assert stage.target(job)["error_code"] == "incomplete"
    assert ["App/deep0", "not_a_file"] in [problem[:2] for problem in stage.target(job)["evidence"]["problems"]]
    assert not list(elsewhere.iterdir())
    assert (stage.roots[1] / "App" / "list0001.grp").exists()
    link.unlink()
    stage.replicate()
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def test_sftp_alone_is_enough(new_cluster: Any) -> None:
    stage = new_cluster(nodes=3, sftp_only=True)
    stage.replicate()
    primary = stage.roots[0] / "App"
    for root in stage.roots[1:]:
        assert config_of(root) == config_of(stage.roots[0])
    (primary / "list0001.grp").write_bytes(b"; changed\r\n")
    (primary / "list0002.grp").unlink()
    (primary / "list0003.grp").rename(primary / "-renamed 'list'.grp")
    (primary / "big.dat").write_bytes(BIG[: 5 * 1024 * 1024])

    stage.replicate()

    for root in stage.roots[1:]:
        assert config_of(root) == config_of(stage.roots[0])
        assert not leftovers(root)
    again = stage.wait_state(stage.request(dry_run=True), "succeeded")
    assert again["plan_summary"]["changes"] == 0
