"""Secrets planted where secrets are; then a hunt through everything the portal says, sends and keeps."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from nodes.remote.keypairs import make_key_pair
from tests.asyncssh_node import AsyncsshNode
from tests.journeys.canaries import Browser, CommandLines, Hunt, Monitor, canary
from tests.journeys.conftest import Stage, stages
from tests.journeys.trees import make_tree
from tests.living_files import found
from tests.sshd import SshdServer, with_passphrase

PLANTED = (
    "password",
    "wrong_password",
    "passphrase",
    "admin_password",
    "mistyped_password",
    "typed_as_name",
    "file_content",
    "list_member",
    "edit",
    "ini_own",
    "ini_shared",
    "ini_edit",
    "broken_ini",
    "bad_key",
)
IDS = range(1, 9)


@dataclass(slots=True)
class Planted:
    """The stage after the story, its canaries, and what the samplers saw."""

    stage: Stage
    canaries: dict[str, str]
    command_lines: CommandLines
    monitor: Monitor


@pytest.fixture(scope="module")
def planted() -> Iterator[Planted]:
    canaries = {name: canary(name.replace("_", "")) for name in PLANTED}
    key = make_key_pair("canary")
    right = AsyncsshNode(canaries["password"]).start()
    other = AsyncsshNode("another-Pass1").start()
    try:
        with stages() as make:
            stage = make(nodes=0)
            canaries |= {"token": stage.portal.token, "private_key": key.private.reveal().splitlines()[2]}
            protected = with_passphrase(key, canaries["passphrase"], stage.folder)
            (stage.folder / "protected").unlink()
            canaries["protected_key"] = protected.reveal().splitlines()[2]
            with CommandLines() as lines, Monitor(stage.portal.redis_port) as monitor:
                _register(stage, canaries, protected.reveal(), key.public, right)
                _tell_story(stage, canaries, other)
            yield Planted(stage, canaries, lines, monitor)
    finally:
        right.stop()
        other.stop()


def _register(stage: Stage, canaries: dict[str, str], key: str, public: str, right: AsyncsshNode) -> None:
    """A primary behind a key with a passphrase, a secondary behind another such key's server, one behind a password."""
    portal, common = stage.portal, {"cluster": stage.cluster, "username": "root"}
    body = {**common, "name": "key", "kind": "key", "private_key": key, "passphrase": canaries["passphrase"]}
    with_key = portal.ok("POST", "credentials/", body)["id"]
    body = {**common, "name": "word", "kind": "password", "password": canaries["password"]}
    with_password = portal.ok("POST", "credentials/", {**body, "username": right.username})["id"]
    for number in range(3):
        root = stage.folder / f"node{number}" / "MDaemon"
        make_tree(root, f"mx{number}", files=40, secret=canaries["ini_own"], primary=number == 0)
        if number < 2:
            stage.add_node(f"mx{number}", root, public_key=public, credential=with_key)
        else:
            stage.roots.append(root)
            word = canaries["password"]
            stage.register(f"mx{number}", root, right, credential=with_password, password=word)


def _tell_story(stage: Stage, canaries: dict[str, str], other: AsyncsshNode) -> None:
    """Replicate, meet a conflict, fail to log in, fail to plan, be typed at wrongly, be backed up."""
    primary, secondary = stage.roots[0] / "App", stage.roots[1] / "App"
    (primary / "Userlist.dat").write_bytes(f"a.example user {canaries['file_content']}\r\n".encode())
    (primary / "list0001.grp").write_bytes(f"{canaries['list_member']}@a.example\r\n".encode())
    stage.replicate()
    _edit_ini(primary, b"Shared=one", f"Shared={canaries['ini_shared']}")
    stage.replicate()
    (secondary / "Userlist.dat").write_bytes(f"a.example user {canaries['edit']}\r\n".encode())
    _edit_ini(secondary, canaries["ini_shared"].encode(), canaries["ini_edit"])
    job = stage.replicate()
    assert stage.portal.ok("GET", "conflicts")["count"] >= 2, job
    for node in stage.node_ids:
        stage.portal.ok("POST", f"nodes/{node}/facts/refresh/", {})
    _fail_to_log_in(stage, canaries, other)
    _edit_ini(primary, b"[System]", f"[System {canaries['broken_ini']}\r\n{canaries['broken_ini']}")
    (primary / "Userlist.dat").write_bytes(b"")
    number = stage.request()
    stage.wait_state(number, "failed", "halted", "succeeded", "converging", "awaiting_approval")
    _type_wrongly(stage, canaries)
    backup = stage.folder / "portal.backup"
    stage.portal.manage("backup", str(backup), "--with-keys", str(stage.folder / "backup.keys"))


def _edit_ini(app: Path, old: bytes, new: str) -> None:
    ini = app / "MDaemon.ini"
    content = ini.read_bytes()
    assert old in content
    ini.write_bytes(content.replace(old, new.encode()))


def _fail_to_log_in(stage: Stage, canaries: dict[str, str], other: AsyncsshNode) -> None:
    body = {"cluster": stage.cluster, "name": "wrong", "username": other.username, "kind": "password"}
    wrong = stage.portal.ok("POST", "credentials/", {**body, "password": canaries["wrong_password"]})["id"]
    root = stage.folder / "node3" / "MDaemon"
    make_tree(root, "mx3", files=30, primary=False)
    stage.register("mx3", root, other, credential=wrong, password=canaries["wrong_password"])
    job = stage.replicate(expect="failed")
    assert "auth_rejected" in {target["error_code"] for target in job["targets"]}


def _type_wrongly(stage: Stage, canaries: dict[str, str]) -> None:
    """Secrets in the wrong field, with the wrong name, of the wrong shape."""
    common = {"cluster": stage.cluster, "name": "bad", "username": "root"}
    bad = canaries["bad_key"]
    block = f"-----BEGIN OPENSSH PRIVATE KEY-----\n{bad}\n-----END OPENSSH PRIVATE KEY-----\n"
    for body in (
        {**common, "kind": "key", "private_key": block},
        {**common, "kind": "key", "private_key": bad},
        {**common, "kind": "password", "password": bad * 20},
        {**common, "kind": "password", "pasword": bad},
        {**common, "kind": "key", "private_key": block, "passphrase": bad},
    ):
        answer = stage.portal.call("POST", "credentials/", body)
        assert answer.status == 400
        assert bad not in json.dumps(answer.body)
    password = canaries["admin_password"]
    stage.portal.manage("create_admin", "--username", "hunter", stdin=password + "\n")
    Browser(stage.portal.port).log_in("hunter", canaries["mistyped_password"])
    Browser(stage.portal.port).log_in(canaries["typed_as_name"], password)
    assert stage.portal.call("GET", "jobs", token=bad).status == 401


def found_by(planted: Planted) -> Hunt:
    return Hunt(planted.canaries)


def test_the_canaries_were_planted(planted: Planted) -> None:
    """Without this, the hunt would prove nothing."""
    hunt = found_by(planted)
    for root in planted.stage.roots:
        hunt.look_through("node", (root / "App").iterdir())
    seen = {line.partition(" ")[0] for line in hunt.sightings}
    assert {"file_content", "list_member", "ini_own", "ini_shared", "broken_ini"} <= seen


def test_no_page_shows_one(planted: Planted) -> None:
    hunt, browser = found_by(planted), Browser(planted.stage.portal.port)
    browser.log_in("hunter", planted.canaries["admin_password"])
    visited = set()
    for path, status, content in browser.crawl("/"):
        assert status < 500, (path, content)
        visited.add(path)
        hunt.look("page", path, content)
    assert {"/jobs/", "/nodes/", "/credentials/", "/audit/", "/jobs/1/", "/nodes/1/"} <= visited
    assert hunt.sightings == []


def test_no_answer_holds_one(planted: Planted) -> None:
    hunt, portal = found_by(planted), planted.stage.portal
    schema = portal.ok("GET", "schema/?format=json")
    asked = [path.removeprefix("/api/v1/") for path, acts in schema["paths"].items() if "get" in acts]
    assert len(asked) > 20
    for path in asked:
        for number in IDS if "{" in path else (1,):
            answer = portal.call("GET", _filled(path, number))
            assert answer.status < 500, (path, answer.body)
            hunt.look(f"answer {answer.status}", path, json.dumps(answer.body, ensure_ascii=False).encode())
    assert hunt.looked_at["answer 200"] > len(asked) / 2
    assert hunt.sightings == []


def _filled(path: str, number: int) -> str:
    parts = [str(number) if part.startswith("{") else part for part in path.split("/")]
    return "/".join(parts)


def test_no_log_database_store_or_broker_keeps_one(planted: Planted) -> None:
    """Everything in the data folder: logs of all processes, database with its WAL, Redis' own file."""
    hunt, data = found_by(planted), planted.stage.portal.data
    for kind, pattern in (
        ("log", "*.log"),
        ("database", "portal.sqlite3*"),
        ("broker", "appendonlydir/*"),
    ):
        hunt.look_through(kind, data.glob(pattern))
        assert hunt.looked_at[kind], kind
    hunt.look_through("other", found(data, "*"))
    assert hunt.sightings == []


def test_no_message_carries_one(planted: Planted) -> None:
    hunt, heard = found_by(planted), bytes(planted.monitor.heard)
    assert b"replication.tasks" in heard or b"cmVwbGljYXRpb24" in heard
    hunt.look("monitor", "Redis' commands", heard)
    assert hunt.sightings == []


def test_no_argument_list_holds_one(planted: Planted) -> None:
    hunt = found_by(planted)
    for line in planted.command_lines.seen:
        hunt.look("process", line.decode("utf-8", "replace"), line)
    assert any(b"find" in line for line in planted.command_lines.seen), "no command of a node was seen"
    assert hunt.sightings == []


def test_no_server_logged_one(planted: Planted) -> None:
    hunt = found_by(planted)
    for server in planted.stage.servers:
        assert isinstance(server, SshdServer)
        hunt.look("sshd", str(server.log_file), server.log.encode())
    assert hunt.looked_at["sshd"] == 2
    assert hunt.sightings == []


def test_no_backup_holds_one(planted: Planted) -> None:
    hunt, backup = found_by(planted), planted.stage.folder / "portal.backup"
    hunt.look_through("backup", [backup])
    with tarfile.open(backup) as archive:
        for member in archive:
            file: Any = archive.extractfile(member)
            hunt.look("member", member.name, file.read() if file else b"")
    assert hunt.looked_at["member"] == 3  # the manifest, its seal and the database
    assert hunt.sightings == []
