"""The cast of the stories: nodes, a portal, and the operator's acts through REST."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from tests.deadlines import PATIENCE, wait_for
from tests.journeys.portal import Portal, started
from tests.journeys.trees import make_tree
from tests.proxy import Proxy
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
    key: dict[str, Any] = field(default_factory=dict)
    owns_portal: bool = True

    def add_node(
        self, name: str, root: Path, *, public_key: str, credential: int, sftp_only: bool = False, port: int = 0
    ) -> int:
        """Start a node's sshd and register it, at its own port or behind a relay's `port`."""
        server = SshdServer.start(self.folder / f"sshd-{name}", authorized_keys=[public_key], sftp_only=sftp_only)
        self.servers.append(server)
        self.roots.append(root)
        return self.register(name, root, server, credential=credential, port=port)

    def join(self, name: str, root: Path, *, port: int = 0) -> int:
        """One more node with the cluster's key, on a tree that is there."""
        return self.add_node(
            name, root, public_key=self.key["public_key"], credential=self.key["credential"]["id"], port=port
        )

    @contextmanager
    def relayed(self, name: str, root: Path) -> Iterator[Proxy]:
        """One more node on a tree that is there, behind a relay for the time of the block."""
        server = SshdServer.start(self.folder / f"sshd-{name}", authorized_keys=[self.key["public_key"]])
        self.servers.append(server)
        self.roots.append(root)
        relay = Proxy(server.port)
        try:
            self.register(name, root, server, credential=self.key["credential"]["id"], port=relay.port)
            yield relay
        finally:
            relay.close()

    def register(
        self, name: str, root: Path, server: Any, *, credential: int, port: int = 0, password: str = "", **fields: Any
    ) -> int:
        """Register a running server with a `port` and a `fingerprint`, which is approved in advance, and type the
        password of the credential where it is one. `fields`: those of the node that differ."""
        body = {
            "cluster": self.cluster,
            "name": name,
            "address": "127.0.0.1",
            "port": port or server.port,
            "platform": "posix",
            "role": "secondary" if self.node_ids else "primary",
            "install_root": str(root),
            "credential": credential,
            "host_key_fingerprint": server.fingerprint,
            **fields,
        }
        node = self.portal.ok("POST", "nodes/", body)["id"]
        if password:
            seen = {"address": "127.0.0.1", "port": body["port"], "fingerprint": server.fingerprint}
            self.portal.ok("POST", f"nodes/{node}/password/", {**seen, "password": password})
        self.node_ids.append(node)
        self.attest(node, "cluster_service", "off")
        if body["role"] == "secondary":
            self.portal.ok("POST", f"nodes/{node}/join", {"confirm_name": name, "accept": ["disk"]})
        return int(node)

    def attest(self, node: int, subject: str, value: str) -> None:
        """Say of a node, by its id, what the portal cannot see."""
        self.portal.ok("POST", f"nodes/{node}/attestations", {"subject": subject, "value": value})

    def build(
        self,
        *,
        nodes: int = 3,
        files: int = 500,
        secret: str = "",
        sftp_only: bool = False,
        name: str = "mail",
        watch: bool = False,
        **cluster: Any,
    ) -> None:
        """Register a cluster of nodes whose first is the primary, attest that their own cluster service is off, and
        resume the cluster. `watch`: whether the primary is watched; most stories request each job themselves.
        `cluster`: further fields of the cluster."""
        pair = self.make_cluster(name, watch=watch, **cluster)
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
        self.resume()

    def make_cluster(self, name: str, *, watch: bool = False, **cluster: Any) -> dict[str, Any]:
        """A cluster without nodes, still paused; answers its key pair."""
        body = {"name": name, "replication_mode": "portal", "profile": "mdaemon-story", **cluster}
        answer = self.portal.ok("POST", "clusters/", body)
        self.cluster = answer["id"]
        assert answer["paused"], "a new cluster starts paused"
        self.portal.ok("PUT", f"clusters/{self.cluster}/watch", {"enabled": watch})
        self.key = self.portal.ok(
            "POST", "credentials/key-pair/", {"cluster": self.cluster, "name": "portal", "username": "root"}
        )
        return self.key

    def resume(self) -> None:
        """Let the portal work on the cluster; a new one is paused."""
        if self.portal.ok("GET", f"clusters/{self.cluster}/")["paused"]:
            self.portal.ok("POST", f"clusters/{self.cluster}/resume/", {})

    def request(self, **body: Any) -> int:
        answer = self.portal.ok("POST", "jobs", {"kind": "replicate", "cluster": self.cluster, **body})
        return int(answer["id"])

    def job(self, number: int) -> dict[str, Any]:
        answer: dict[str, Any] = self.portal.ok("GET", f"jobs/{number}")
        return answer

    def wait_state(self, number: int, *states: str, seconds: float = PATIENCE) -> dict[str, Any]:
        def reached() -> dict[str, Any] | None:
            job = self.job(number) if self.portal.state_of(number) in states else None
            return job if job and job["state"] in states else None

        try:
            found: dict[str, Any] = wait_for(f"job {number} is {states}", reached, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.job(number)}\n{self.portal.logs()}") from None
        return found

    def approve(self, number: int) -> None:
        job = self.wait_state(number, "awaiting_approval")
        self.portal.ok("POST", f"jobs/{number}/approve", {"digest": job["plan_digest"]})

    def replicate(self, *, expect: str = "succeeded", seconds: float = PATIENCE) -> dict[str, Any]:
        """Request, approve where asked, wait for the end."""
        number = self.request()
        job = self.wait_state(number, "awaiting_approval", "converging", *ENDED, seconds=seconds)
        if job["state"] == "awaiting_approval":
            self.approve(number)
            job = self.wait_state(number, "converging", *ENDED, seconds=seconds)
        if job["state"] != expect:
            story = "\n".join([json.dumps(job, indent=1), *self.events(number), self.portal.logs()])
            pytest.fail(f"job {number} is {job['state']}, not {expect}\n{story}")
        return job

    def events(self, number: int) -> list[str]:
        return [event["text"] for event in self.portal.ok("GET", f"jobs/{number}/events?limit=200")["results"]]

    def target(self, job: dict[str, Any], node: int = 1) -> dict[str, Any]:
        """A job's part of one node, by the node's place on the stage."""
        found: dict[str, Any] = next(part for part in job["targets"] if part["node"] == self.node_ids[node])
        return found

    def wait_target(self, job: int, node: int, *states: str, seconds: float = PATIENCE) -> dict[str, Any]:
        """Wait for a state of one node's part."""

        def reached() -> dict[str, Any] | None:
            target = self.target(self.job(job), node)
            return target if target["state"] in states else None

        found: dict[str, Any] = wait_for(f"node {node} of job {job} is {states}", reached, seconds)
        return found

    def cancel_open_jobs(self) -> None:
        for job in self.portal.ok("GET", f"jobs?cluster={self.cluster}")["results"]:
            if job["state"] not in ENDED:
                # it may end by itself in this moment
                assert self.portal.call("POST", f"jobs/{job['id']}/cancel", {}).status in (200, 202, 409)
                self.wait_state(job["id"], "cancelled", "failed", "halted", "succeeded")

    def leave(self) -> None:
        """Have a portal that goes on forget how to log in to the nodes: it would ask for them till it ends."""
        self.portal.call("POST", f"clusters/{self.cluster}/pause/", {"reason": "its story is over"})
        with closing(sqlite3.connect(self.portal.database, timeout=PATIENCE)) as connection, connection:
            connection.execute("UPDATE nodes_node SET credential_id = NULL WHERE cluster_id = ?", [self.cluster])

    def close(self) -> None:
        if self.owns_portal:
            self.portal.stop()
        for server in self.servers:
            server.stop()


@pytest.fixture(scope="session")
def shared_portal() -> Iterator[Portal]:
    """One portal for all stories that do without a portal of their own: each takes a cluster of its own, and wakes it
    meanwhile (`new_cluster`)."""
    with started(Portal, prefix="cp-story-") as portal:
        portal.rest()
        yield portal


@contextmanager
def stages() -> Iterator[Callable[..., Stage]]:
    """Make stages; each ends with its processes, and its folder goes with it. `slow`: by production's numbers.
    `environment`: further variables of the portal's."""
    with ExitStack() as ended:

        def make(
            *,
            workers: int = 1,
            beats: int = 1,
            slow: bool = False,
            environment: Mapping[str, str] = MappingProxyType({}),
            **build: Any,
        ) -> Stage:
            folder = Path(tempfile.mkdtemp(prefix="cp-story-"))
            ended.callback(shutil.rmtree, folder, ignore_errors=True)
            stage = Stage(folder, Portal(folder / "data"))
            if slow:
                stage.portal.environment.clear()
            stage.portal.environment.update(environment)
            ended.callback(stage.close)
            stage.portal.start(workers=workers, beats=beats)
            stage.build(**build)
            return stage

        yield make


@pytest.fixture
def new_stage() -> Iterator[Callable[..., Stage]]:
    """Stages of one test."""
    with stages() as make:
        yield make


@pytest.fixture(scope="module")
def new_module_stage() -> Iterator[Callable[..., Stage]]:
    """Stages that all tests of a module share."""
    with stages() as make:
        yield make


@pytest.fixture
def new_cluster(shared_portal: Portal) -> Iterator[Any]:
    """Make clusters on the shared portal; no job of theirs goes on afterwards, and no worker may have met a fault
    that it had no words for."""
    made: list[Stage] = []
    shared_portal.wake()
    before = shared_portal.log_of("remote0")

    def make(*, build: bool = True, **settings: Any) -> Stage:
        folder = Path(tempfile.mkdtemp(prefix="cp-story-"))
        stage = Stage(folder, shared_portal, owns_portal=False)
        made.append(stage)
        if build:
            stage.build(**{"files": 40, "nodes": 2, "name": folder.name, "approval": "never", **settings})
        return stage

    try:
        yield make
        for stage in made:
            stage.cancel_open_jobs()
            stage.leave()
        written = shared_portal.log_of("remote0")[len(before) :]
        assert "Traceback" not in written, written
    finally:
        shared_portal.rest()
        for stage in made:
            stage.close()
            shutil.rmtree(stage.folder, ignore_errors=True)
