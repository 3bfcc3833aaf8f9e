"""What tests of this room share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from accounts.models import Role, User
from accounts.principals import Principal
from nodes.clusters.models import Cluster
from nodes.connection.connect import PROBES
from nodes.credentials.services import Login, PrivateKey, store_key
from nodes.registry.models import Node
from nodes.registry.services.nodes import NewNode, register_node
from nodes.remote.pool import close_all
from tests.factories import make_member
from tests.sshd import SshdServer

MDAEMON_INI = b"[Domain]\r\nDomain=example.com\r\n\r\n[Special]\r\nVersion=26.0.3\r\n"


@pytest.fixture
def boss(administrator: User) -> Principal:
    """An administrator of the whole portal."""
    return Principal(user=administrator, via="console", remote_address="127.0.0.1")


@pytest.fixture
def watcher(viewer: User) -> Principal:
    """Sees `cluster` only."""
    return Principal(user=viewer, via="console")


@pytest.fixture
def hand(operator: User) -> Principal:
    """Operates `cluster` only."""
    return Principal(user=operator, via="console")


@pytest.fixture
def keeper(cluster: Cluster) -> Principal:
    """Administers `cluster` only."""
    return Principal(user=make_member(cluster, Role.ADMINISTRATOR, "keeper"), via="console")


@pytest.fixture(scope="session")
def sshd(tmp_path_factory) -> Iterator[SshdServer]:
    """A real OpenSSH server on loopback."""
    server = SshdServer.start(tmp_path_factory.mktemp("sshd"))
    yield server
    close_all()
    server.stop()


@pytest.fixture
def mail_root(tmp_path: Path) -> Path:
    """A small tree of a mail server that really keeps its public folders elsewhere."""
    root = tmp_path / "MDaemon"
    for folder in ("App", "Logs", "Users"):
        (root / folder).mkdir(parents=True)
    (root / "App" / "MDaemon.ini").write_bytes(MDAEMON_INI)
    return root


@pytest.fixture
def real_node(cluster: Cluster, sshd: SshdServer, mail_root: Path, boss: Principal) -> Node:
    """A node behind the real server, its host key approved and the portal's key let in."""
    login = Login(cluster_id=cluster.pk, name="portal", username=sshd.username)
    stored = store_key(boss, login=login, key=PrivateKey(sshd.login_key.private))
    new = NewNode(
        cluster_id=cluster.pk,
        name="real1",
        address="127.0.0.1",
        port=sshd.port,
        platform="posix",
        role="primary",
        install_root=str(mail_root),
        credential_id=stored.pk,
        host_key_fingerprint=sshd.fingerprint,
    )
    PROBES.forget()
    return register_node(boss, new=new)
