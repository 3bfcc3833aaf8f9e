"""Nodes that hold nothing are compared once, and each is told what it would have been told alone."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from typing import Any

import pytest

from nodes.clusters.models import Cluster
from nodes.connection.connect import NodeLink
from nodes.enums import NodeRole
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.products.ini_render import IniKey
from nodes.products.loading import load_profile
from replication.configuration.job import comparing, desired
from replication.configuration.job.comparing import Alike
from replication.configuration.job.desired import Decisions, Rendering, desired_files
from replication.configuration.job.looking import Look, NodeJob, NodeScan
from replication.configuration.job.source import Source
from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath
from tests.factories import make_node
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession
from tests.fakes.store import FakeStore
from tests.replication.files.rounds import ROOT, Interrupting

PROFILE = load_profile("mdaemon").with_overrides((("App/**", "config"),))
INI = "App/MDaemon.ini"
FILES = {INI: b"[Domain]\r\nName=one\r\n", "App/one.grp": b"one", "App/ext:2.dat": b"two", "App/gone.dat": b"three"}
NONE = Decisions({}, {})
KEEPS = Decisions({INI: {IniKey("Domain", "Name")}}, {})


class Nodes:
    """Nodes that are looked at in one job."""

    def __init__(self, cluster: Cluster) -> None:
        self.cluster, self.shared = cluster, Alike()
        self.store: Any = FakeStore()
        states = {RelPath(path): FileState(len(data), 10**18, self.store.put(data)) for path, data in FILES.items()}
        del self.store.contents[states[RelPath("App/gone.dat")].sha256]
        self.source = Source("", Manifest(files=states), PROFILE)

    def look(self, there: Mapping[str, Any] = {}, decisions: Decisions = NONE, platform: str = "posix") -> NodeScan:
        """At a new one that holds files (None: a folder); it is told the same as if it had been looked at alone."""
        disk = FakeDisk()
        disk.put_folder(ROOT)
        for path, content in there.items():
            if content is None:
                disk.put_folder(f"{ROOT}/{path}")
            else:
                disk.put(f"{ROOT}/{path}", content)
        node = make_node(self.cluster, role=NodeRole.SECONDARY, platform=platform)
        link = NodeLink(FakeSession(disk), platform_named(platform), ROOT, Capabilities(), node.pk, node.name)
        job, guard = NodeJob(node, None, decisions), Interrupting("", RuntimeError("never"))
        seen = Look(link, job, self.source, self.store, guard, self.shared).first()
        alone = Look(link, job, self.source, self.store, guard).first()
        assert seen == alone
        return seen


@pytest.mark.django_db
def test_nodes_that_hold_nothing_share_what_they_are_given(cluster: Cluster) -> None:
    nodes = Nodes(cluster)
    first, other = nodes.look(), nodes.look()
    assert sorted(change.path for change in first.changes) == ["App/MDaemon.ini", "App/ext:2.dat", "App/one.grp"]
    assert [problem.code for problem in first.problems] == ["content_lost"]
    assert (first.changes, first.desired, first.problems) == (other.changes, other.desired, other.problems)
    assert first.changes is other.changes
    assert first.desired is other.desired


@pytest.mark.django_db
def test_nodes_that_differ_are_given_what_is_theirs(cluster: Cluster) -> None:
    nodes = Nodes(cluster)
    usual = nodes.look({"App": None})
    keeping, folding = nodes.look({"App": None}, KEEPS), nodes.look({"App": None}, platform="windows")
    assert [key.key for key in keeping.desired.kept] == ["Name"]
    assert usual.desired.kept == ()
    assert "bad_name" in {problem.code for problem in folding.problems}
    assert nodes.look({"App/one.grp": None}).changes != usual.changes
    assert nodes.look({"App/one.grp": b"else"}).changes != usual.changes
    assert nodes.look({"App/only/there.dat": b"else"}).extras == ("App/only/there.dat",)
    assert nodes.look({"App": None}).changes is usual.changes


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("own", "why"),
    [
        (b"[A]\nx=1\ny=2\nz=3\n", "keys differ from the primary's, and 2 is the most"),
        (b"[A]\n" + b"k" * 201 + b"=1\n", "longer name than any key"),
        (b"[" + b"s" * 201 + b"]\nx=1\n", "longer name than any key"),
        (b"[A]\n" + ("\u0390" * 180).encode() + b"=1\n", "longer name than any key"),  # folds to 3 characters
    ],
)
def test_keys_that_no_table_could_hold_leave_the_node_its_file(
    cluster: Cluster, monkeypatch: Any, own: bytes, why: str
) -> None:
    nodes = Nodes(cluster)
    monkeypatch.setattr(desired, "MAX_DIFFERING", 2)
    path = "App/MDaemon.ini"
    seen = nodes.look({path: own})
    assert [why in problem.detail for problem in seen.problems if problem.path == path] == [True]
    assert path not in [change.path for change in seen.changes]
    assert seen.desired.differing == {}


@pytest.mark.django_db
def test_what_is_shared_is_worked_out_once_however_many_ask_at_once(cluster: Cluster, monkeypatch: Any) -> None:
    nodes, worked_out = Nodes(cluster), []
    first = nodes.look()
    arrived = threading.Barrier(5)

    def counted(rendering: Any) -> Any:
        worked_out.append(rendering)
        time.sleep(0.1)  # long enough for the others to come by
        return desired_files(rendering)

    monkeypatch.setattr(comparing, "desired_files", counted)
    link = NodeLink(FakeSession(FakeDisk()), platform_named("posix"), ROOT, Capabilities(), 1, "mx")
    rendering = Rendering(
        link, PROFILE, nodes.store, nodes.source.manifest, nodes.source.wanted, Manifest(), None, NONE
    )
    shared, found = Alike(), []

    def ask() -> None:
        arrived.wait()
        found.append(shared.compared(rendering, first.scan, blocked=(), folders=()))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(worked_out) == 1
    assert all(one is found[0] for one in found)
