"""Joining and leaving on real servers: nothing is written before a name was typed; leaving gives back what was."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.deadlines import wait_for
from tests.journeys.acting import sha256
from tests.journeys.conftest import ENDED, Stage
from tests.journeys.console import Console
from tests.journeys.portal import Portal, free_port
from tests.journeys.trees import AWKWARD, config_of, hashes, make_tree
from tests.pages import FormSeen
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
    proving = portal.ok("GET", f"nodes/{node}/join/")["first"]
    stage.replicate()
    assert portal.ok("GET", f"nodes/{node}/join/")["first"] == proving


def life_goes_on(stage: Stage, root: Path) -> None:
    """More changes come, one of them onto a file that only the node had."""
    app = stage.roots[0] / "App"
    (app / "Only Here \u00e4.dat").write_bytes(b"now the primary's")
    (app / "list0001.grp").unlink()
    (app / "new folder").mkdir()
    (app / "new folder" / "new.dat").write_bytes(b"new")
    stage.replicate()
    assert not (root / "App/list0001.grp").exists()
    shutil.rmtree(app / "new folder")
    (app / "new folder").write_bytes(b"a file now")
    stage.replicate()


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

    found = wait_for("the search has ended", ended)
    assert (found["state"], found["done"], found["total"]) == ("succeeded", 2, 2)
    (hit,) = found["hits"]
    assert (hit["address"], hit["ssh_port"], hit["node"]) == ("127.0.0.1", ports[0], stage.node_ids[0])
    assert hit["services"][0]["banner"].startswith("SSH-2.0-OpenSSH")


def test_a_person_walks_the_wizard_to_its_end(new_cluster, shared_portal: Portal, tmp_path: Path) -> None:
    """Nothing but what the pages show is sent; workers do the rest. Every step is looked at, and refused once."""
    stage: Stage = new_cluster(nodes=1, files=60, approval="first")
    root = tmp_path / "MDaemon"
    make_joining_tree(root)
    before = photograph(root)
    (stage.roots[0] / "Add-on").mkdir()
    (stage.roots[0] / "Add-on" / "settings.xml").write_bytes(b"<a/>")
    server = SshdServer.start(stage.folder / "sshd-mx9", authorized_keys=[stage.key["public_key"]])
    stage.servers.append(server)
    console = Console(shared_portal, "astrid")

    node = found_and_registered(console, stage, server, root)
    at = f"/nodes/{node}/join/"
    key_and_credential(console, stage, at, server)
    checks_refuse_and_pass(console, at, node)
    what_differs_is_answered(console, at)
    assert photograph(root) == before
    confirmed_by_name(console, at)
    assert photograph(root) == before
    planned_approved_and_proven(console, at)

    assert config_of(root).items() >= config_of(stage.roots[0]).items()
    assert b"Shared=one\r\n" in (root / "App/MDaemon.ini").read_bytes()
    assert not (root / "Add-on").exists()
    registered_everywhere(console, stage, node)


def found_and_registered(console: Console, stage: Stage, server: SshdServer, root: Path) -> int:
    """The search greets the server; taking it fills in the form."""
    at = f"/clusters/{stage.cluster}/join/"
    ports: dict[str, Any] = {"ssh_ports": server.port, "smtp_ports": free_port()}
    wide = console.send(console.go(at), f"{at}search/", networks="8.8.8.0/24", **ports)
    assert "private" in wide.words
    console.send(wide, f"{at}search/", networks="127.0.0.0/30", **ports)
    found = console.wait(at, lambda page: "1 answered" in page.words, "the search found the server")
    (taking,) = [link for link in found.links if "server/?" in link]
    form = console.go(taking)
    typed: dict[str, Any] = {"platform": "posix", "install_root": "relative/folder", "name": "mx9"}
    refused = console.send(form, "", having={"port": str(server.port)}, **typed)
    assert "install_root" in refused.html
    assert refused.address == taking
    done = console.send(refused, "", having={"port": str(server.port)}, **{**typed, "install_root": str(root)})
    assert "Registered mx9. Nothing was changed on it." in done.words
    return int(done.address.split("/")[2])


def key_and_credential(console: Console, stage: Stage, at: str, server: SshdServer) -> None:
    read = console.send(console.go(at), "/read-key/")
    assert server.fingerprint in read.words
    approved = console.send(read, "/approve-key/", having={"fingerprint": server.fingerprint})
    assert "Approved: the portal logs in only" in approved.words
    chosen = console.send(approved, "/credential/", credential=stage.key["credential"]["id"])
    assert "A worker reads the server's facts now." in chosen.words


def checks_refuse_and_pass(console: Console, at: str, node: int) -> None:
    """A cluster service that is on stops the joining, on the page and where the page is passed by."""
    console.wait(f"{at}?step=checks", lambda page: "Product version" in page.words, "the facts were read")
    attest = f"/nodes/{node}/attest/"
    console.send(console.go(f"/nodes/{node}/settings/attested/"), attest, said="cluster_service:on")
    page = console.go(f"{at}?step=checks")
    assert "It stops joining." in page.words
    assert "that it is on" in page.words
    token = dict(page.form("/facts/").fields)
    page.forms.append(FormSeen(f"{at}confirm/", "post", list(token.items())))
    passed_by = console.send(page, "/confirm/", typed="mx9")
    assert "mx9 cannot join while these checks do not pass. Cluster service:" in passed_by.words
    seen = console.send(page, f"{at}attest/", having={"about": str(node)}, said="cluster_service:off")
    assert "Kept, with your name and the time." in seen.words
    assert "It stops joining." not in seen.words


def what_differs_is_answered(console: Console, at: str) -> None:
    page = console.send(console.go(f"{at}?step=differences"), "/compare/")
    assert "Comparing. Nothing is changed." in page.words
    page = console.wait(f"{at}?step=differences", lambda page: "Continue" in page.words, "compared")
    assert "[System] Shared" in page.words
    assert "CANARY" not in page.html
    answered = console.send(page, "/ini-key/", having={"key": "Shared"}, choice="replicate")
    pressed = 'aria-label="Replicate Shared of App/MDaemon.ini" aria-pressed="true"'
    assert pressed in " ".join(answered.html.split())
    assert "Add-on/settings.xml" in answered.words
    console.send(answered, "/path-class/", having={"pattern": "Add-on/settings.xml"}, path_class="node-local")
    console.send(console.go(f"{at}?step=differences"), "/compare/")
    sorted_so = console.wait(
        f"{at}?step=differences",
        lambda page: "Continue" in page.words and "Add-on/settings.xml" not in page.words,
        "the path is sorted",
    )
    assert "Overwritten" in sorted_so.words


def confirmed_by_name(console: Console, at: str) -> None:
    page = console.go(at)
    assert "All settings on that server will be overwritten." in page.words
    assert "Not known:" in page.words
    accept: dict[str, Any] = {"accept": "disk"} if 'name="accept"' in page.html else {}
    wrong = console.send(page, "/confirm/", typed="mx0", **accept)
    assert "This is not the server's name" in wrong.words
    right = console.send(console.go(at), "/confirm/", typed="mx9", **accept)
    assert "Confirmed. The first plan may be made." in right.words


def planned_approved_and_proven(console: Console, at: str) -> None:
    console.send(console.go(at), "/begin/")
    planned = console.wait(at, lambda page: "Approve this plan" in page.words, "the first plan waits for a person")
    assert "Overwritten" in planned.words
    console.send(planned, "/approve/")
    console.wait(at, lambda page: "proven by hashes read back" in page.words, "joined and proven")


def registered_everywhere(console: Console, stage: Stage, node: int) -> None:
    cluster = console.go(f"/clusters/{stage.cluster}/")
    assert f"/nodes/{node}/" in cluster.links
    servers = console.go(f"/clusters/{stage.cluster}/servers/")
    assert "mx9" in servers.html.partition("Registered servers")[2].partition("</section>")[0]
    assert "joined since" in console.go(f"/nodes/{node}/").words
    assert "mx9" in console.go(f"/nodes/?cluster={stage.cluster}").words
    listed = stage.portal.ok("GET", f"clusters/{stage.cluster}/servers")
    assert [one["name"] for one in listed["registered"]] == ["mx0", "mx9"]
    # the worker that did it all is there, and has nothing to do
    console.wait("/jobs/", lambda page: "Idle queue default, remote" in page.words, "the worker is idle")


def test_in_native_mode_a_server_joins_and_nothing_is_ever_written(new_cluster, tmp_path: Path) -> None:
    """MDaemon replicates there: the portal reads, registers, refuses everything that would write, and lets go again."""
    stage: Stage = new_cluster(nodes=1, files=60, replication_mode="native", watch=True)
    portal = stage.portal
    stage.attest(stage.node_ids[0], "cluster_service", "on")
    root = tmp_path / "MDaemon"
    make_joining_tree(root)
    before, primary = photograph(root), photograph(stage.roots[0])
    node = register(stage, "mx9", root)
    stage.attest(node, "cluster_service", "on")
    stage.attest(node, "part", "primary")
    two = portal.call("POST", f"nodes/{node}/join/", {"confirm_name": "mx9"})
    assert (two.status, two.body["errors"][0]["code"]) == (409, "one_primary")
    stage.attest(node, "part", "secondary")

    join(stage, node, "mx9")

    listed = portal.ok("GET", f"clusters/{stage.cluster}/servers")
    assert [(one["name"], one["joining"]) for one in listed["registered"][1:]] == [("mx9", "joined")]
    log = portal.ok("GET", f"clusters/{stage.cluster}/log")["results"]
    assert [line["text"] for line in log if line["code"] == "0x41511220"] == ["Secondary cluster node added: mx9"]
    for asked in ({}, {"dry_run": True}, {"nodes": [node]}):
        refused = portal.call("POST", "jobs/", {"kind": "replicate", "cluster": stage.cluster, **asked})
        assert (refused.status, refused.body["code"]) == (409, "native_mode")
    given_back = portal.call("POST", f"nodes/{node}/leave/", {"confirm_name": "mx9"})
    assert (given_back.status, given_back.body["code"]) == (409, "native_mode")
    (stage.roots[0] / "App" / "list0001.grp").write_bytes(b"changed on the primary")
    facts_are_read_anew(stage, node)
    assert portal.ok("GET", f"jobs?cluster={stage.cluster}")["results"] == []
    assert photograph(root) == before

    left = run(stage, portal.ok("POST", f"nodes/{node}/leave/", {"confirm_name": "mx9", "keep": True}))
    assert left["state"] == "succeeded", left
    assert photograph(root) == before
    assert {**photograph(stage.roots[0]), "App/list0001.grp": None} == {**primary, "App/list0001.grp": None}


def facts_are_read_anew(stage: Stage, node: int) -> None:
    """A worker was on the node again: the portal looks, in every mode."""
    asked = stage.portal.ok("POST", f"nodes/{node}/facts/refresh/", {})["requested_at"]

    def read() -> bool:
        answer = stage.portal.call("GET", f"nodes/{node}/facts/")
        return answer.status == 200 and bool(answer.body["read_at"] > asked)

    wait_for("the facts were read", read)
