"""The cast of the stories: nodes, a portal, and the operator's acts through REST."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.portal import Portal, wait_for
from tests.journeys.trees import make_tree
from tests.sshd import SshdServer

ENDED = {"succeeded", "failed", "cancelled", "halted"}


@dataclass(slots=True)
class Stage:
    """A portal and its nodes; `roots[0]` is the primary's."""

    folder: Path
    portal: Portal
    servers: list[SshdServer] = field(default_factory=list)
    roots: list[Path] = field(default_factory=list)
    node_ids: list[int] = field(default_factory=list)
    cluster: int = 0

    def add_node(self, name: str, root: Path, *, public_key: str, credential: int, sftp_only: bool = False) -> int:
        server = SshdServer.start(self.folder / f"sshd-{name}", authorized_keys=[public_key], sftp_only=sftp_only)
        self.servers.append(server)
        self.roots.append(root)
        body = {
            "cluster": self.cluster,
            "name": name,
            "address": "127.0.0.1",
            "port": server.port,
            "platform": "posix",
            "role": "secondary" if self.node_ids else "primary",
            "install_root": str(root),
            "credential": credential,
        }
        node = self.portal.ok("POST", "nodes/", body)["id"]
        shown = self.portal.ok("POST", f"nodes/{node}/host-key/fetch/", {})
        assert shown["fingerprint"] == server.fingerprint
        self.portal.ok("POST", f"nodes/{node}/host-key/approve/", {"fingerprint": server.fingerprint})
        self.node_ids.append(node)
        return int(node)

    def build(self, *, nodes: int = 3, files: int = 500, secret: str = "", sftp_only: bool = False) -> None:
        """Register a cluster of nodes whose first is the primary."""
        answer = self.portal.ok(
            "POST", "clusters/", {"name": "mail", "replication_mode": "portal", "profile": "mdaemon-story"}
        )
        self.cluster = answer["id"]
        pair = self.portal.ok(
            "POST", "credentials/key-pair/", {"cluster": self.cluster, "name": "portal", "username": "root"}
        )
        for number in range(nodes):
            root = self.folder / f"node{number}" / "MDaemon"
            make_tree(root, f"mx{number}", files=files, secret=secret, primary=number == 0)
            self.add_node(
                f"mx{number}",
                root,
                public_key=pair["public_key"],
                credential=pair["credential"]["id"],
                sftp_only=sftp_only,
            )

    def request(self, **body: Any) -> int:
        answer = self.portal.ok("POST", "jobs", {"kind": "replicate", "cluster": self.cluster, **body})
        return int(answer["id"])

    def job(self, number: int) -> dict[str, Any]:
        answer: dict[str, Any] = self.portal.ok("GET", f"jobs/{number}")
        return answer

    def wait_state(self, number: int, *states: str, seconds: float = 60) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            job = self.job(number)
            return job if job["state"] in states else None

        try:
            found: dict[str, Any] = wait_for(f"job {number} is {states}", reached, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.job(number)}\n{self.portal.logs()}") from None
        return found

    def approve(self, number: int) -> None:
        job = self.wait_state(number, "awaiting_approval")
        self.portal.ok("POST", f"jobs/{number}/approve", {"digest": job["plan_digest"]})

    def replicate(self, *, expect: str = "succeeded", seconds: float = 90) -> dict[str, Any]:
        """Request, approve where asked, wait for the end."""
        number = self.request()
        job = self.wait_state(number, "awaiting_approval", "converging", *ENDED, seconds=seconds)
        if job["state"] == "awaiting_approval":
            self.approve(number)
            job = self.wait_state(number, "converging", *ENDED, seconds=seconds)
        assert job["state"] == expect, (job, self.events(number), self.portal.logs())
        return job

    def events(self, number: int) -> list[str]:
        return [event["text"] for event in self.portal.ok("GET", f"jobs/{number}/events?limit=200")["results"]]

    def close(self) -> None:
        self.portal.stop()
        for server in self.servers:
            server.stop()


@pytest.fixture
def new_stage() -> Iterator[Any]:
    """Make stages; each ends with its processes, and its folder goes with it."""
    with ExitStack() as ended:

        def make(*, workers: int = 1, beats: int = 1, **build: Any) -> Stage:
            folder = Path(tempfile.mkdtemp(prefix="cp-story-"))
            ended.callback(shutil.rmtree, folder, ignore_errors=True)
            stage = Stage(folder, Portal(folder / "data"))
            ended.callback(stage.close)
            stage.portal.start(workers=workers, beats=beats)
            stage.build(**build)
            return stage

        yield make
