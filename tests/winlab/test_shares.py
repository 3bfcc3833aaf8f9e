"""Shared folders tried from Windows nodes by their own paths, from a POSIX node by its mount point, and from the portal
by SMB: all of one real file server, whose folders Wine has under the server's name.

Wine does not log in to the server, so what that would refuse a node is not tried here. What the disk below refuses is:
it refuses all alike.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.test_faults_transfer import fill, small_volume
from tests.smbd import SERVER, Smbd
from tests.winlab.conftest import Lab
from tests.winlab.server import USERNAME, file_server

ROLES = ("users", "public", "locks", "keys", "archives", "digests", "gateways")
WORKS = ("ok", "")
WINDOWS, BY_KEY, POSIX, PORTAL = "WINMX1", "WINMX2", "LINMX3", "portal"

Found = dict[str, dict[str, tuple[str, str]]]
"""State and reason of each folder, by its role and by who tried."""


@pytest.fixture(scope="module")
def files(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Smbd, Path]]:
    """A file server and what stands for its name on Windows nodes. A third node has a link for a mount point."""
    stage, portal = lab.stage, lab.stage.portal
    folder = tmp_path_factory.mktemp("files")
    server = Smbd.start(folder / "smbd")
    try:
        with file_server(lab.primary.prefix, SERVER, mail=server.local()) as name:
            (folder / "node" / "App").mkdir(parents=True)
            (folder / "mnt").symlink_to(server.local())
            node = stage.join(POSIX, folder / "node")
            mount = {"share": str(server.path()), "folder": str(folder / "mnt")}
            portal.ok("PUT", f"nodes/{node}/mount-points", mount)
            login = server.login()
            body = {"server": SERVER, "port": login.port, "username": login.username, "password": server.password}
            portal.ok("POST", f"clusters/{stage.cluster}/file-servers", body)
            portal.ok("POST", f"nodes/{stage.node_ids[0]}/scripts/bring/", {})
            yield server, name
    finally:
        server.stop()


def tried(lab: Lab, expect: str) -> Found:
    """Test all folders; what came of it."""
    portal, cluster = lab.stage.portal, lab.stage.cluster
    job = portal.ok("POST", "jobs", {"cluster": cluster, "kind": "share_test"})["id"]
    assert lab.stage.wait_state(job, "succeeded", "failed")["state"] == expect, lab.stage.job(job)
    rows = portal.ok("GET", f"clusters/{cluster}/shared-paths/test")
    return {
        row["role"]: {cell["node_name"] or PORTAL: (cell["state"], cell["reason"]) for cell in row["cells"]}
        for row in rows
    }


def set_paths(lab: Lab, **change: object) -> None:
    lab.stage.portal.ok("PATCH", f"clusters/{lab.stage.cluster}/shared-paths", change)


def alike(reason: str, **others: str) -> dict[str, tuple[str, str]]:
    """Who is told what of a folder: all the same, but for the node that logs in by a key, and `others`."""
    told = {WINDOWS: reason, BY_KEY: "no_credentials", POSIX: reason, PORTAL: reason, **others}
    return {name: ("failed", reason) if reason else WORKS for name, reason in told.items()}


def test_all_share_what_lies_on_the_file_server(lab: Lab, files: tuple[Smbd, Path]) -> None:
    server, _ = files
    set_paths(lab, mode="common", common=str(server.path()))
    everybody = dict.fromkeys((PORTAL, WINDOWS, BY_KEY, POSIX), WORKS)
    assert tried(lab, "succeeded") == dict.fromkeys(ROLES, everybody)
    assert list(server.local().rglob("*")) == []


def test_each_cell_has_its_reason(lab: Lab, files: tuple[Smbd, Path]) -> None:
    server, _ = files
    stage, portal = lab.stage, lab.stage.portal
    pair = portal.ok("POST", "credentials/key-pair/", {"cluster": stage.cluster, "name": "key", "username": USERNAME})
    portal.ok("PATCH", f"nodes/{stage.node_ids[1]}/", {"credential": pair["credential"]["id"]})
    paths = {"users": server.path("Users"), "public": server.path("small", "Public"), "digests": r"\\127.0.0.1\other\x"}
    paths |= {"archives": r"\\nowhere.invalid\mail\Archives"}
    set_paths(lab, mode="individual", own={role: str(path) for role, path in paths.items()})
    with small_volume(server.local("small"), 1) as volume:
        fill(volume)
        found = tried(lab, "failed")
        assert [path.name for path in server.local().rglob(".cp~*")] == []
    assert found == {
        "users": alike(""),
        "public": alike("full"),
        "digests": alike("no_share", **{POSIX: "not_mounted"}),
        "archives": alike("no_host", **{POSIX: "not_mounted"}) | {PORTAL: ("untested", "")},  # without a login there
    }


def test_a_file_server_that_is_gone(lab: Lab, files: tuple[Smbd, Path]) -> None:
    server, name = files
    own = {"users": str(server.path("Users")), "public": "", "digests": "", "archives": ""}
    set_paths(lab, mode="individual", own=own)
    server.stop()
    shutil.rmtree(name)
    assert tried(lab, "failed") == {"users": alike("unreachable", **{POSIX: ""})}  # whose link leads to the files
