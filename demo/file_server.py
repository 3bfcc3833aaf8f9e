"""The demo's file server: Samba's smbd where this machine has it, else a plain folder that only looks like a share.

The demo's nodes are no machines of their own, so they "mount" the share by its folder; by SMB only the portal comes.
`FOLDER/share.json` tells where it is.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from clusterportal.broker import free_port
from demo import smbd
from demo.keeper import KeptNode, Part

SERVER, SHARE = "127.0.0.1", "mail"
READY_SECONDS = 15.0
TRIES = 3
"""So often another port is taken: an smbd that somebody was quicker than stays up, and answers nobody."""


@dataclass(frozen=True, slots=True)
class DemoShare:
    """The share as an operator would be told of it. `folder`: where the nodes mount it. `port` 0: nobody serves it by
    SMB, the folder stands in for it."""

    folder: str
    port: int = 0
    username: str = ""
    password: str = ""

    @property
    def path(self) -> str:
        """As Windows would name it."""
        return rf"\\{SERVER}\{SHARE}"


def start_share(folder: Path) -> tuple[DemoShare, list[KeptNode]]:
    """Make the share in `folder`, and serve it where this machine can. Raises OSError where the server does not come
    up."""
    exported = folder / "mail"
    exported.mkdir(parents=True)
    programs = [_program(name) for name in ("smbd", "pdbedit")]
    share, kept = _served(folder, exported, *programs) if all(programs) else (DemoShare(str(exported)), [])
    told = folder / "share.json"
    told.touch(mode=0o600)
    told.write_text(json.dumps(asdict(share)))
    return share, kept


def read_share(folder: Path) -> DemoShare:
    """What `start_share` told."""
    return DemoShare(**json.loads((folder / "share.json").read_text()))


def _program(name: str) -> str:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or ""


def _served(folder: Path, exported: Path, server: str, pdbedit: str) -> tuple[DemoShare, list[KeptNode]]:
    password = secrets.token_hex(12)
    for left in reversed(range(TRIES)):
        share = DemoShare(str(exported), free_port(), smbd.LOGIN, password)
        config = smbd.write_config(folder, share.port, {SHARE: [f"path = {exported}", "read only = no"]})
        try:
            smbd.add_login(pdbedit, config, password)
        except subprocess.CalledProcessError:
            break  # a Samba that cannot be used so is as good as none
        kept = KeptNode("FILES", folder, (Part("file server", smbd.command(server, config), folder / "smbd.log"),))
        kept.start()
        try:
            _wait_for(share, kept)
        except OSError:
            kept.end()
            if not left:
                raise
        else:
            return share, [kept]
    return DemoShare(str(exported)), []


def _wait_for(share: DemoShare, kept: KeptNode) -> None:
    """Raises OSError where it does not come up."""
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            socket.create_connection((SERVER, share.port), timeout=1).close()
        except OSError:
            if kept.look() or time.monotonic() > deadline:
                raise
        else:
            return
        time.sleep(0.05)
