"""Nodes that cannot be trusted, do not let the portal in, or do not answer."""

from __future__ import annotations

import json
from typing import Any

from tests.asyncssh_node import AsyncsshNode
from tests.deadlines import wait_for
from tests.journeys.trees import config_of, make_tree
from tests.remote_logs import logins

WRONG = "wrong-Pass-canary-77"


def everything_said(stage: Any, job: int) -> str:
    """What the API and the processes' logs hold of a job and its cluster."""
    pages = [
        f"jobs/{job}",
        f"jobs/{job}/events?limit=200",
        f"nodes/?cluster={stage.cluster}",
        "credentials/",
        "events/",
    ]
    said = [json.dumps(stage.portal.call("GET", page).body) for page in pages]
    return "\n".join(said) + "".join(stage.portal.log_of(name) for name in ("web", "remote0", "beat0"))


def test_another_host_key_stops_the_portal_before_it_logs_in(new_cluster: Any) -> None:
    stage = new_cluster(nodes=3)
    stage.replicate()
    server, old = stage.servers[1], stage.servers[1].fingerprint
    new = server.swap_host_key()
    attempts = logins(server.log)
    (stage.roots[0] / "App" / "list0001.grp").write_bytes(b"; changed\r\n")

    job = stage.replicate(expect="failed")

    assert logins(server.log) == attempts
    assert stage.target(job, 1)["state"] == "failed"
    # unknown, where somebody else met the key first and quarantined the node
    assert stage.target(job, 1)["error_code"] in ("host_key_mismatch", "host_key_unknown")
    assert stage.target(job, 2)["state"] == "verified"
    assert (stage.roots[2] / "App" / "list0001.grp").read_bytes() == b"; changed\r\n"
    assert (stage.roots[1] / "App" / "list0001.grp").read_bytes() != b"; changed\r\n"
    node = stage.portal.ok("GET", f"nodes/{stage.node_ids[1]}/")
    assert old in node["quarantined_reason"]
    assert new in node["quarantined_reason"]
    keys = stage.portal.ok("GET", f"nodes/{stage.node_ids[1]}/host-key/")["keys"]
    assert {old, new} <= {key["fingerprint"] for key in keys}

    stage.portal.ok("POST", f"nodes/{stage.node_ids[1]}/host-key/approve/", {"fingerprint": new})
    stage.replicate()
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def test_a_key_that_is_not_let_in_is_tried_once(new_cluster: Any) -> None:
    stage = new_cluster(nodes=3)
    stage.replicate()
    server, keys = stage.servers[1], stage.servers[1].authorized_keys
    server.stop()
    server.authorized_keys = [keys[0]]
    server.start_again()
    before = logins(server.log)

    job = stage.replicate(expect="failed")

    assert stage.target(job, 1)["error_code"] == "auth_rejected"
    assert stage.target(job, 2)["state"] == "verified"
    # once by the job, and perhaps once by who asks whether it is there
    assert len(logins(server.log)) - len(before) in (1, 2), server.log

    server.stop()
    server.authorized_keys = keys
    server.start_again()
    stage.replicate()


def test_a_wrong_password_is_tried_once_and_told_to_nobody(new_cluster: Any) -> None:
    stage = new_cluster(nodes=1)
    server = AsyncsshNode().start()
    try:
        body = {"cluster": stage.cluster, "name": "pass", "username": server.username, "kind": "password"}
        credential = stage.portal.ok("POST", "credentials/", {**body, "password": WRONG})["id"]
        root = stage.folder / "node1" / "MDaemon"
        make_tree(root, "mx1", files=30, primary=False)
        stage.roots.append(root)
        node = stage.register("mx1", root, server, credential=credential, password=WRONG)
        before = server.passwords_tried

        job = stage.replicate(expect="failed")

        assert stage.target(job)["error_code"] == "auth_rejected"
        assert server.passwords_tried - before == 1
        assert WRONG not in everything_said(stage, job["id"])

        seen = {"node": node, "address": "127.0.0.1", "port": server.port, "fingerprint": server.fingerprint}
        change = {"password": server.password, "servers": [seen]}
        stage.portal.ok("PATCH", f"credentials/{credential}/", change)
        job = stage.replicate()
        assert config_of(stage.roots[1]) == config_of(stage.roots[0])
        assert server.password not in everything_said(stage, job["id"])
    finally:
        server.stop()


def test_a_secondary_that_is_down_is_waited_for(new_cluster: Any) -> None:
    stage = new_cluster(nodes=3)
    stage.servers[1].stop()

    job = stage.replicate(expect="converging")

    assert stage.target(job, 2)["state"] == "verified"
    waiting = stage.wait_target(job["id"], 1, "waiting")
    assert waiting["error_code"] == "unreachable"
    assert "next try in" in waiting["phase"]
    far = job["progress"]
    assert (far["percent"], far["seconds_left"], far["targets_verified"], far["targets"]) == (50, None, 1, 2)
    stage.portal.ok("POST", f"clusters/{stage.cluster}/pause/", {"reason": "a look"})
    assert stage.job(job["id"])["standing"] == "Paused: cluster"
    stage.resume()
    stage.servers[1].start_again()
    ended = stage.wait_state(job["id"], "succeeded")
    assert ended["progress"]["percent"] == 100
    assert ended["progress"]["ran_seconds"] > far["ran_seconds"] > 0 < ended["progress"]["waited_seconds"]
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def test_a_primary_that_is_down_is_named(new_cluster: Any) -> None:
    stage = new_cluster()
    stage.servers[0].stop()
    job = stage.request()

    def told() -> Any:
        found = stage.job(job)
        return found if found["error_code"] else None

    try:
        found = wait_for("the primary is missed", told)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{stage.job(job)}\n{stage.events(job)}\n{stage.portal.logs()}") from None
    assert found["state"] == "requested"
    assert found["error_code"] == "primary_away"
    assert found["error"].startswith("The primary: The node does not answer.")
    assert found["not_before"]
