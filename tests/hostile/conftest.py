"""Hostile servers that end with the test, and nodes behind them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings as real

from accounts.principals import Principal
from clusterportal.env import Portal
from nodes.clusters.models import Cluster
from nodes.connection.connect import PROBES
from nodes.credentials.services import Login, PrivateKey, store_key
from nodes.registry.models import Node
from nodes.registry.services.nodes import NewNode, register_node
from nodes.remote import sftp
from nodes.remote.pool import close_all
from nodes.remote.ssh import SshSession
from tests.deadlines import PATIENCE
from tests.hostile.server import HostileServer
from tests.nodes.conftest import boss, mail_root
from tests.nodes.remote.conftest import cleanup, folder, session

__all__ = ["boss", "cleanup", "folder", "mail_root", "session"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileServer]:
    """One for all tests of a module, which turn it and turn it back."""
    server = HostileServer(tmp_path_factory.mktemp("hostile") / "sshd")
    yield server
    close_all()
    server.stop()


@pytest.fixture(scope="module")
def hostile_files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileServer]:
    """The same, running no commands."""
    server = HostileServer(tmp_path_factory.mktemp("hostile") / "sshd", only_files=True)
    yield server
    close_all()
    server.stop()


def registered(server: HostileServer, cluster: Cluster, boss: Principal, root: Path, **fields: str) -> Node:
    """A node behind a server, its host key approved and the portal's key let in."""
    login = Login(cluster_id=cluster.pk, name=f"key{server.server.port}", username=server.server.username)
    stored = store_key(boss, login=login, key=PrivateKey(server.server.login_key.private))
    values = {"name": f"node{server.server.port}", "platform": "posix", "role": "primary", **fields}
    new = NewNode(
        cluster_id=cluster.pk,
        address="127.0.0.1",
        port=server.server.port,
        install_root=str(root),
        credential_id=stored.pk,
        host_key_fingerprint=server.server.fingerprint,
        **values,
    )
    PROBES.forget()
    return register_node(boss, new=new)


@pytest.fixture
def node(hostile: HostileServer, cluster: Cluster, boss: Principal, mail_root: Path) -> Node:
    """The hostile server's."""
    return registered(hostile, cluster, boss, mail_root)


@pytest.fixture
def narrow() -> Portal:
    """Limits that are soon broken by who goes on and on, however long a busy machine takes."""
    return replace(
        real.PORTAL,
        command=PATIENCE,
        question=PATIENCE,
        listing_names=2_000,
        slowest=1000.0,
        behind=1.0,
        silence=60.0,
    )


@pytest.fixture
def tight(narrow: Portal, monkeypatch: pytest.MonkeyPatch) -> Portal:
    """The same with little patience. For a server that gets nowhere: any other on a busy machine may need longer."""
    monkeypatch.setattr(sftp, "ANSWER_WORTH", 0.02)
    usual = SshSession.__init__.__kwdefaults__
    assert usual
    monkeypatch.setitem(usual, "patience", 1.0)
    return replace(narrow, command=1.0, question=0.5)
