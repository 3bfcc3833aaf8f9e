"""Two Windows nodes inside Wine, and a portal that they are registered with: made once for all stories here."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.deadlines import wait_for
from tests.journeys.conftest import Stage
from tests.journeys.portal import Portal
from tests.winlab.prefix import Prefix, prefix
from tests.winlab.server import PASSWORD, USERNAME, WinNode
from tests.winlab.trees import make_tree


@dataclass(slots=True)
class Lab:
    """The stage, its primary and its secondary."""

    stage: Stage
    primary: WinNode
    secondary: WinNode

    def facts(self, place: int) -> dict[str, Any]:
        """A node's facts, read anew."""
        portal, node = self.stage.portal, self.stage.node_ids[place]
        asked = portal.ok("POST", f"nodes/{node}/facts/refresh/", {})["requested_at"]

        def fresh() -> dict[str, Any] | None:
            answer = portal.call("GET", f"nodes/{node}/facts/")
            return answer.body if answer.status == 200 and answer.body["read_at"] >= asked else None

        try:
            found: dict[str, Any] = wait_for(f"facts of node {node}", fresh)
        except AssertionError as error:
            cause = portal.ok("GET", f"nodes/{node}/")["health_cause"]
            raise AssertionError(f"{error}; its health: {cause}\n{portal.logs()}") from None
        return found


@pytest.fixture(scope="session")
def wine() -> Iterator[Prefix]:
    with prefix() as made:
        # the prefix outlives runs: scripts that a run brought which was killed are not this one's
        for left in made.drive_c.glob("users/*/.clusterportal"):
            shutil.rmtree(left)
        yield made


@pytest.fixture(scope="session")
def lab(wine: Prefix) -> Iterator[Lab]:
    """Everything registered by REST: password login, host keys approved, cluster resumed."""
    began = time.monotonic()
    with ExitStack() as ended:
        folder = Path(tempfile.mkdtemp(prefix="cp-winlab-"))
        ended.callback(shutil.rmtree, folder, ignore_errors=True)
        nodes = [WinNode.start(wine, install_root) for install_root in (r"C:\MDaemon", r"C:\MDaemon2")]
        for node in nodes:
            ended.callback(node.stop)
        make_tree(nodes[0].root, "WINMX1", primary=True)
        make_tree(nodes[1].root, "WINMX2", primary=False)
        stage = Stage(folder, Portal(folder / "data"))
        ended.callback(stage.close)
        stage.portal.start()
        register(stage, nodes)
        print(f"winlab: two Windows nodes and a portal after {time.monotonic() - began:.1f} s")
        yield Lab(stage, *nodes)


def register(stage: Stage, nodes: list[WinNode]) -> None:
    stage.make_cluster("windows", approval="never")
    login = {"cluster": stage.cluster, "name": "windows", "username": USERNAME}
    stored = stage.portal.ok("POST", "credentials/", {**login, "kind": "password", "password": PASSWORD})
    for number, node in enumerate(nodes, start=1):
        fields: dict[str, Any] = {"platform": "windows", "install_root": node.install_root}
        stage.register(f"WINMX{number}", node.root, node, credential=stored["id"], password=PASSWORD, **fields)
        stage.roots.append(node.root)
    stage.resume()
