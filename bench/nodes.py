"""The nodes that are measured with: an sshd each, a primary's tree, secondaries with a folder for the portal and one
for the peer, and somebody who takes semaphores as the mail server does."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.peer import Rsync
from bench.portal import PRODUCTS, BenchPortal
from bench.trees import Tree, make_primary, make_secondary
from nodes.products.loading import load_profile
from nodes.products.profile import Profile
from tests.deadlines import wait_for
from tests.journeys.acting import Acting
from tests.journeys.conftest import ENDED, Stage

PROFILE = "mdaemon-bench"

ANSWER = 0.1
"""Seconds that a semaphore lies before the stand-in takes it."""

TURN = 0.02
LONGEST = 3600.0
"""Seconds after which a job is given up."""

AT_REST = 0.5
"""Seconds that files are left alone before they are measured with: longer than the bench profile's stable time."""


class JobFailed(Exception):
    """A job did not succeed; the text is its own reason."""


@dataclass(frozen=True, slots=True)
class Done:
    """A job that succeeded: seconds from its request to the last node's proof, and its resource."""

    seconds: float
    job: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Size:
    """How much is measured with. `file_bytes`: on average; `seed`: of the contents; `alone`: without the peer."""

    nodes: int
    files: int
    file_bytes: int
    seed: int = 0
    alone: bool = False

    @property
    def needed(self) -> int:
        """Bytes of the file system in memory for all trees, in whole pages, the peer's too, and as much again of one
        tree for the portal."""
        pages = self.file_bytes // 4096 + 1
        return self.files * pages * 4096 * (self.nodes * (1 if self.alone else 2) + 2)


@dataclass(slots=True)
class Nodes:
    """A cluster on a portal, its primary's tree, and the peer on the same nodes."""

    stage: Stage
    portal: BenchPortal
    tree: Tree
    rsync: Rsync | None

    @property
    def ports(self) -> list[int]:
        """Where the nodes' servers listen."""
        return [server.port for server in self.stage.servers]

    def change(self, count: int, word: str) -> None:
        """Edit files on the primary, and let them come to rest."""
        self.tree.change(count, word)
        time.sleep(AT_REST)

    def replicate(self, **options: Any) -> Done:
        """Ask for a job and wait for its end. Raises JobFailed."""
        started = time.time()
        return self.until_proven(self.stage.request(options=options), started)

    def check_equal(self) -> None:
        """Let portal and peer go once more, and see that every node has the primary's files, but the ini file of its
        own. Raises JobFailed naming one that differs."""
        self.replicate()
        if self.rsync is not None:
            self.rsync.run()
        folders = [*self.stage.roots[1:], *(self.rsync.targets if self.rsync else ())]
        for path in self.tree.files[:-1]:
            if not _have(folders, path, self.tree.root):
                raise JobFailed(f"{path.relative_to(self.tree.root)} is not everywhere what the primary has")

    def job_after(self, number: int) -> int:
        """The first job that replicates the cluster after that one, 0 where there is none."""
        query = "SELECT min(id) FROM replication_job WHERE cluster_id = ? AND kind = 'replicate' AND id > ?"
        with self.portal.reading() as database:
            return database.execute(query, (self.stage.cluster, number)).fetchone()[0] or 0

    def all_have(self, path: Path) -> bool:
        """Whether every node has a file of the primary's as it is now."""
        return _have(self.stage.roots[1:], path, self.tree.root)

    def until_proven(self, number: int, started: float) -> Done:
        """Wait for a job's end; `started`: when the clock began, in seconds since 1970. Raises JobFailed."""
        with self.portal.reading() as database:

            def ended() -> bool:
                query = "SELECT state FROM replication_job WHERE id = ?"
                return database.execute(query, (number,)).fetchone()[0] in {*ENDED, "awaiting_approval"}

            wait_for(f"job {number} ends", ended, LONGEST)
        job = self.stage.job(number)
        if job["state"] != "succeeded" or any(target["state"] != "verified" for target in job["targets"]):
            errors = {target["error"] for target in job["targets"]} | {job["error"]}
            why = "; ".join(filter(None, sorted(errors)))
            raise JobFailed(f"job {number} is {job['state']}: {why}\n{self.portal.log_of('up')[-3000:]}")
        ends = [target["ended_at"] for target in job["targets"]] or [job["ended_at"]]
        return Done(max(map(_moment, ends)) - started, job)


@contextmanager
def made_nodes(portal: BenchPortal, folder: Path, size: Size, **cluster: Any) -> Iterator[Nodes]:
    """A cluster of a primary and `size.nodes` secondaries, registered and joined through REST. `cluster`: `sftp_only`,
    `profile`, `watch`."""
    sftp_only = cluster.pop("sftp_only", False)
    with ExitStack() as ended:
        ended.callback(shutil.rmtree, folder, ignore_errors=True)
        stage = Stage(folder, portal, owns_portal=False)
        ended.callback(stage.close)
        tree = make_primary(folder / "primary", size.files, size.file_bytes, size.seed)
        roots = [folder / f"node{number}" / "portal" for number in range(1, size.nodes + 1)]
        stage.make_cluster(folder.name, **{"profile": PROFILE, "approval": "never", **cluster})
        key = {"public_key": stage.key["public_key"], "credential": stage.key["credential"]["id"]}
        for name, root in [("primary", tree.root), *((root.parent.name, root) for root in roots)]:
            if root != tree.root:
                make_secondary(root, name)
            stage.add_node(name, root, **key, sftp_only=sftp_only and root != tree.root)
        ended.enter_context(taking_semaphores([root / "App" for root in roots]))
        stage.resume()
        _read_facts(portal, stage.node_ids)
        peer = (
            None if size.alone or sftp_only else Rsync(tree.root, folder / "rsync", stage.servers[1:], _beside(roots))
        )
        time.sleep(2 * AT_REST)
        yield Nodes(stage, portal, tree, peer)


def _read_facts(portal: BenchPortal, nodes: Sequence[int]) -> None:
    """Have every node asked what it is, as a minute does that a portal has had before it is used: the first job would
    else run by a profile without the folders that the primary names."""
    for node in nodes:
        portal.ok("POST", f"nodes/{node}/facts/refresh/", {})
    with portal.reading() as database:
        query = "SELECT count(*) FROM nodes_nodefacts WHERE read_at > '1971'"
        wait_for("all facts are read", lambda: database.execute(query).fetchone()[0] >= len(nodes))


def _beside(roots: Iterable[Path]) -> list[Path]:
    targets = [root.with_name("rsync") for root in roots]
    for target in targets:
        target.mkdir()
    return targets


def _have(folders: Sequence[Path], path: Path, root: Path) -> bool:
    wanted, place = path.read_bytes(), path.relative_to(root)
    return all((folder / place).is_file() and (folder / place).read_bytes() == wanted for folder in folders)


def bench_profile() -> Profile:
    """What the measured clusters go by."""
    return load_profile(PROFILE, str(PRODUCTS))


def taking_semaphores(folders: Iterable[Path]) -> Acting:
    """The stand-in for all mail servers: it looks for the profile's semaphores by name, which costs next to nothing
    however many files there are beside them."""
    profile = bench_profile()
    names = {rule.ruling.semaphore for rule in profile.rules} | {profile.fallback_semaphore}
    paths = [folder / name for folder in folders for name in names if name]

    def turn() -> None:
        for path in paths:
            try:
                lain = time.time() - path.stat().st_mtime
            except FileNotFoundError:
                continue
            if lain >= ANSWER:
                path.unlink(missing_ok=True)

    return Acting(turn, pause=TURN)


def _moment(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
