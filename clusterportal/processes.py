"""What `./run up` and `./run demo` start: data made ready, then broker, web, workers and beat under one supervisor.

`python -m clusterportal.processes up|demo ...`, with CLUSTERPORTAL_DATA naming the data folder and its keys in place.
"""

from __future__ import annotations

import argparse
import errno
import os
import shutil
import socket
import ssl
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import django
from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

from clusterportal.broker import Broker, NoBroker, choose_broker
from clusterportal.command_line import said_in_a_line
from clusterportal.static_files import collect
from clusterportal.supervisor import Program, QuietPrinter, Supervisor, hear_orders
from replication.backup.data_folder import (
    LOCK_NAME,
    InUse,
    given_path,
    owned,
)

DEFAULT_PORT = 8000
MARKER = "demo.marker"
KEPT_BY_DEMO = {"keys", "static", LOCK_NAME, MARKER}
TELLERS = ("demo", "nodes")
"""The processes of a demo whose lines are for the person who watches."""


class CannotStart(Exception):
    """The portal cannot start as asked; the text says why and what helps."""


@dataclass(frozen=True, slots=True)
class Listen:
    """Where the portal listens, and by which certificate."""

    host: str
    port: int
    cert: str = ""
    key: str = ""

    @property
    def url(self) -> str:
        """The address for a browser."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self.cert else 'http'}://{host}:{self.port}/"


# --- what was asked ---


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read the command line of `./run up` and `./run demo`."""
    parser = argparse.ArgumentParser(prog="./run", allow_abbrev=False)
    modes = parser.add_subparsers(dest="mode", required=True)
    demo = modes.add_parser("demo", help="a portal with three demo nodes, replicated and proven")
    demo.add_argument("--once", action="store_true", help="end after the proof, with a status")
    demo.add_argument("--port", type=int, default=DEFAULT_PORT)
    up = modes.add_parser("up", help="the portal")
    up.add_argument("--port", type=int, default=DEFAULT_PORT, help="on loopback")
    up.add_argument("--listen", metavar="ADDR:PORT", help="another address; needs --cert and --key unless loopback")
    up.add_argument("--cert", default="", metavar="FILE", help="certificate chain, PEM")
    up.add_argument("--key", default="", metavar="FILE", help="its private key, PEM without passphrase")
    return parser.parse_args(argv)


def listen_of(arguments: argparse.Namespace) -> Listen:
    """Where to listen. Raises Refused for a bad address, or one that others reach without a certificate."""
    if arguments.mode == "demo" or not arguments.listen:
        listen = Listen("127.0.0.1", arguments.port, *_certificate(arguments))
    else:
        host, _, port = arguments.listen.rpartition(":")
        if not host or not port.isdecimal():
            raise CannotStart(f"--listen {arguments.listen}: give ADDR:PORT, for example 192.0.2.10:8443")
        listen = Listen(host.strip("[]"), int(port), *_certificate(arguments))
    _check_certificate(listen)
    _check_port(listen)
    return listen


def _certificate(arguments: argparse.Namespace) -> tuple[str, str]:
    given = (getattr(arguments, "cert", ""), getattr(arguments, "key", ""))
    cert, key = (str(given_path(text)) if text else "" for text in given)
    return cert, key


def _check_certificate(listen: Listen) -> None:
    if bool(listen.cert) != bool(listen.key):
        raise CannotStart("--cert and --key go together")
    if not listen.cert and listen.host not in {"127.0.0.1", "::1", "localhost"}:
        raise CannotStart(
            f"{listen.host} is reached by others: give --cert and --key, or listen on 127.0.0.1 behind a TLS proxy"
        )
    if listen.cert:
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(listen.cert, listen.key, _no_passphrase)
        except (OSError, ValueError) as error:
            raise CannotStart(f"--cert {listen.cert} and --key {listen.key} cannot be used: {error}") from error


def _no_passphrase() -> NoReturn:
    raise ValueError("the key has a passphrase; store it without one, readable by this user only")


def _check_port(listen: Listen) -> None:
    if not 1 <= listen.port <= 65535:
        raise CannotStart(f"port {listen.port} is not between 1 and 65535")
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listen.host, listen.port))
        except OSError as error:
            remedy = "stop what uses it, or choose another with --port" if error.errno == errno.EADDRINUSE else ""
            raise CannotStart(
                f"{listen.host}:{listen.port}: {error.strerror or error}. {remedy}".strip(" .")
            ) from error


# --- data made ready ---


def begin_anew(folder: Path) -> None:
    """Empty a demo's data folder, keys apart. Raises Refused for a folder that no demo made."""
    marker = folder / MARKER
    strangers = [entry for entry in folder.iterdir() if entry.name not in KEPT_BY_DEMO]
    if strangers and not marker.exists():
        raise CannotStart(
            f"{folder} holds data that no demo made ({strangers[0].name}); set CLUSTERPORTAL_DATA to another"
        )
    marker.touch()
    for entry in strangers:
        shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()


def make_ready() -> None:
    """Bring the database to this version's shape and collect the static files."""
    call_command("migrate", interactive=False, verbosity=0)
    collect()


# --- the table of processes ---


def table(listen: Listen, broker: Broker, folder: Path) -> list[Program]:
    """Every process of a portal on this machine."""
    env = {"REDIS_URL": broker.url, "PYTHONUNBUFFERED": "1"}
    # glibc gives threads heaps of their own, which keep what was freed in them, and large blocks, too, once some were
    # freed: with 40 nodes of 20,000 files a third of a worker's memory
    for name, value in {"MALLOC_ARENA_MAX": "4", "MALLOC_MMAP_THRESHOLD_": "262144"}.items():
        env[name] = os.environ.get(name, value)
    if listen.cert:
        env["CLUSTERPORTAL_TLS"] = "1"  # behind a TLS proxy it is the operator who says so
    if "CLUSTERPORTAL_HOSTS" not in os.environ:
        env["CLUSTERPORTAL_HOSTS"] = ",".join(_host_names(listen))
    programs = [
        Program("web", _web(listen), env),
        Program("worker", _worker("default"), env),
        Program("remote", _worker("remote"), env),
        Program("beat", _celery("beat", "--schedule", str(folder / "beat-schedule"), "--pidfile="), env),
    ]
    return [broker.program, *programs] if broker.program else programs


def _host_names(listen: Listen) -> list[str]:
    own = [socket.gethostname(), socket.getfqdn(), listen.host] if listen.cert else []
    return list(dict.fromkeys(["127.0.0.1", "localhost", "[::1]", *own]))


def _web(listen: Listen) -> list[str]:
    argv = [sys.executable, "-m", "clusterportal.web", "--host", listen.host, "--port", str(listen.port)]
    return [*argv, "--cert", listen.cert, "--key", listen.key] if listen.cert else argv


def _celery(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "celery", "--quiet", "-A", "clusterportal", *arguments, "--loglevel", "INFO"]


def _worker(queue: str) -> list[str]:
    # threads, one process a queue: one pool of connections to the nodes serves all
    options = ["-Q", queue, "-P", "threads", "-c", "4", "-n", f"{queue}@%h"]
    return _celery("worker", *options, "--without-gossip", "--without-mingle", "--without-heartbeat")


# --- the two ways to run ---


def run_up(listen: Listen, folder: Path) -> int:
    """The portal until it is told to end."""
    broker = choose_broker(os.environ.get("REDIS_URL", ""), folder / "broker", demo=False)
    make_ready()
    if not get_user_model().objects.exists():
        _say(f"First start. Log in at {listen.url} with this one-time password; you choose your own then.")
        call_command("create_admin", username="admin", one_time=True)
    _say(f"clusterportal is at {listen.url} (data in {folder}). Ctrl-C ends it.")
    return Supervisor(table(listen, broker, folder)).run()


def run_demo(listen: Listen, folder: Path, *, once: bool) -> int:
    """The portal with the demo cluster; see demo/main.py for what it does."""
    begin_anew(folder)
    broker = choose_broker(os.environ.get("REDIS_URL", ""), folder / "broker", demo=True)
    if broker.note:
        _say(broker.note)
    make_ready()
    driver = [sys.executable, "-m", "demo.main", "--portal", listen.url, *(["--once"] if once else [])]
    nodes = Program("nodes", [sys.executable, "-m", "demo.nodes", str(folder / "nodes")])
    printer = QuietPrinter(shown=TELLERS, folder=folder / "logs")
    env = {"REDIS_URL": broker.url, "PYTHONUNBUFFERED": "1"}
    os.environ["CLUSTERPORTAL_PROFILES"] = str(settings.BASE_DIR / "demo" / "products")
    supervisor = Supervisor([*table(listen, broker, folder), nodes, Program("demo", driver, env)], printer)
    status = supervisor.run()
    failed = supervisor.failed()
    if failed and failed[0] not in TELLERS:
        printer.tell_failure(*failed)
    return status


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is the terminal


def main(argv: Sequence[str]) -> int:
    """The door of `./run up` and `./run demo`."""
    arguments = parse(argv)
    hear_orders()  # from the start: making ready takes seconds
    django.setup()
    folder = Path(os.environ["CLUSTERPORTAL_DATA"]).resolve()
    try:
        listen = listen_of(arguments)
        with owned(folder):
            if arguments.mode == "demo":
                return run_demo(listen, folder, once=arguments.once)
            return run_up(listen, folder)
    except (CannotStart, NoBroker, InUse) as error:
        _say(f"run: {error}")
        return 1
    except OSError as error:
        _say(f"run: {error}. Is the disk full, or the data folder not writable?")
        return 1


if __name__ == "__main__":
    with said_in_a_line():
        sys.exit(main(sys.argv[1:]))
