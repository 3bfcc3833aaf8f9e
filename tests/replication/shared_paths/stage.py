"""A cluster whose nodes are in memory, and the share that they mount."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from accounts.principals import SYSTEM
from nodes.clusters.models import Cluster
from nodes.command import CommandResult
from nodes.connection.connect import NodeLink
from nodes.errors import Unreachable
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.registry.models import Node
from nodes.shares.models import MountPoint, ShareCell, SharedPaths
from replication.jobs.driving import drive
from replication.jobs.models import Job
from replication.jobs.planning import plan_job
from replication.jobs.services.requests import JobRequest, request_job
from replication.shared_paths.test_job import node_test, peers
from tests.factories import make_cluster, make_node
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession

SHARE = r"\\nas\mail"
MOUNT = "/mnt/mail"
FOLDERS = ("Users", "Public Folders", "LockFiles", "PEM", "Archives", "Digests", "Gateways")
USERS = f"{MOUNT}/Users"

Twist = Callable[..., Any]


@dataclass
class Twisted(FakeSession):
    """A session of which some verbs are other than usual: `twists` are called in place of them, with the usual one."""

    disk: FakeDisk
    twists: dict[str, Twist] = field(default_factory=dict)
    mounted: str = ""

    def __post_init__(self) -> None:
        super().__init__(self.disk, self._df)

    def _df(self, _line: str, _stdin: bytes) -> CommandResult:
        """What the system says of the folder where the share should be."""
        source, point = (self.mounted, MOUNT) if self.mounted else ("/dev/sda1", "/")
        return CommandResult(
            0, f"Filesystem 1024-blocks Used Available Capacity Mounted on\n{source} 9 1 8 12% {point}\n".encode(), b""
        )

    def __getattribute__(self, name: str) -> Any:
        usual = super().__getattribute__(name)
        twist = None if name.startswith("_") else super().__getattribute__("__dict__").get("twists", {}).get(name)
        if twist is None:
            return usual

        def twisted(*args: Any, **words: Any) -> Any:
            self._alive()
            return twist(usual, *args, **words)

        return twisted


def failing(error: Exception, *, on: str = "") -> Twist:
    """A verb that fails where a path ends so."""

    def twist(usual: Twist, path: str, *args: Any, **words: Any) -> Any:
        if str(path).endswith(on):
            raise error
        return usual(path, *args, **words)

    return twist


@dataclass
class Stage:
    """`disks`: each node's, by name; all have the share's at first. `away`: who does not answer. `elsewhere`: who
    mounts another share. `opened`: who was asked, in order."""

    cluster: Cluster
    share: FakeDisk
    nodes: dict[str, Node] = field(default_factory=dict)
    disks: dict[str, FakeDisk] = field(default_factory=dict)
    twists: dict[str, dict[str, Twist]] = field(default_factory=dict)
    away: set[str] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    opened: list[str] = field(default_factory=list)

    def add(self, name: str, *, mount: str = MOUNT, **fields: Any) -> Node:
        """A node that mounts the share, where `mount` says so."""
        node = make_node(self.cluster, name, **fields)
        self.nodes[name], self.disks[name], self.twists[name] = node, self.share, {}
        if mount:
            MountPoint.objects.create(node=node, share=SHARE, folder=mount)
        return node

    def local(self, name: str, *folders: str) -> None:
        """A node has a disk of its own where the share should be."""
        self.disks[name] = FakeDisk(capacity=2**30)
        self.disks[name].put_folder("/opt/mail")
        for folder in folders:
            self.disks[name].put_folder(folder)

    @contextmanager
    def open_node(self, node: Node, *_: Any, **__: Any) -> Iterator[NodeLink]:
        """In place of the door."""
        self.opened.append(node.name)
        if node.name in self.away:
            raise Unreachable("no route")
        disk = self.disks[node.name]
        mounted = "//nas/mail" if disk is self.share or node.name in self.elsewhere else ""
        session = Twisted(disk, self.twists[node.name], mounted)
        platform = platform_named(node.platform)
        yield NodeLink(session, platform, "/opt/mail", Capabilities(), node.pk, node.name)

    def request(self, **options: Any) -> Job:
        return request_job(SYSTEM, JobRequest(self.cluster.pk, "share_test", **options))[0]

    def run(self, **options: Any) -> Job:
        """A test, to its end."""
        job = self.request(**options)
        assert plan_job(job.pk)
        drive()
        return Job.objects.get(pk=job.pk)

    def cells(self, name: str) -> dict[str, ShareCell]:
        return {cell.role: cell for cell in ShareCell.objects.filter(node=self.nodes[name])}

    def states(self, name: str) -> set[tuple[str, str]]:
        return {(cell.state, cell.reason) for cell in self.cells(name).values()}

    def left(self) -> list[str]:
        """Temporary files on any disk."""
        return sorted({path for disk in self.disks.values() for path in disk.names if ".cp~" in path})


def make_stage(names: Sequence[str] = "abc") -> Stage:
    """A cluster with all folders on one common share."""
    stage = Stage(make_cluster("mail"), FakeDisk(capacity=2**40))
    stage.share.put_folder("/opt/mail")
    for folder in FOLDERS:
        stage.share.put_folder(f"{MOUNT}/{folder}")
    SharedPaths.objects.create(cluster=stage.cluster, mode="common", common=SHARE)
    for name in names:
        stage.add(name, role="primary" if name == names[0] else "secondary")
    return stage


def use(stage: Stage, monkeypatch: Any) -> None:
    """Let the kind reach the stage's nodes."""
    for module in (node_test, peers):
        monkeypatch.setattr(module, "open_node", stage.open_node)
