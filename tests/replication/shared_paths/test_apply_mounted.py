"""Whether folders would come to lie on their share, by what a node says of its volumes."""

from __future__ import annotations

import pytest
from django.utils import timezone

from nodes.command import CommandResult
from nodes.connection.connect import NodeLink
from nodes.enums import CellState
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.registry.models import Node
from nodes.shares.models import MountPoint, ShareCell
from replication.shared_paths.mounted import not_mounted_there
from tests.factories import make_cluster, make_node
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession

SHARE = "\\\\files\\mail"
DISK, NFS, OTHER = "/dev/sda1 5 1 4 20% /", "files:/export 5 1 4 20% /mnt/mail", "old:/export 5 1 4 20% /mnt/mail"
ON_DISK, ON_NFS = "/dev/sda1 at /", "files:/export at /mnt/mail"


@pytest.fixture
def node(db: None) -> Node:
    made = make_node(make_cluster("mail"), "mx1")
    MountPoint.objects.create(node=made, share=SHARE, folder="/mnt/mail/")
    return made


def link_to(node: Node, df: str | None, platform: str = "posix") -> NodeLink:
    """To a node that answers every command so; None: it runs none."""
    answer = CommandResult(0, f"head\n{df}\n".encode(), b"")
    session = FakeSession(FakeDisk(), None if df is None else lambda line, stdin: answer)
    return NodeLink(session, platform_named(platform), "/srv/md", Capabilities(), node.pk, node.name)


def proven(node: Node, volume: str, path: str = f"{SHARE}\\Users", state: str = CellState.OK) -> None:
    said = {"cluster": node.cluster, "tested_at": timezone.now(), "job_number": 1}
    ShareCell.objects.create(node=node, role=volume, path=path, state=state, volume=volume, **said)


def refusals(node: Node, df: str | None, folder: str = "/mnt/mail/Users", platform: str = "posix") -> list[str]:
    return [one.text for one in not_mounted_there(link_to(node, df, platform), node, [folder])]


def test_a_share_that_is_mounted_needs_no_test_and_what_looks_local_needs_one(node: Node) -> None:
    assert refusals(node, NFS) == []
    assert "Nothing is mounted at /mnt/mail: it lies on /dev/sda1" in refusals(node, DISK)[0]
    proven(node, ON_DISK, state=CellState.FAILED)
    proven(node, "/dev/sda1 at / ", path="\\\\files\\other\\Users")
    assert len(refusals(node, DISK)) == 1, "neither a failed test nor one of another share proves it"
    ShareCell.objects.filter(volume=ON_DISK).update(state=CellState.OK)
    assert refusals(node, DISK) == []


@pytest.mark.parametrize("now", [DISK, OTHER])
def test_what_lies_elsewhere_than_when_it_was_tested_is_refused(node: Node, now: str) -> None:
    proven(node, ON_NFS)
    assert refusals(node, NFS) == []
    text = refusals(node, now)[0]
    assert text.startswith(f"mx1 has {SHARE} on ") and f"had it on {ON_NFS} when it was tested" in text


def test_nothing_is_said_of_other_folders_of_who_cannot_be_asked_and_of_windows(node: Node) -> None:
    proven(node, ON_NFS)
    assert refusals(node, DISK, folder="/mnt/mailbox/Users") == []
    assert refusals(node, None) == []
    assert refusals(node, "nonsense") == []
    assert refusals(node, DISK, platform="windows") == []
