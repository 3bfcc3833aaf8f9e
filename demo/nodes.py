"""The demo's nodes: `python -m demo.nodes FOLDER` builds three trees, each served by SSH and a stand-in mail server,
and a file server beside them (`demo/file_server.py`).

OpenSSH's sshd is used where there is one, else a server from PyPI. All listen on loopback only, let in this user by
key only, and die with this process. `FOLDER/nodes.json`, written when all answer, tells where they are. What becomes
of one that dies, and how a person takes one down, is in `demo/keeper.py`.
"""

from __future__ import annotations

import base64
import getpass
import hashlib
import json
import os
import shutil
import signal
import socket
import sys
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import NoReturn

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from clusterportal.broker import free_port
from demo.file_server import start_share
from demo.keeper import KeptNode, Part
from demo.tree import NodeTree, build

READY_SECONDS = 15.0

LOOK_EVERY = 0.5
"""Seconds between two looks at the nodes."""

CONFIG = """\
Port {port}
ListenAddress 127.0.0.1
HostKey "{folder}/host_key"
AuthorizedKeysFile "{folder}/authorized_keys"
PidFile none
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
UsePAM no
StrictModes no
AllowTcpForwarding no
X11Forwarding no
PrintMotd no
# bash under sshd reads its user's own .bashrc unless it looks nested; a demo node shall not depend on that
SetEnv SHLVL=2
MaxStartups 50:30:100
Subsystem sftp internal-sftp
"""

TREES = (
    ("MAIL1", NodeTree("mail1.harbour.example", "192.0.2.1", "DEMO-AAAA-1111")),
    ("MAIL2", NodeTree("mail2.harbour.example", "192.0.2.2", "DEMO-BBBB-2222", behind=True)),
    ("MAIL3", NodeTree("mail3.harbour.example", "192.0.2.3", "DEMO-CCCC-3333", behind=True)),
)


@dataclass(frozen=True, slots=True)
class DemoNode:
    """One node as an operator would be told of it. `fingerprint`: of its host key, as read on its own console."""

    name: str
    port: int
    username: str
    install_root: str
    authorized_keys: str
    fingerprint: str


def start_nodes(folder: Path) -> tuple[list[DemoNode], list[KeptNode]]:
    """Build and start all nodes. Raises OSError where one does not come up."""
    nodes, kept = [], []
    for seed, (name, tree) in enumerate(TREES, 1):
        place = folder / name.lower()
        root = place / "MDaemon"
        build(root, replace(tree, home=str(root)) if spellable(root) else tree)
        node = DemoNode(
            name=name,
            port=free_port(),
            username=getpass.getuser(),
            install_root=str(root),
            authorized_keys=str(place / "authorized_keys"),
            fingerprint=make_host_key(place),
        )
        (place / "authorized_keys").touch(mode=0o600)
        standin = [sys.executable, "-m", "demo.standin", str(root), "--seed", str(seed), "--mail", "1"]
        parts = (
            Part("stand-in", standin, place / "standin.log"),
            Part("SSH server", ssh_server(place, node.port), place / "sshd.log"),
        )
        kept.append(KeptNode(name, place, parts))
        kept[-1].start()
        nodes.append(node)
    for node in nodes:
        _wait_for(node)
    return nodes, kept


def spellable(root: Path) -> bool:
    """Whether a tree's ini files, in Windows' Western code page, can name the folder that it lies in."""
    try:
        str(root).encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def make_host_key(place: Path) -> str:
    """A new ed25519 host key in `place`; returns its fingerprint."""
    private = Ed25519PrivateKey.generate()
    path = place / "host_key"
    path.touch(mode=0o600)
    encoding, kind = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH
    path.write_bytes(private.private_bytes(encoding, kind, serialization.NoEncryption()))
    public = private.public_key().public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    digest = hashlib.sha256(base64.b64decode(public.split()[1])).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")


def ssh_server(place: Path, port: int) -> list[str]:
    """The command line of this node's SSH server."""
    sshd = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if not sshd:
        return [sys.executable, "-m", "demo.ssh_server", str(place), str(port)]
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # sshd refuses to start as root without it
    config = place / "sshd_config"
    config.write_text(CONFIG.format(port=port, folder=place))
    return [sshd, "-D", "-e", "-f", str(config)]


def _wait_for(node: DemoNode) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with socket.create_connection(("127.0.0.1", node.port), timeout=1) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            if time.monotonic() > deadline:
                raise
        time.sleep(0.05)


def main(folder: Path) -> NoReturn:
    """Start the nodes, say where they are, and keep them until told to end; a line for whatever becomes of one."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    nodes, kept = start_nodes(folder)
    kept += start_share(folder / "files")[1]
    try:
        beside = folder / "nodes.json.new"
        beside.write_text(json.dumps([asdict(node) for node in nodes], indent=1))
        beside.replace(folder / "nodes.json")
        while True:
            for line in filter(None, (node.look() for node in kept)):
                print(line, flush=True)
            time.sleep(LOOK_EVERY)
    finally:
        for node in kept:
            node.end()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
