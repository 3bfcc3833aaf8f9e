"""Files on the primary that are no plain readable files, change under the reader's eyes, or vanish."""

from __future__ import annotations

import json
import os
import socket
import time
from pathlib import Path
from typing import Any

from tests.journeys.acting import Acting, Eye, sha256
from tests.journeys.trees import config_of

MEBIBYTE = 1024 * 1024
SIZE = 8 * MEBIBYTE


def version(number: int) -> bytes:
    return bytes([number % 256]) * SIZE


def problems_of(stage: Any) -> dict[str, str]:
    """Path -> code of what the last snapshot could not read."""
    found = stage.portal.ok("GET", f"clusters/{stage.cluster}/unclassified")["problems"]
    return {one["path"]: one["code"] for one in found}


def test_what_is_no_readable_file_is_named_and_the_rest_goes_on(new_cluster: Any) -> None:
    stage = new_cluster()
    stage.replicate()
    app, theirs = (root / "App" for root in stage.roots)
    kept = (theirs / "list0002.grp").read_bytes()
    deep = (theirs / "deep0/deep1").is_dir()
    (app / "list0001.grp").write_bytes(b"; changed\r\n")
    (app / "dangling.dat").symlink_to("nowhere.dat")
    (app / "loop.dat").symlink_to("loop.dat")
    os.mkfifo(app / "pipe.dat")
    with socket.socket(socket.AF_UNIX) as plug:
        plug.bind(str(app / "plug.dat"))
    Path(os.fsdecode(os.fsencode(app) + b"/latin-\xe4.dat")).write_bytes(b"x")
    (app / "list0002.grp").rename(stage.folder / "moved.grp")
    (app / "list0002.grp").symlink_to(stage.folder / "moved.grp")
    (app / "deep0").rename(stage.folder / "moved")
    (app / "deep0").symlink_to(stage.folder / "moved")

    job = stage.replicate(expect="failed")

    assert job["error_code"] == "incomplete"
    found = problems_of(stage)
    names = ["dangling.dat", "loop.dat", "pipe.dat", "plug.dat", "list0002.grp", "deep0"]
    assert {name: found.get(f"App/{name}") for name in names} == dict.fromkeys(names, "not_a_file")
    assert "bad_name" in found.values()
    assert (theirs / "list0001.grp").read_bytes() == b"; changed\r\n"
    assert (theirs / "list0002.grp").read_bytes() == kept  # behind a link is not absent
    assert (theirs / "deep0/deep1").is_dir() is deep is True
    json.dumps(job)

    for name in names:
        (app / name).unlink()
    Path(os.fsdecode(os.fsencode(app) + b"/latin-\xe4.dat")).unlink()
    (stage.folder / "moved.grp").rename(app / "list0002.grp")
    (stage.folder / "moved").rename(app / "deep0")
    stage.replicate()
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def test_a_file_that_never_holds_still_is_never_copied_torn(new_cluster: Any) -> None:
    stage = new_cluster()
    path = stage.roots[0] / "App" / "restless.dat"
    path.write_bytes(version(0))
    stage.replicate()
    written = [0]

    def rewrite() -> None:
        """The next version over the last, in place, a piece at a time; the last one stays whole for a moment."""
        written.append(written[-1] + 1)
        piece = version(written[-1])[:MEBIBYTE]
        with path.open("r+b", buffering=0) as file:
            for _ in range(SIZE // MEBIBYTE):
                file.write(piece)
                time.sleep(0.02)

    eye = Eye(stage.roots[1] / "App" / "restless.dat")
    with eye.watching():
        with Acting(rewrite):
            job = stage.replicate(expect="failed")
        assert job["error_code"] == "incomplete"
        assert problems_of(stage) == {"App/restless.dat": "changing"}
        stage.replicate()

    whole = {sha256(version(number)) for number in written}
    assert set(eye.seen) <= whole
    assert eye.seen[-1] == sha256(version(written[-1]))
    assert eye.absent == 0
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def test_a_file_without_rest_over_sftp_alone_is_never_copied_torn(new_cluster: Any) -> None:
    """Times are whole seconds there."""
    stage = new_cluster(sftp_only=True)
    path = stage.roots[0] / "App" / "restless.dat"
    path.write_bytes(b"")
    stage.replicate()
    count = [0]

    def rewrite() -> None:
        count[0] += 1
        with path.open("r+b", buffering=0) as file:
            for _ in range(4):
                file.write(bytes([count[0] % 256]) * 65536)
                time.sleep(0.02)

    eye = Eye(stage.roots[1] / "App" / "restless.dat")
    with eye.watching():
        with Acting(rewrite):
            stage.replicate(expect="failed")
        stage.replicate()

    assert set(eye.seen) <= {sha256(b"")} | {sha256(bytes([number]) * 262144) for number in range(256)}
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def test_a_broken_ini_on_the_primary_halts_before_anything_is_written(new_cluster: Any) -> None:
    stage = new_cluster()
    stage.replicate()
    ini = stage.roots[0] / "App" / "MDaemon.ini"
    whole, before = ini.read_bytes(), config_of(stage.roots[1])
    own = (stage.roots[1] / "App" / "MDaemon.ini").read_bytes()
    ini.write_bytes(whole[:40] + b"\0" * 200)
    (stage.roots[0] / "App" / "list0001.grp").write_bytes(b"; changed\r\n")

    job = stage.replicate(expect="halted")

    assert job["error_code"] == "broken_ini"
    assert "App/MDaemon.ini no longer parses" in job["error"]
    assert config_of(stage.roots[1]) == before
    assert (stage.roots[1] / "App" / "MDaemon.ini").read_bytes() == own
    ini.write_bytes(whole)
    stage.replicate()
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def test_a_primary_that_shrank_halts_until_an_administrator_overrides(new_cluster: Any) -> None:
    stage = new_cluster()
    stage.replicate()
    app = stage.roots[0] / "App"
    before = config_of(stage.roots[1])
    for path in sorted(app.glob("list*.grp"))[:20]:
        path.unlink()

    job = stage.replicate(expect="halted")

    assert job["error_code"] == "primary_shrunk"
    assert "20 of" in job["error"]
    assert config_of(stage.roots[1]) == before
    body = {"codes": ["primary_shrunk"], "reason": "removed on purpose"}
    stage.portal.ok("POST", f"jobs/{job['id']}/override", body)
    done = stage.wait_state(job["id"], "succeeded")
    assert [entry["reason"] for entry in done["overrides"]] == ["removed on purpose"]
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])
    assert "removed on purpose" in json.dumps(stage.portal.ok("GET", "events/?page_size=50"))

    for path in app.iterdir():  # as after a full disk: all there, nothing in them
        if path.is_file():
            path.write_bytes(b"")
    again = stage.replicate(expect="halted")
    assert "primary_shrunk" in [brake["code"] for brake in again["plan_summary"]["brakes"]]
    assert config_of(stage.roots[1]) != config_of(stage.roots[0])
    (stage.roots[0] / "App").rename(stage.folder / "gone")
    gone = stage.replicate(expect="halted")
    assert gone["error_code"] == "primary_gone"
