"""One verdict a node, the same on every face, and never a calm one that is not true."""

from __future__ import annotations

from typing import Any

import pytest

from tests.deadlines import wait_for
from tests.journeys.conftest import Stage

FILES = ("list0001.grp", "list0002.grp", "list0003.grp")


@pytest.fixture
def watched(new_cluster: Any) -> Stage:
    """Three nodes, proven once, and from then on watched."""
    stage: Stage = new_cluster(nodes=3, watch=True)
    stage.replicate()
    return stage


def _texts(stage: Stage, place: int) -> set[str]:
    """The verdict on one node, by its place on the stage, as each resource says it."""
    ask, node = stage.portal.ok, stage.node_ids[place]
    servers = ask("GET", f"clusters/{stage.cluster}/servers")["registered"]
    secondaries = ask("GET", f"clusters/{stage.cluster}/watch")["secondaries"]
    return {
        ask("GET", f"nodes/{node}/")["verdict"]["text"],
        *(one["verdict"]["text"] for one in servers if one["id"] == node),
        *(one["verdict"]["text"] for one in secondaries if one["node"] == node),
    }


def _wait_said(stage: Stage, place: int, start: str) -> None:
    def said() -> bool:
        texts = _texts(stage, place)
        return len(texts) == 1 and texts.pop().startswith(start)

    try:
        wait_for(f"node {place} is said to be {start}", said)
    except AssertionError as error:
        pytest.fail(f"{error}\n{_texts(stage, place)}\n{stage.portal.logs()}")


def _cluster(stage: Stage) -> str:
    text: str = stage.portal.ok("GET", f"clusters/{stage.cluster}/")["verdict"]["text"]
    return text


def _sentence(stage: Stage) -> str:
    text: str = stage.portal.ok("GET", f"clusters/{stage.cluster}/watch")["sentence"]
    return text


def test_a_cancelled_job_leaves_behind_who_was_not_proven(watched: Stage) -> None:
    _wait_said(watched, 1, "In sync")
    _wait_said(watched, 2, "In sync")
    wait_for("the watch is calm", lambda: _sentence(watched).endswith("all secondaries are in sync."))
    watched.servers[2].stop()
    _wait_said(watched, 2, "Away since ")
    wait_for("the cluster is as bad as its worst", lambda: _cluster(watched) == "1 away")
    for name in FILES:
        (watched.roots[0] / "App" / name).write_bytes(b"; another content\r\n")
    job = wait_for(
        "a job waits for the node that is away",
        lambda: watched.portal.ok("GET", f"jobs?cluster={watched.cluster}&state=converging")["results"],
    )[0]["id"]
    watched.portal.ok("POST", f"jobs/{job}/cancel", {})
    watched.wait_state(job, "cancelled")
    watched.servers[2].start_again()
    _wait_said(watched, 2, "Behind by 3 files since ")
    _wait_said(watched, 1, "In sync")
    wait_for("the cluster says so", lambda: _cluster(watched) == "1 behind")
    wait_for("the watch names who lacks it", lambda: "mx2 (behind by 3 files since " in _sentence(watched))
    watched.replicate()
    _wait_said(watched, 2, "In sync")
    wait_for("the watch is calm again", lambda: _sentence(watched).endswith("all secondaries are in sync."))


def test_a_pause_does_not_hide_who_is_away(watched: Stage) -> None:
    watched.portal.ok("POST", f"clusters/{watched.cluster}/pause/", {"reason": "works"})
    watched.servers[1].stop()
    _wait_said(watched, 1, "Away since ")
    verdict = watched.portal.ok("GET", f"clusters/{watched.cluster}/")["verdict"]
    assert (verdict["word"], verdict["text"], verdict["paused"]) == ("away", "1 away", True)


def test_an_edit_on_a_secondary_is_seen_by_looking_there(watched: Stage) -> None:
    edited, other = (watched.roots[1] / "App" / name for name in FILES[:2])
    edited.write_bytes(b"; somebody edited this here\r\n")
    _wait_said(watched, 1, "Edited (1 file) since ")
    _wait_said(watched, 2, "In sync")
    wait_for("the cluster says so", lambda: _cluster(watched) == "1 edited")
    wait_for("the watch names it", lambda: "mx1 (edited (1 file) since " in _sentence(watched))
    other.unlink()
    _wait_said(watched, 1, "Edited (2 files) since ")
    watched.replicate()
    _wait_said(watched, 1, "In sync")
    assert other.exists()
