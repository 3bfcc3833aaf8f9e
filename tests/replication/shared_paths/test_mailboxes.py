"""The longest account's name, by what the primary's last snapshot holds, counts where the mail folders are set."""

from __future__ import annotations

import pytest

from nodes.enums import NodeRole
from replication.configuration.models import Snapshot
from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath
from replication.files.core.tree import build
from replication.objects import default_store
from replication.shared_paths.selectors.mailboxes import longest_mailbox
from tests.factories import make_node

ACCOUNT = b"example.com".ljust(45) + b"a.rather.long.mailbox".ljust(30) + b"\r\n"
SIZE = len(b"example.com\\a.rather.long.mailbox")


def snapshot(cluster, path: str, content: bytes) -> None:
    store = default_store()
    state = FileState(len(content), 0, store.put(content, secret=True))
    tree = build(Manifest({RelPath(path): state}))
    for folder in tree.objects.values():
        store.put(folder)
    node = cluster.nodes.first() or make_node(cluster, role=NodeRole.PRIMARY)
    Snapshot.objects.create(cluster=cluster, node=node, root=tree.root, files=1, bytes=1)


@pytest.mark.parametrize("path", ["App/Userlist.dat", "App/USERLIST.DAT"])
def test_the_newest_snapshot_tells(cluster, path):
    assert longest_mailbox(cluster) == 0
    snapshot(cluster, path, ACCOUNT)
    assert longest_mailbox(cluster) == SIZE
    assert longest_mailbox(cluster) == SIZE
    snapshot(cluster, "App/Other.dat", ACCOUNT)
    assert longest_mailbox(cluster) == 0


def test_a_list_that_is_not_there_any_more_is_not_known(cluster):
    Snapshot.objects.create(
        cluster=cluster, node=make_node(cluster, role=NodeRole.PRIMARY), root="0" * 64, files=1, bytes=1
    )
    assert longest_mailbox(cluster) == 0


def test_a_path_that_leaves_no_room_for_it_is_refused_by_page_and_rest(cluster, administrator, console_for, api_for):
    body = {"mode": "common", "common": r"\\a-file-server.example.com\mail-of-everybody\mail"}
    paths = f"clusters/{cluster.pk}/shared-paths"
    assert api_for(administrator).patch(f"/api/v1/{paths}", body, format="json").status_code == 200
    snapshot(cluster, "App/Userlist.dat", ACCOUNT)
    told = f"longest account&#x27;s {SIZE}"
    for page in ("preview", "save"):
        answer = console_for(administrator).post(f"/{paths}/{page}/", body | {"seen_version": 2})
        assert told in answer.content.decode()
    refused = api_for(administrator).patch(f"/api/v1/{paths}", body, format="json")
    assert [error["field"] for error in refused.json()["errors"]] == ["common"]
