"""An SSH server from PyPI for demo nodes on machines without sshd: `python -m demo.ssh_server FOLDER PORT`.

SFTP and commands, for the keys in FOLDER/authorized_keys, which is read at each login as sshd does.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys
from pathlib import Path

import asyncssh

CHUNK = 64 * 1024


class Door(asyncssh.SSHServer):
    """Lets in who holds a key that is authorized now."""

    def __init__(self, authorized_keys: Path) -> None:
        self._authorized_keys = authorized_keys

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        """Remember whose door this is."""
        self._connection = conn

    def begin_auth(self, username: str) -> bool:
        """Read the file as it is now; yes, a login is needed."""
        self._connection.set_authorized_keys(asyncssh.import_authorized_keys(self._authorized_keys.read_text()))
        return True


async def run_command(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Run what the client asks for in a shell, with its three streams."""
    pipe = asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_shell(process.command or "exit 1", stdin=pipe, stdout=pipe, stderr=pipe)
    assert child.stdin and child.stdout and child.stderr
    feed = asyncio.create_task(_feed(process.stdin, child.stdin))
    await asyncio.gather(_pump(child.stdout, process.stdout), _pump(child.stderr, process.stderr))
    status = await child.wait()
    feed.cancel()
    process.exit(status if status >= 0 else 128 - status)


async def _pump(source: asyncio.StreamReader, sink: asyncssh.SSHWriter[bytes]) -> None:
    while data := await source.read(CHUNK):
        sink.write(data)
        await sink.drain()


async def _feed(source: asyncssh.SSHReader[bytes], sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while data := await source.read(CHUNK):
            sink.write(data)
            await sink.drain()
    sink.close()


async def serve(folder: Path, port: int) -> None:
    """Serve on loopback until killed."""
    server = await asyncssh.create_server(
        lambda: Door(folder / "authorized_keys"),
        "127.0.0.1",
        port,
        server_host_keys=[str(folder / "host_key")],
        process_factory=run_command,
        sftp_factory=True,
        encoding=None,
    )
    await server.wait_closed()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
