"""The broker that wakes workers: the one named by REDIS_URL, else a private Redis or Valkey of this data folder."""

from __future__ import annotations

import secrets
import shutil
import socket
import sys
from dataclasses import dataclass
from pathlib import Path

from clusterportal.supervisor import Program

CONFIG = """\
bind 127.0.0.1
port {port}
requirepass {password}
dir "{folder}"
appendonly yes
save ""
maxmemory-policy noeviction
loglevel warning
"""


class NoBroker(Exception):
    """There is neither a broker's address nor a server to start; the text has the remedy."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the broker is, and the program to start for it (None: somebody else's). `note`: a line for the operator."""

    url: str
    program: Program | None = None
    note: str = ""


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def choose_broker(given_url: str, folder: Path, *, demo: bool) -> Broker:
    """The broker for this run. Raises NoBroker."""
    if given_url:
        return Broker(given_url)
    server = shutil.which("valkey-server") or shutil.which("redis-server")
    if server:
        return _private(server, folder)
    if demo:
        return _stand_in()
    raise NoBroker("No Redis or Valkey was found. Run: apt-get install redis-server; or set REDIS_URL to one you have.")


def _private(server: str, folder: Path) -> Broker:
    """A server for this data folder alone. The password is in a file, so that no argument list shows it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    port, password = free_port(), secrets.token_urlsafe(32)
    config = folder / "broker.conf"
    config.touch(mode=0o600)
    config.write_text(CONFIG.format(port=port, password=password, folder=folder))
    return Broker(f"redis://:{password}@127.0.0.1:{port}/0", Program("broker", [server, str(config)]))


def _stand_in() -> Broker:
    port = free_port()
    program = Program("broker", [sys.executable, "-m", "demo.broker", str(port)])
    note = "No Redis or Valkey found: a slow stand-in from PyPI is used, for the demo only."
    return Broker(f"redis://127.0.0.1:{port}/0", program, note)
