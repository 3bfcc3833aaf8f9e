"""A real sshd whose commands and files turn hostile when a test says so, and a server that changes its key."""

from __future__ import annotations

import json
import shlex
import sys
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path

import asyncssh

from nodes.remote.hostkeys import fingerprint_of
from tests.asyncssh_node import AsyncsshNode
from tests.sshd import SshdServer
from tests.tools import tool

PROGRAM = Path(__file__).with_name("program.py")


class Misdeed(StrEnum):
    """What a hostile node does; `program.py` does it. Keep-alive questions are answered all the while."""

    NO_NAMES = "no_names"
    """READDIR is answered, for ever, with no names."""
    ENDLESS_NAMES = "endless_names"
    """Every folder has names for ever, and so has the listing by a command."""
    SLOW_NAMES = "slow_names"
    """One name a READDIR, each after a pause, for ever."""
    LONG_NAMES = "long_names"
    """Names of 200 kB."""
    DRIP = "drip"
    """One byte a READ, and of a command's output, each after a pause."""
    HANG = "hang"
    """No command ends, and the file service answers nothing."""
    HANG_IN_TRANSFER = "hang_in_transfer"
    """The first pieces of a file come, and then nothing more; no command ends."""
    HUGE_PACKET = "huge_packet"
    """The file service says that its answer has 4 GB."""
    SMALL_SAID = "small_said"
    """Each file is said to have 10 bytes, and every READ brings 64 KiB."""
    LARGE_SAID = "large_said"
    """Each file is said to have 2 GiB, and ends where it really does."""
    UNASKED = "unasked"
    """The file service answers what nobody asked, with a pause in between, for ever."""
    FLOOD = "flood"
    """A command's output never ends."""


class HostileServer:
    """An sshd like any other until it turns. `server` is what a stage or a test registers."""

    def __init__(self, folder: Path, *, authorized_keys: Sequence[str] = (), only_files: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._orders = folder / "orders"
        service = tool("sftp-server")
        words = [sys.executable, "-E", "-S", str(PROGRAM), str(self._orders), service, tool("sh")]
        line = shlex.join([*words, *(["only-files"] if only_files else [])])
        self.server = SshdServer.start(
            folder, authorized_keys=authorized_keys, sftp_program=service, extra_lines=[f"ForceCommand {line}"]
        )

    def turn(self, misdeed: Misdeed, *, pause: float = 0.0) -> None:
        """From now on do this, also on sessions that stand. `pause`: seconds before each step of what drips."""
        fresh = self._orders.with_suffix(".new")
        fresh.write_text(json.dumps({"misdeed": misdeed.value, "pause": pause}))
        fresh.replace(self._orders)

    def turn_back(self) -> None:
        """Be like any other again; what hangs or drips meanwhile stays lost."""
        self._orders.unlink(missing_ok=True)

    @contextmanager
    def turned(self, misdeed: Misdeed, *, pause: float = 0.0) -> Iterator[None]:
        """Hostile for the time of the block."""
        self.turn(misdeed, pause=pause)
        try:
            yield
        finally:
            self.turn_back()

    def stop(self) -> None:
        """End the server and its sessions."""
        self.server.stop()


class KeyChanger(AsyncsshNode):
    """Proves another host key when it exchanges keys anew in the middle of a session."""

    def show_another_key(self) -> str:
        """Exchange keys anew on every open connection, with another host key; answers its fingerprint."""
        other = asyncssh.generate_private_key("ssh-ed25519")
        self._await(self._exchange(other))
        key_type, public = other.export_public_key().decode().split()[:2]
        return fingerprint_of(key_type, public)

    async def _exchange(self, other: asyncssh.SSHKey) -> None:
        pair = asyncssh.load_keypairs([other])[0]
        for connection in self.connections:
            # nothing public shows another key than at the beginning
            connection._server_host_keys = OrderedDict({pair.algorithm: pair})
            connection._send_kexinit()
            connection._kexinit_sent = True
