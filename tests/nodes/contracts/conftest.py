"""One server of each kind for the whole suite, one connection a test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nodes.remote.ssh import SshSession, open_transport
from nodes.remote.target import SshTarget
from tests.asyncssh_node import AsyncsshNode
from tests.fakes.node import FakeDisk, FakeSession
from tests.nodes.contracts.nodes import ContractNode, FakeFiles, RealFiles
from tests.sshd import SshdServer

REAL = ("openssh", "openssh-sftp-only", "asyncssh")
WITH_COMMANDS = ("openssh", "asyncssh")


@pytest.fixture(scope="session")
def targets(tmp_path_factory) -> Iterator[dict[str, SshTarget]]:
    full = SshdServer.start(tmp_path_factory.mktemp("openssh"))
    sftp_only = SshdServer.start(tmp_path_factory.mktemp("sftp-only"), sftp_only=True)
    other = AsyncsshNode().start()
    yield {"openssh": full.target(), "openssh-sftp-only": sftp_only.target(), "asyncssh": other.target()}
    full.stop()
    sftp_only.stop()
    other.stop()


def _open(kind: str, targets, tmp_path) -> ContractNode:
    if kind == "fake":
        disk = FakeDisk()
        disk.put_folder("/srv/root")
        return ContractNode(kind, FakeSession(disk), FakeFiles(disk), "/srv/root", False, lambda: None)
    root = tmp_path / "root"
    root.mkdir()
    transport = open_transport(targets[kind])
    session = SshSession(transport)
    return ContractNode(kind, session, RealFiles(), str(root), kind in WITH_COMMANDS, transport.close)


@pytest.fixture(params=["fake", *REAL])
def node(request, targets, tmp_path) -> Iterator[ContractNode]:
    """Every kind."""
    opened = _open(request.param, targets, tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=REAL)
def real_node(request, targets, tmp_path) -> Iterator[ContractNode]:
    """Every kind with a wire."""
    opened = _open(request.param, targets, tmp_path)
    yield opened
    opened.close()


@pytest.fixture(params=WITH_COMMANDS)
def shell_node(request, targets, tmp_path) -> Iterator[ContractNode]:
    """Every kind that runs commands."""
    opened = _open(request.param, targets, tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def openssh_node(targets, tmp_path) -> Iterator[ContractNode]:
    """For what only OpenSSH does as real nodes do."""
    opened = _open("openssh", targets, tmp_path)
    yield opened
    opened.close()
