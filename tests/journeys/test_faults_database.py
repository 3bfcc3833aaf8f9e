"""A worker that is cut off from the database, but not from its nodes."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from tests.journeys.acting import Eye, has_staged, sha256, until
from tests.journeys.portal import FAST
from tests.journeys.trees import config_of, hashes, make_tree
from tests.proxy import Proxy
from tests.sshd import SshdServer

BIG = b"0123456789abcdef" * (50 * 1024 * 1024 // 16)
LEASE_IS_OVER = float(FAST["CLUSTERPORTAL_LEASE"]) + float(FAST["CLUSTERPORTAL_OPERATION"])


@contextmanager
def nobody_writes(database: Path) -> Iterator[None]:
    with closing(sqlite3.connect(database, timeout=10, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def wait_until_quiet(relay: Proxy) -> None:
    """Until nothing passed for half a second."""
    last = [relay.relayed, time.monotonic()]

    def quiet() -> bool:
        if relay.relayed != last[0]:
            last[:] = relay.relayed, time.monotonic()
        return time.monotonic() - last[1] > 0.5

    until("the worker gave up", quiet)


def real_names(root: Path) -> dict[str, str]:
    return {path: digest for path, digest in hashes(root).items() if ".cp~" not in path}


def test_a_worker_without_its_database_stops_before_its_lease_ends(new_cluster: Any) -> None:
    stage = new_cluster(nodes=1)
    root = stage.folder / "node1" / "MDaemon"
    make_tree(root, "mx1", primary=False)
    server = SshdServer.start(stage.folder / "sshd-mx1", authorized_keys=[stage.key["public_key"]])
    stage.servers.append(server)
    stage.roots.append(root)
    relay = Proxy(server.port)
    try:
        stage.register("mx1", root, server, credential=stage.key["credential"]["id"], port=relay.port)
        (stage.roots[0] / "App" / "big.dat").write_bytes(b"old")
        stage.replicate()
        (stage.roots[0] / "App" / "big.dat").write_bytes(BIG)
        (stage.roots[0] / "App" / "list0001.grp").write_bytes(b"; changed\r\n")
        eye = Eye(root / "App" / "big.dat")

        with eye.watching():
            job = stage.request()
            until("staging began", lambda: has_staged(root, 100_000))
            with nobody_writes(stage.portal.data / "portal.sqlite3"):
                relay.freeze()
                before = real_names(root)
                time.sleep(LEASE_IS_OVER + 0.5)  # what is tested is that this time passes
                relay.thaw()
                wait_until_quiet(relay)
                assert real_names(root) == before
            ended = stage.wait_state(job, "succeeded")
    finally:
        relay.close()

    assert stage.target(ended)["attempt"] >= 2
    assert "this worker leaves it" in stage.portal.log_of("remote0")
    assert eye.absent == 0
    assert eye.seen == [sha256(b"old"), sha256(BIG)]
    assert config_of(root) == config_of(stage.roots[0])
    assert not list(root.rglob(".cp~*"))
