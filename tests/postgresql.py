"""A private PostgreSQL server for tests: on loopback, under an account without rights, in a folder of its own."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deadlines import PATIENCE
from tests.tools import tool

ACCOUNT = "postgres"
"""Made by Debian's package. The server refuses to run as root."""

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "log_statement": "none",
    "shared_buffers": "32MB",
}


@dataclass(slots=True)
class PostgresqlServer:
    """A running server with an empty database. End it with `stop()`."""

    folder: Path
    port: int
    password: str
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """What DATABASE_URL wants."""
        return f"postgres://portal:{self.password}@127.0.0.1:{self.port}/postgres"

    @classmethod
    def start(cls) -> PostgresqlServer:
        """A new server, ready for connections."""
        folder = Path(tempfile.mkdtemp(prefix="cp-postgresql-"))
        password = secrets.token_hex(12)
        secret = folder / "password"
        secret.write_text(password)
        if os.geteuid() == 0:
            for path in (folder, secret):
                shutil.chown(path, ACCOUNT)
        made = [
            "--auth=scram-sha-256",
            "--username=portal",
            f"--pwfile={secret}",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
        ]
        _run(tool("initdb"), *made, "--no-sync", f"--pgdata={folder / 'data'}")
        server = cls(folder, _free_port(), password)
        try:
            server.begin()
        except BaseException:
            server.stop()
            raise
        return server

    def begin(self) -> None:
        """Start the process, for the first time or again."""
        options = [word for name, value in SETTINGS.items() for word in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [tool("postgres"), "-D", str(self.folder / "data"), "-p", str(self.port), *options],
                **_account(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
            )
        deadline = time.monotonic() + PATIENCE
        while "ready to accept connections" not in self.log():
            assert self.process.poll() is None, self.log()
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.05)

    def log(self) -> str:
        """What the process has said since it was started."""
        return (self.folder / "log").read_text(errors="replace")

    def end(self) -> None:
        """Stop the process; whoever is connected is cut off."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)  # "fast"
            self.process.wait(PATIENCE)

    def stop(self) -> None:
        """End it, and remove its folder."""
        self.end()
        shutil.rmtree(self.folder, ignore_errors=True)


def _run(program: str, *words: str) -> None:
    done = subprocess.run([program, *words], **_account(), capture_output=True, text=True, cwd="/", check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def _account() -> dict[str, Any]:
    """Who the server runs as: never root."""
    if os.geteuid() != 0:
        return {}
    row = pwd.getpwnam(ACCOUNT)
    return {"user": row.pw_uid, "group": row.pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
