"""A real file server on loopback, as any user, with shares that refuse in each of the ways that file servers do.

`full`: a process of smbd that may write no more than FULL_BYTES into any file, so the write itself fails as it does on
a full disk; no rights to mount or to set quotas are needed.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from demo import smbd
from nodes.platforms.unc import UncPath
from nodes.remote.smb import open_share
from nodes.secret import Secret
from nodes.shares.core.login import ShareLogin
from tests.deadlines import wait_for
from tests.sshd import free_port
from tests.tools import tool

SERVER = "127.0.0.1"
FULL_BYTES = 60_000


@dataclass(slots=True, eq=False)
class Smbd:
    """One smbd and what it needs, all in `folder`. Shares: mail, readonly, denied, full, sealed."""

    folder: Path
    port: int
    password: str
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @classmethod
    def start(cls, folder: Path, port: int = 0) -> Smbd:
        """Make it and wait until it answers; port 0 picks a free one."""
        server = cls(folder, port or free_port(), secrets.token_hex(8))
        for name in server._shares():
            server.local(share=name).mkdir(parents=True)
        config = smbd.write_config(folder, server.port, server._shares())
        smbd.add_login(tool("pdbedit"), config, server.password)
        server.start_again()
        return server

    def _shares(self) -> Mapping[str, Sequence[str]]:
        paths = {name: f"path = {self.local(share=name)}" for name in ("mail", "readonly", "denied", "full", "sealed")}
        limit = f"{tool('prlimit')} --pid %d --fsize={FULL_BYTES}:{FULL_BYTES}"
        return {
            "mail": [paths["mail"], "read only = no"],
            "readonly": [paths["readonly"], "read only = yes"],
            "denied": [paths["denied"], "read only = no", "valid users = somebody-else"],
            "sealed": [paths["sealed"], "read only = no", "smb encrypt = required"],
            "full": [paths["full"], "read only = no", f"root preexec = {limit}"],
        }

    def local(self, *folders: str, share: str = "mail") -> Path:
        """Where a folder of a share lies on this machine."""
        return self.folder.joinpath("shares", share, *folders)

    def path(self, *folders: str, share: str = "mail") -> UncPath:
        """The same as nodes and the portal name it."""
        return UncPath(SERVER, share, folders)

    def login(self, **changes: object) -> ShareLogin:
        """How the portal logs in."""
        login = ShareLogin(SERVER, self.port, smbd.LOGIN, Secret(self.password))
        return replace(login, **changes)  # type: ignore[arg-type]

    def start_again(self) -> None:
        """Start on the same port, with the same shares and files."""
        argv = smbd.command(tool("smbd"), self.folder / "smb.conf")
        with (self.folder / "output").open("ab") as sink:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
            )
        wait_for("smbd answers", self._answers)
        with open_share(self.path(), self.login(), seconds=30.0) as folder:
            folder.create("first")  # its databases grow now, which a process of the full share could not let them
            folder.remove("first")

    def _answers(self) -> bool:
        assert self.process is not None and self.process.poll() is None, (self.folder / "output").read_text()
        try:
            socket.create_connection((SERVER, self.port)).close()
        except OSError:
            return False
        return True

    def stop(self) -> None:
        """End it with all its connections."""
        if self.process is not None:
            self._signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    @contextmanager
    def hung(self) -> Iterator[None]:
        """For the time of the block it stands still, with its connections open."""
        self._signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.killpg(self.process.pid, number)
