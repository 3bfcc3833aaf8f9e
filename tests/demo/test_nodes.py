"""Demo nodes are real SSH servers: own host key, in by an authorized key only, commands and SFTP."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.nodes import DemoNode, start_nodes
from tests.deadlines import PATIENCE
from tests.tools import tool


@pytest.fixture(scope="module", params=("sshd", "asyncssh"))
def nodes(request, tmp_path_factory) -> Iterator[list[DemoNode]]:
    patch = pytest.MonkeyPatch()
    if request.param == "asyncssh":
        patch.setattr(shutil, "which", lambda *_, **__: None)
    place = tmp_path_factory.mktemp("nodes")
    nodes, kept = start_nodes(place)
    patch.undo()
    yield nodes
    for node in kept:
        node.end()


@pytest.fixture(scope="module")
def key(tmp_path_factory) -> Path:
    path: Path = tmp_path_factory.mktemp("key") / "id"
    subprocess.run([tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, timeout=PATIENCE)
    return path


def client(program: str, node: DemoNode, key: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    options = ["BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"]
    flags = [word for option in (*options, f"Port={node.port}", f"IdentityFile={key}") for word in ("-o", option)]
    argv = [program, "-F", "none", *flags, *arguments]
    return subprocess.run(argv, capture_output=True, timeout=PATIENCE, check=False)


def test_the_host_key_is_the_one_that_was_told(nodes) -> None:
    for node in nodes:
        scan = subprocess.run(
            [tool("ssh-keyscan"), "-p", str(node.port), "127.0.0.1"], capture_output=True, timeout=PATIENCE, check=True
        ).stdout
        shown = subprocess.run(
            [tool("ssh-keygen"), "-lf", "-"], input=scan, capture_output=True, timeout=PATIENCE, check=True
        )
        assert node.fingerprint.encode() in shown.stdout.split()
    assert len({node.fingerprint for node in nodes}) == 3


def test_only_an_authorized_key_comes_in_then_commands_and_sftp_work(nodes, key) -> None:
    node = nodes[0]
    at = f"{node.username}@127.0.0.1"
    assert client(tool("ssh"), node, key, at, "echo in").returncode == 255
    with Path(node.authorized_keys).open("a") as keys:
        keys.write("restrict " + key.with_suffix(".pub").read_text())
    done = client(tool("ssh"), node, key, at, "echo out; echo err >&2; exit 3")
    assert (done.stdout, done.stderr, done.returncode) == (b"out\n", b"err\n", 3)
    local = key.with_name("MDaemon.ini")
    remote = f"{node.install_root}/App/MDaemon.ini"
    assert client(tool("sftp"), node, key, f"{at}:{remote}", str(local)).returncode == 0
    assert local.read_bytes() == Path(remote).read_bytes()
