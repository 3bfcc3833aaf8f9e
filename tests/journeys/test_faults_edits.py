"""Somebody else works on a secondary too: people's edits, and a mail server that writes its own copies back."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tests.journeys.acting import Acting, taking_semaphores
from tests.journeys.trees import config_of

READ_CONFLICTS = """
from replication.configuration.models import Conflict
from replication.objects import default_store
for conflict in Conflict.objects.filter(node={node}).order_by("path"):
    print(conflict.path, default_store().get(conflict.content) if conflict.content else "deleted")
"""


def conflicts_kept(stage: Any, node: int = 1) -> list[str]:
    """Path and content of what is kept of a node's edits."""
    said: str = stage.portal.inside(READ_CONFLICTS.format(node=stage.node_ids[node]))
    return said.splitlines()


class WritingBack(Acting):
    """A mail server's stand-in that takes each semaphore and then writes its cached copy of a file back."""

    def __init__(self, app: Path, name: str, *, times: int) -> None:
        self.left = times
        self._path, self._app = app / name, app
        self._cached = self._path.read_bytes()
        super().__init__(self._serve)

    def _serve(self) -> None:
        for semaphore in self._app.glob("*.SEM"):
            semaphore.unlink()
            if self.left > 0 and self._path.read_bytes() != self._cached:
                self.left -= 1
                self._path.write_bytes(self._cached)


def test_edits_on_a_secondary_are_kept_and_overwritten(new_cluster: Any) -> None:
    stage = new_cluster()
    stage.replicate()
    theirs = stage.roots[1] / "App"
    (theirs / "list0001.grp").write_bytes(b"edited by hand")
    (theirs / "list0002.grp").unlink()
    (theirs / "mine alone.dat").write_bytes(b"only here")

    job = stage.replicate()

    evidence = stage.target(job)["evidence"]
    assert (evidence["conflicts"], evidence["extras"]) == (2, 1)
    rows = stage.portal.ok("GET", f"conflicts?cluster={stage.cluster}")["results"]
    assert {(row["path"], row["deleted"]) for row in rows} == {("App/list0001.grp", False), ("App/list0002.grp", True)}
    assert conflicts_kept(stage) == ["App/list0001.grp b'edited by hand'", "App/list0002.grp deleted"]
    assert (theirs / "mine alone.dat").read_bytes() == b"only here"
    found = config_of(stage.roots[1])
    del found["App/mine alone.dat"]
    assert found == config_of(stage.roots[0])


def test_a_server_that_was_put_back_to_an_older_state_was_not_edited(new_cluster: Any) -> None:
    """Its own backup was restored: what it holds is what replication gave before, but for one real edit."""
    stage = new_cluster(files=100)
    app, theirs = (root / "App" for root in stage.roots)
    ini = app / "MDaemon.ini"
    (app / "passing.dat").write_bytes(b"passing")
    stage.replicate()
    shutil.copytree(theirs, stage.folder / "backup")
    for number in range(24):
        (app / f"list{number:04}.grp").write_bytes(b"; changed\r\n")
    (app / "made since.dat").write_bytes(b"made since")
    (app / "passing.dat").unlink()
    ini.write_bytes(ini.read_bytes().replace(b"Shared=one", b"Shared=two"))
    stage.replicate()
    shutil.rmtree(theirs)
    shutil.copytree(stage.folder / "backup", theirs)
    (theirs / "list0030.grp").write_bytes(b"edited by hand")

    job = stage.replicate()

    assert conflicts_kept(stage) == ["App/list0030.grp b'edited by hand'"]
    assert stage.target(job)["evidence"]["conflicts"] == 1
    assert b"Shared=two" in (theirs / "MDaemon.ini").read_bytes()
    (theirs / "passing.dat").unlink()  # nobody proved that it is the portal's: left alone
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


NOT_PROVEN = """
from replication.configuration.models import Baseline, Snapshot
first, _ = Snapshot.objects.filter(cluster={cluster}).order_by("pk")[:2]
Baseline.objects.filter(node={node}).update(root={root!r}, snapshot=first)
"""
ROOT_OF = "from replication.configuration.models import Baseline; print(Baseline.objects.get(node={node}).root)"


def test_what_a_run_gave_that_never_came_to_its_proof_is_no_edit(new_cluster: Any) -> None:
    stage = new_cluster()
    app, node = stage.roots[0] / "App", stage.node_ids[1]
    (app / "comes and goes.dat").write_bytes(b"here")
    stage.replicate()
    proven = stage.portal.inside(ROOT_OF.format(node=node)).strip()
    (app / "list0001.grp").write_bytes(b"; given, not proven\r\n")
    (app / "comes and goes.dat").unlink()
    stage.replicate()
    text = NOT_PROVEN.format(cluster=stage.cluster, node=node, root=proven)
    stage.portal.inside(text)
    (app / "list0001.grp").write_bytes(b"; newer\r\n")
    (app / "comes and goes.dat").write_bytes(b"here again")

    stage.replicate()

    assert conflicts_kept(stage) == []
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def test_a_server_that_writes_its_copy_back_once_is_corrected(new_cluster: Any) -> None:
    stage = new_cluster()
    stage.replicate()
    (stage.roots[0] / "App" / "list0001.grp").write_bytes(b"; changed\r\n")

    with WritingBack(stage.roots[1] / "App", "list0001.grp", times=1) as server:
        job = stage.replicate()

    assert server.left == 0
    assert stage.target(job)["state"] == "verified"
    assert stage.target(job)["evidence"]["conflicts"] == 0
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def test_a_server_that_never_stops_writing_back_is_contended(new_cluster: Any) -> None:
    stage = new_cluster()
    stage.replicate()
    (stage.roots[0] / "App" / "list0001.grp").write_bytes(b"; changed\r\n")
    (stage.roots[0] / "App" / "list0002.grp").write_bytes(b"; changed\r\n")

    with WritingBack(stage.roots[1] / "App", "list0001.grp", times=1000):
        job = stage.replicate(expect="failed")

    target = stage.target(job)
    assert target["state"] == "contended"
    assert target["evidence"]["contended"] == ["App/list0001.grp"]
    assert "'App/list0001.grp'" in target["error"]
    assert (stage.roots[1] / "App" / "list0002.grp").read_bytes() == b"; changed\r\n"

    stage.replicate()
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])


def test_paused_semaphores_are_waited_for_and_then_dropped(new_cluster: Any) -> None:
    stage = new_cluster()
    with taking_semaphores(stage.roots[1], []):
        stage.replicate()
    (stage.roots[0] / "App" / "list0001.grp").write_bytes(b"; changed\r\n")
    lock = stage.roots[1] / "App" / "LOCKSEMS.SEM"
    lock.write_bytes(b"")
    taken: list[str] = []

    with taking_semaphores(stage.roots[1], taken):
        job = stage.replicate(expect="converging")
        target = stage.wait_target(job["id"], 1, "waiting")
        assert target["error_code"] == "semaphores_locked"
        assert "LOCKSEMS.SEM is present on mx1" in target["error"]
        assert taken == []
        lock.unlink()
        ended = stage.wait_state(job["id"], "succeeded")

    assert taken == ["GRPLIST.SEM"]
    assert stage.target(ended)["evidence"]["semaphores_taken"] == ["GRPLIST.SEM"]


def test_semaphores_that_nobody_takes_are_no_failure(new_cluster: Any) -> None:
    stage = new_cluster()

    job = stage.replicate()

    evidence = stage.target(job)["evidence"]
    assert set(evidence["semaphores"]) == {"GRPLIST.SEM", "RELOADCACHE.SEM", "USERLIST.SEM"}
    assert evidence["semaphores_taken"] == []
