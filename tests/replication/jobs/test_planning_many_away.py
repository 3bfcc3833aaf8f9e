"""Planning with many nodes away takes long, and says all the while that it is alive."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from nodes.clusters.models import Cluster
from nodes.errors import Unreachable
from nodes.products.loading import load_profile
from nodes.registry.models import Node
from replication.configuration.job import planning
from replication.configuration.job.desired import Decisions
from replication.configuration.job.looking import NodeJob
from replication.configuration.job.planning import _Left, _Same, plan_nodes
from replication.configuration.job.source import Source
from replication.files.core.changes import Change, ChangeKind, Wanted
from replication.files.core.manifest import Manifest
from replication.files.core.paths import RelPath
from replication.objects import default_store
from tests.deadlines import PATIENCE
from tests.factories import make_node


class Signs:
    """A guard that counts the signs of life."""

    def __init__(self) -> None:
        self.count = 0

    def check(self) -> None:
        self.count += 1

    def progress(self, **_: object) -> None:
        self.count += 1

    def event(self, *_: object) -> None:
        return None

    def boundary(self, _: str) -> None:
        self.count += 1


@pytest.mark.django_db(transaction=True)
def test_every_node_that_is_away_is_a_sign_of_life(cluster: Cluster) -> None:
    nodes = [make_node(cluster, f"mx{number}", role="secondary") for number in range(20)]
    jobs, guard = [NodeJob(node, None, Decisions({}, {})) for node in nodes], Signs()

    planned = plan_nodes(jobs, Source("", Manifest(), load_profile("mdaemon")), default_store(), guard)

    assert all(part.plan.away for part in planned)
    assert guard.count >= len(nodes)


@pytest.mark.django_db(transaction=True)
def test_nodes_that_do_not_answer_wait_in_nobodys_place(cluster: Cluster, settings, monkeypatch) -> None:
    """More hang while they are connected to than are planned at once; all others are planned meanwhile."""
    settings.PORTAL = replace(settings.PORTAL, target_workers=2)
    hung = [make_node(cluster, f"hung{number}", role="secondary") for number in range(5)]
    others = [make_node(cluster, f"mx{number}", role="secondary") for number in range(5)]
    planned_all, seen = threading.Event(), list[str]()

    @contextmanager
    def opened(node: Node, door: object) -> Iterator[None]:
        if node in hung:
            assert planned_all.wait(PATIENCE)
            raise Unreachable
        yield

    def planned(node: Node, *_: object) -> None:
        seen.append(node.name)
        if len(seen) == len(others):
            planned_all.set()
        raise Unreachable

    monkeypatch.setattr(planning, "open_node", opened)
    monkeypatch.setattr(planning, "freshen", planned)
    jobs = [NodeJob(node, None, Decisions({}, {})) for node in [*hung, *others]]

    plan_nodes(jobs, Source("", Manifest(), load_profile("mdaemon")), default_store(), Signs())

    assert sorted(seen) == [node.name for node in others]


def test_nodes_with_the_same_changes_share_one_list() -> None:
    def additions(*names: str) -> tuple[Change, ...]:
        wanted = Wanted("0" * 64, 1, 0)
        return tuple(Change(ChangeKind.ADD, RelPath(name), wanted, None) for name in names)

    same = _Same()
    first, other = same.as_known(additions("a", "b")), same.as_known(additions("a", "c"))
    assert same.as_known(additions("a", "b")) is first
    assert same.as_known(additions("a", "c")) is other
    assert other == additions("a", "c") != first


def test_a_job_says_which_nodes_it_waits_for() -> None:
    left = _Left(f"mx{number}" for number in range(6))
    assert left.without("mx1") == "comparing; 5 nodes left: mx0, mx2, mx3"
    assert [left.without(f"mx{number}") for number in (0, 3, 4, 5)][-1] == "comparing; 1 node left: mx2"
    assert left.without("mx2") == "comparing"
