"""A second real SSH server, asyncssh's, for what OpenSSH cannot do here: password logins."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import asyncssh

from nodes.remote.hostkeys import fingerprint_of
from nodes.remote.target import SshTarget
from nodes.secret import Secret
from tests.deadlines import PATIENCE

START_SECONDS = PATIENCE


class _Server(asyncssh.SSHServer):
    def __init__(self, node: AsyncsshNode) -> None:
        self._node = node

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._node.connections.append(conn)

    def begin_auth(self, username: str) -> bool:
        self._node.auth_attempts += 1
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        self._node.passwords_tried += 1
        return (username, password) == (self._node.username, self._node.password)


class AsyncsshNode:
    """One server in a thread with a loop of its own; serves the machine's file system and runs commands."""

    username = "Administrator"

    def __init__(
        self,
        password: str = "right-Pass1",
        *,
        sftp_factory: Callable[[asyncssh.SSHServerChannel[Any]], asyncssh.SFTPServer] | bool = True,
        runs_commands: bool = True,
        key_types: tuple[str, ...] = ("ssh-ed25519",),
    ) -> None:
        self.password = password
        self.auth_attempts = self.passwords_tried = 0
        self.connections: list[asyncssh.SSHServerConnection] = []
        self.keys = [asyncssh.generate_private_key(kind) for kind in key_types]
        self._sftp_factory, self._runs_commands = sftp_factory, runs_commands
        self._starts: list[asyncio.Task[asyncio.subprocess.Process]] = []
        self._children: list[asyncio.subprocess.Process] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="asyncssh node", daemon=True)
        self.port = 0

    def start(self) -> AsyncsshNode:
        self._thread.start()
        self._acceptor = self._await(self._listen())
        self.port = self._acceptor.get_port()
        return self

    def stop(self) -> None:
        self._await(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(START_SECONDS)
        self._loop.close()

    def change_key(self) -> None:
        """Show another host key at the same port from now on."""
        self.keys = [asyncssh.generate_private_key("ssh-ed25519")]
        self._await(self._listen_anew())

    @property
    def fingerprint(self) -> str:
        return self.fingerprints[0]

    @property
    def fingerprints(self) -> list[str]:
        lines = [key.export_public_key().decode().split() for key in self.keys]
        return [fingerprint_of(line[0], line[1]) for line in lines]

    def target(self, **changes: object) -> SshTarget:
        """How the portal reaches it."""
        values: dict[str, object] = {
            "address": "127.0.0.1",
            "port": self.port,
            "username": self.username,
            "password": Secret(self.password),
            "private_key": None,
            "passphrase": None,
            "host_key_fingerprint": self.fingerprint,
            "connect_timeout": 5.0,
        }
        return SshTarget(**(values | changes))  # type: ignore[arg-type]

    def _await(self, work: Awaitable[Any]) -> Any:
        async def run() -> Any:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(START_SECONDS)

    async def _listen_anew(self) -> None:
        self._acceptor.close()
        await self._acceptor.wait_closed()
        self._acceptor = await self._listen()

    async def _listen(self) -> asyncssh.SSHAcceptor:
        return await asyncssh.create_server(
            lambda: _Server(self),
            "127.0.0.1",
            self.port,
            server_host_keys=self.keys,
            sftp_factory=self._sftp_factory,
            process_factory=self._run if self._runs_commands else None,
            encoding=None,
        )

    async def _end(self) -> None:
        self._acceptor.close()
        for connection in self.connections:
            connection.abort()
        await self._acceptor.wait_closed()
        await asyncio.gather(*(connection.wait_closed() for connection in self.connections), return_exceptions=True)
        # asyncio waits for ever for a start that is cancelled before its pipes are connected
        await asyncio.gather(*self._starts, return_exceptions=True)
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        await asyncio.gather(*(_put_an_end_to(child) for child in self._children))

    async def _run(self, process: asyncssh.SSHServerProcess[bytes]) -> None:
        """Run the line in a shell, and pass the signals on that the client sends, as OpenSSH does."""
        starting = asyncio.create_task(self._begin(process.command or ""))
        self._starts.append(starting)
        child = await asyncio.shield(starting)
        assert child.stdin and child.stdout and child.stderr
        feeding = asyncio.create_task(_feed(process, child.stdin, child.pid))
        try:
            await asyncio.gather(_copy(child.stdout, process.stdout), _copy(child.stderr, process.stderr))
            status = await child.wait()
            if status < 0:
                process.exit_with_signal(signal.Signals(-status).name.removeprefix("SIG"))
            else:
                process.exit(status)
        except (ConnectionError, asyncssh.Error):
            process.close()
        finally:
            feeding.cancel()
            await _put_an_end_to(child)

    async def _begin(self, command: str) -> asyncio.subprocess.Process:
        child = await asyncio.create_subprocess_shell(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._children.append(child)
        return child


async def _put_an_end_to(child: asyncio.subprocess.Process) -> None:
    """Kill it, if it runs, with what it started; close its pipes, which a grandchild may hold, and wait for it."""
    if child.returncode is None:
        with suppress(ProcessLookupError):  # it ended, and nobody has said so yet
            os.killpg(child.pid, signal.SIGKILL)
    assert child.stdin
    if not child.stdin.is_closing():
        child.stdin.transport.abort()  # what a grandchild does not read is not waited for
    child._transport.close()  # type: ignore[attr-defined]  # nothing public ends a pipe a grandchild holds
    await child.wait()


async def _feed(process: asyncssh.SSHServerProcess[bytes], sink: asyncio.StreamWriter, group: int) -> None:
    while True:
        try:
            data = await process.stdin.read(65536)
        except asyncssh.SignalReceived as received:
            with suppress(ProcessLookupError):  # it has just ended
                os.killpg(group, getattr(signal, f"SIG{received.signal}"))
            continue
        if not data:
            sink.close()
            return
        sink.write(data)
        try:
            await sink.drain()
        except ConnectionError:  # it reads no more
            return


async def _copy(source: asyncio.StreamReader, sink: asyncssh.SSHWriter[bytes]) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
