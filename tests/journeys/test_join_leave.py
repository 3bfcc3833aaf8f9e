"""Joining and leaving on real servers: nothing is written before a name was typed; leaving gives back what was."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.acting import sha256
from tests.journeys.conftest import ENDED, Stage
from tests.journeys.portal import free_port, wait_for
from tests.journeys.trees import AWKWARD, config_of, hashes, make_tree
from tests.journeys.ward import FULL
from tests.sshd import SshdServer

OWN_INI = (
    b"; the node's own comment\r\n[System]\r\nStandInHostName=mx9\r\nStandInRegistration=KEY-OWN-CANARY-9f3\r\n"
    b"Shared=mine\r\nOnlyHere=yes\r\n[Directories]\r\nRaw=D:\\MDaemon\\Queues\\Raw\r\n"
)


def make_joining_tree(root: Path) -> None:
    """A server with a life of its own: files that will be overwritten, files that stay, awkward names, old times."""
    make_tree(root, "mx9", primary=False)
    app = root / "App"
    (app / "MDaemon.ini").write_bytes(OWN_INI)
    (app / "list0001.grp").write_bytes(b"; its own list 1\r\n")
    (app / "Only Here \u00e4.dat").write_bytes(b"only here")
    for name in AWKWARD[:8]:
        (app / name).write_bytes(b"its own " + name.encode())
    (app / "own folder").mkdir()
    (app / "own folder" / "rules.dat").write_bytes(b"own rules")
    (app / "empty folder").mkdir()
    for number, path in enumerate(sorted(app.rglob("*"))):
        if path.is_file():
            moment = 1_500_000_000 + number
            os.utime(path, (moment, moment))


def photograph(root: Path) -> dict[str, tuple[str, int]]:
    """Every file with its hash and time, and every folder, but what is of the moment."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.suffix == ".SEM":
            continue
        if path.is_file():
            found[name] = (sha256(path.read_bytes()), int(path.stat().st_mtime))
        else:
            found[name + "/"] = ("", 0)
    return found


def register(stage: Stage, name: str, root: Path) -> int:
    """Register without joining."""
    server = SshdServer.start(stage.folder / f"sshd-{name}", authorized_keys=[stage.key["public_key"]])
    stage.servers.append(server)
    body = {
        "cluster": stage.cluster,
        "name": name,
        "address": "127.0.0.1",
        "port": server.port,
        "platform": "posix",
        "install_root": str(root),
        "credential": stage.key["credential"]["id"],
        "host_key_fingerprint": server.fingerprint,
    }
    node = int(stage.portal.ok("POST", "nodes/", body)["id"])
    stage.attest(node, "cluster_service", "off")
    return node


def join(stage: Stage, node: int, name: str) -> None:
    stage.portal.ok("POST", f"nodes/{node}/join", {"confirm_name": name, "accept": ["disk"]})


def run(stage: Stage, job: dict[str, Any]) -> dict[str, Any]:
    return stage.wait_state(job["id"], *ENDED)


@pytest.fixture
def stage(new_cluster) -> Stage:
    made: Stage = new_cluster(nodes=1, files=60)
    return made


def test_a_server_joins_and_leaves_and_is_byte_for_byte_what_it_was(stage: Stage, tmp_path: Path) -> None:
    root = tmp_path / "MDaemon"
    make_joining_tree(root)
    before = photograph(root)
    node = register(stage, "mx9", root)

    nothing_is_written_before_joining(stage, node)
    a_plan_shows_what_differs(stage, node)
    assert photograph(root) == before
    joining_proves_the_node(stage, node, root)
    life_goes_on(stage, root)
    leaving_gives_back(stage, node, root, before)

    # and it may come again
    join(stage, node, "mx9")
    stage.replicate()
    assert config_of(root).items() >= config_of(stage.roots[0]).items()


def nothing_is_written_before_joining(stage: Stage, node: int) -> None:
    portal = stage.portal
    refused = stage.wait_state(stage.request(nodes=[node]), *ENDED)
    assert (refused["state"], refused["error_code"]) == ("failed", "not_joined")
    assert stage.wait_state(stage.request(), *ENDED)["error_code"] == "no_secondary"
    listed = portal.ok("GET", f"clusters/{stage.cluster}/servers")
    assert [one["name"] for one in listed["registered"]] == ["mx0"]
    assert [one["name"] for one in listed["others"]] == ["mx9"]


def a_plan_shows_what_differs(stage: Stage, node: int) -> None:
    portal = stage.portal
    looked = stage.wait_state(stage.request(nodes=[node], dry_run=True), *ENDED)
    assert looked["state"] == "succeeded"
    assert looked["plan_summary"]["changes"] > 50
    differing = {one["key"]: one for one in portal.ok("GET", f"nodes/{node}/differences")}
    assert (differing["Shared"]["primary"], differing["Shared"]["own"]) == ("one", "mine")
    assert differing["OnlyHere"]["primary"] is None
    assert differing["StandInRegistration"]["masked"]
    assert "CANARY" not in str(differing)
    answer = {"path": "App/MDaemon.ini", "section": "System", "key": "Shared", "choice": "replicate"}
    portal.ok("POST", f"nodes/{node}/ini-keys/answer/", answer)


def joining_proves_the_node(stage: Stage, node: int, root: Path) -> None:
    portal = stage.portal
    wrong = portal.call("POST", f"nodes/{node}/join/", {"confirm_name": "mx0"})
    assert (wrong.status, wrong.body["errors"][0]["field"]) == (400, "confirm_name")
    join(stage, node, "mx9")
    stage.replicate()
    assert config_of(root).items() >= config_of(stage.roots[0]).items()
    ini = (root / "App/MDaemon.ini").read_bytes()
    assert b"Shared=one\r\n" in ini
    assert b"StandInRegistration=KEY-OWN-CANARY-9f3" in ini
    listed = portal.ok("GET", f"clusters/{stage.cluster}/servers")
    assert [(one["name"], one["joining"]) for one in listed["registered"][1:]] == [("mx9", "joined")]


def life_goes_on(stage: Stage, root: Path) -> None:
    """More changes come, one of them onto a file that only the node had."""
    app = stage.roots[0] / "App"
    (app / "Only Here \u00e4.dat").write_bytes(b"now the primary's")
    (app / "list0001.grp").unlink()
    (app / "new folder").mkdir()
    (app / "new folder" / "new.dat").write_bytes(b"new")
    stage.replicate()
    assert not (root / "App/list0001.grp").exists()


def leaving_gives_back(stage: Stage, node: int, root: Path, before: object) -> None:
    """A plan of leaving changes nothing and needs no name; the real one does."""
    portal = stage.portal
    replicated = photograph(root)
    planned = run(stage, portal.ok("POST", f"nodes/{node}/leave", {"dry_run": True}))
    assert planned["state"] == "succeeded"
    assert planned["plan_summary"]["changes"] > 50
    assert portal.call("POST", f"nodes/{node}/leave", {}).status == 400
    assert photograph(root) == replicated

    left = run(stage, portal.ok("POST", f"nodes/{node}/leave/", {"confirm_name": "mx9"}))
    assert left["state"] == "succeeded", left
    assert photograph(root) == before
    evidence = left["targets"][0]["evidence"]
    assert evidence["files_restored"] >= 10
    assert evidence["files_removed"] >= 40
    assert portal.ok("GET", f"nodes/{node}/")["joining"] == "left"
    listed = portal.ok("GET", f"clusters/{stage.cluster}/servers")
    assert [one["name"] for one in listed["registered"]] == ["mx0"]
    assert stage.wait_state(stage.request(), *ENDED)["error_code"] == "no_secondary"
    assert photograph(root) == before


def test_edits_made_since_joining_are_kept_and_told(stage: Stage, tmp_path: Path) -> None:
    root = tmp_path / "MDaemon"
    make_joining_tree(root)
    node = register(stage, "mx9", root)
    join(stage, node, "mx9")
    stage.replicate()
    app = root / "App"
    (app / "list0001.grp").write_bytes(b"edited, and the node had this file")
    (app / "list0002.grp").write_bytes(b"edited, and the node had no such file")
    (app / "own folder" / "rules.dat").write_bytes(b"own rules, edited")
    (app / "made since.dat").write_bytes(b"made since")

    left = run(stage, stage.portal.ok("POST", f"nodes/{node}/leave", {"confirm_name": "mx9"}))

    assert left["state"] == "succeeded", left
    assert (app / "list0001.grp").read_bytes() == b"; its own list 1\r\n"
    kept = stage.portal.ok("GET", f"conflicts?node={node}")["results"]
    assert [one["path"] for one in kept] == ["App/list0001.grp"]
    assert (app / "list0002.grp").read_bytes() == b"edited, and the node had no such file"
    assert (app / "own folder" / "rules.dat").read_bytes() == b"own rules, edited"
    assert (app / "made since.dat").read_bytes() == b"made since"
    evidence = left["targets"][0]["evidence"]
    assert set(evidence["stays"]) == {"App/list0002.grp", "App/made since.dat"}
    assert evidence["edited_since"] == ["App/own folder/rules.dat"]


def test_a_server_that_is_gone_leaves_with_what_it_has(stage: Stage, tmp_path: Path) -> None:
    root = tmp_path / "MDaemon"
    make_joining_tree(root)
    node = register(stage, "mx9", root)
    join(stage, node, "mx9")
    stage.replicate()
    held = hashes(root)
    stage.portal.ok("POST", f"nodes/{node}/pause/", {})
    removed = stage.portal.call("DELETE", f"nodes/{node}/")
    assert (removed.status, removed.body["code"]) == (409, "not_left")
    stage.portal.ok("POST", f"nodes/{node}/resume/", {})
    stage.servers[-1].stop()

    left = run(stage, stage.portal.ok("POST", f"nodes/{node}/leave", {"confirm_name": "mx9", "keep": True}))

    assert left["state"] == "succeeded", left
    assert hashes(root) == held
    stage.portal.ok("POST", f"nodes/{node}/pause/", {})
    assert stage.portal.call("DELETE", f"nodes/{node}/").status == 204


def test_a_secondarys_configuration_is_read_only(stage: Stage, tmp_path: Path) -> None:
    root = tmp_path / "MDaemon"
    make_joining_tree(root)
    node = register(stage, "mx9", root)
    join(stage, node, "mx9")
    stage.replicate()
    portal = stage.portal
    secondary = portal.ok("GET", f"nodes/{node}/configuration?limit=200")
    assert (secondary["read_only"], secondary["changed_on"], secondary["source"]) == (True, "mx0", "baseline")
    files = {one["path"]: one for one in secondary["files"]}
    assert files["App/empty.dat"]["sha256"] == sha256(b"")
    assert files["App/Userlist.dat"]["secret"]
    assert files["App/Userlist.dat"]["sha256"] == ""
    for method in ("PUT", "PATCH", "DELETE", "POST"):
        refused = portal.call(method, f"nodes/{node}/configuration/", {})
        assert (refused.status, refused.body["code"]) == (409, "read_only")
        assert refused.body["detail"] == "configuration changes are made on the primary mx0"
    primary = portal.ok("GET", f"nodes/{stage.node_ids[0]}/configuration")
    assert (primary["read_only"], primary["source"]) == (False, "snapshot")
    refused = portal.call("PUT", f"nodes/{stage.node_ids[0]}/configuration", {})
    assert refused.status == 405
    assert "mx0" in refused.body["detail"]


def test_a_search_finds_the_servers_and_a_worker_does_it(stage: Stage) -> None:
    ports = [server.port for server in stage.servers]
    body = {"networks": ["127.0.0.0/30"], "ssh_ports": ports, "smtp_ports": [free_port()]}
    at = f"clusters/{stage.cluster}/searches"
    number = stage.portal.ok("POST", at, body)["id"]

    def ended() -> dict[str, Any] | None:
        found: dict[str, Any] = stage.portal.ok("GET", f"{at}/{number}")
        return found if found["state"] not in ("requested", "running") else None

    found = wait_for("the search has ended", ended, 20)
    assert (found["state"], found["done"], found["total"]) == ("succeeded", 2, 2)
    (hit,) = found["hits"]
    assert (hit["address"], hit["ssh_port"], hit["node"]) == ("127.0.0.1", ports[0], stage.node_ids[0])
    assert hit["services"][0]["banner"].startswith("SSH-2.0-OpenSSH")


DEATHS = ("replaced", "deleted", "semaphores-dropped", "proven")
"""Moments of leaving at which the node is neither what it was nor what it shall be; others are replication's own."""


def test_leaving_survives_the_death_of_its_worker(new_stage, tmp_path: Path) -> None:
    orders = tmp_path / "orders"
    stage: Stage = new_stage(workers=0, nodes=1, files=60, approval="never")
    stage.portal.start_worker("remote0", {"KILL_ORDERS": str(orders)})
    root = tmp_path / "MDaemon"
    make_joining_tree(root)
    (stage.roots[0] / "App" / "new folder").mkdir()
    (stage.roots[0] / "App" / "new folder" / "new.dat").write_bytes(b"new")
    before = photograph(root)
    node = register(stage, "mx9", root)
    worker = "remote0"
    for count, boundary in enumerate(DEATHS if FULL else DEATHS[::3], start=1):
        join(stage, node, "mx9")
        stage.replicate()
        orders.with_suffix(".hits").unlink(missing_ok=True)
        orders.write_text(f"{boundary}:1")
        job = stage.portal.ok("POST", f"nodes/{node}/leave", {"confirm_name": "mx9"})
        stage.portal.processes.pop(worker).wait(60)
        assert photograph(root) != before or boundary == "proven"
        worker = f"remote{count}"
        stage.portal.start_worker(worker, {"KILL_ORDERS": str(orders)})
        assert run(stage, job)["state"] == "succeeded", boundary
        assert photograph(root) == before, boundary
