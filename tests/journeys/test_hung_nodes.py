"""Servers that stand still with their ports and connections open: the others go on, and those come after."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.deadlines import PATIENCE
from tests.journeys.acting import has_staged, until
from tests.journeys.conftest import Stage
from tests.journeys.trees import config_of, make_tree
from tests.proxy import Proxy

BIG = b"0123456789abcdef" * (50 * 1024 * 1024 // 16)

ENDLESS = str(10 * PATIENCE)
"""Seconds a connection or a command may take: whoever waited for a hung server's would not be done in this test."""

NUMBERS = {
    "CLUSTERPORTAL_CONNECT": ENDLESS,
    "CLUSTERPORTAL_COMMAND": ENDLESS,
    "CLUSTERPORTAL_SWEEP": "1",
    "CLUSTERPORTAL_TARGET_WORKERS": "2",
}


RELAYED = 4
"""The node that can be made to hang in the middle of what it is sent."""


@pytest.fixture(scope="module")
def relay(new_module_stage: Any) -> Iterator[tuple[Stage, Proxy]]:
    """A primary and four secondaries that hold what it has, and a relay before the last."""
    made: Stage = new_module_stage(slow=True, nodes=RELAYED, files=40, approval="never", environment=NUMBERS)
    root = made.folder / f"node{RELAYED}" / "MDaemon"
    make_tree(root, f"mx{RELAYED}", primary=False)
    with made.relayed(f"mx{RELAYED}", root) as relay:
        made.replicate()
        yield made, relay


@pytest.fixture
def stage(relay: tuple[Stage, Proxy]) -> Stage:
    return relay[0]


def change(stage: Stage, content: bytes) -> None:
    (stage.roots[0] / "App" / "list0001.grp").write_bytes(content)


def reaches(stage: Stage, nodes: list[int]) -> dict[str, Any]:
    """Replicate: the job proves these nodes and gives its locks back while it waits for the others."""
    job = stage.replicate(expect="converging")
    for number in nodes:  # on a busy machine one may have been silent for long, too, and is found back
        stage.wait_target(job["id"], number, "verified")
    job = stage.job(job["id"])
    states = {number: stage.target(job, number)["state"] for number in range(1, len(stage.roots))}
    assert states == {number: "verified" if number in nodes else "waiting" for number in states}
    for number in nodes:
        assert config_of(stage.roots[number]) == config_of(stage.roots[0])
    return job


def test_more_hung_nodes_than_a_worker_drives_at_once_stop_no_other(stage: Stage) -> None:
    with ExitStack() as hung:
        for server in stage.servers[1:4]:
            hung.enter_context(server.hung())  # in mid-session: the portal keeps its connections
        change(stage, b"; first\r\n")
        first = reaches(stage, [4])
        change(stage, b"; second\r\n")
        second = reaches(stage, [4])

    stage.wait_state(second["id"], "succeeded")
    superseded = stage.job(first["id"])
    assert (superseded["state"], superseded["error_code"]) == ("cancelled", "superseded")
    for root in stage.roots[1:]:
        assert config_of(root) == config_of(stage.roots[0])


def test_a_node_that_hangs_while_it_is_written_gives_its_job_up(relay: tuple[Stage, Proxy]) -> None:
    stage, way = relay
    (stage.roots[0] / "App" / "big.dat").write_bytes(BIG)
    way.freeze_after(len(BIG) // 2)
    first = stage.request(nodes=[stage.node_ids[1], stage.node_ids[RELAYED]])
    until("the node is written", lambda: way.is_frozen and has_staged(stage.roots[RELAYED], 1))
    with stage.servers[RELAYED].hung():
        way.thaw()
        stage.wait_state(first, "converging")
        assert stage.wait_target(first, 1, "verified")
        change(stage, b"; newer\r\n")
        second = reaches(stage, [1, 2, 3])

    stage.wait_state(second["id"], "succeeded")
    assert config_of(stage.roots[RELAYED]) == config_of(stage.roots[0])
    assert not list(stage.roots[RELAYED].rglob(".cp~*"))


def test_a_worker_that_is_told_to_end_hands_over_what_it_drives(stage: Stage) -> None:
    (stage.roots[0] / "App" / "big.dat").write_bytes(BIG[::-1])
    job = stage.request()
    until("a node is written", lambda: any(has_staged(root, 1) for root in stage.roots[1:]))
    before = stage.portal.log_of("remote0")
    stage.portal.kill("remote0", signal.SIGTERM)
    assert "Traceback" not in stage.portal.log_of("remote0")[len(before) :]
    assert stage.job(job)["state"] == "running"
    stage.portal.start_worker("remote1")
    stage.wait_state(job, "succeeded")
    assert not any("died" in line for line in stage.events(job))
    for root in stage.roots[1:]:
        assert config_of(root) == config_of(stage.roots[0])
