"""How the shares of a cluster are reached: by mount points of nodes, by the portal's logins. What is wanted and not
there stands among them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import urlencode

from nodes.clusters.models import Cluster
from nodes.enums import PlatformName
from nodes.platforms.unc import UncPath
from nodes.registry.models import Node
from nodes.shares.models import FileServerLogin, MountPoint


@dataclass(frozen=True, slots=True)
class MountShown:
    """Where a node mounts a share. `pk` None: nobody said. `wanted`: shared folders lie there."""

    node: int
    name: str
    share: UncPath
    folder: str
    pk: int | None
    wanted: bool

    @property
    def query(self) -> str:
        """What a form of it begins with, behind its address."""
        return "?" + urlencode({"share": str(self.share), "folder": self.folder})

    @property
    def spoken(self) -> str:
        """Which one it is, for those who hear a page."""
        return f"{self.share} on {self.name}"


@dataclass(frozen=True, slots=True)
class LoginShown:
    """How the portal logs in to a file server. `pk` None: nobody said. `wanted`: shared folders lie there."""

    server: str
    port: int | None
    username: str
    pk: int | None
    wanted: bool

    @property
    def query(self) -> str:
        """What a form of it begins with, behind its address."""
        return "?" + urlencode({"server": self.server})


def mounts_shown(cluster: Cluster, paths: Iterable[UncPath]) -> tuple[MountShown, ...]:
    """A line for each node without UNC paths and each share that it has, or wants: `paths` are the folders'. Two
    queries."""
    wanted = list(dict.fromkeys(path.root for path in paths))
    nodes = Node.objects.filter(cluster=cluster, platform=PlatformName.POSIX).values_list("pk", "name")
    said: dict[int, list[MountPoint]] = {}
    for row in MountPoint.objects.filter(node__cluster=cluster):
        said.setdefault(row.node_id, []).append(row)
    return tuple(line for pk, name in nodes for line in _mounts(pk, name, said.get(pk, []), wanted))


def _mounts(node: int, name: str, said: Iterable[MountPoint], wanted: list[UncPath]) -> Iterator[MountShown]:
    rows = {UncPath.parse(row.share): row for row in said}
    for share in [*wanted, *(share for share in rows if share not in wanted)]:
        row = rows.get(share)
        yield MountShown(node, name, share, row.folder if row else "", row.pk if row else None, share in wanted)


def logins_shown(cluster: Cluster, paths: Iterable[UncPath]) -> tuple[LoginShown, ...]:
    """A line for each file server that has a login, or wants one. One query."""
    wanted = dict.fromkeys(path.server.casefold() for path in paths)
    rows = {row.server: row for row in FileServerLogin.objects.filter(cluster=cluster).defer("password")}
    servers = [*wanted, *(server for server in rows if server not in wanted)]
    return tuple(_login(server, rows.get(server), wanted=server in wanted) for server in servers)


def _login(server: str, row: FileServerLogin | None, *, wanted: bool) -> LoginShown:
    if row is None:
        return LoginShown(server, None, "", None, wanted)
    return LoginShown(server, row.port, row.username, row.pk, wanted)
