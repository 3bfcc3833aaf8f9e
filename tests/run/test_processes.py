"""Processes that belong together end together, however the end comes."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from clusterportal.broker import Broker, choose_broker, free_port
from clusterportal.processes import (
    CannotStart,
    Listen,
    begin_anew,
    listen_of,
    parse,
    table,
)
from tests.deadlines import PATIENCE, wait_for
from tests.tools import tool

ROOT = Path(__file__).resolve().parents[2]

SUPERVISE = """
import sys
from pathlib import Path
from clusterportal.supervisor import Program, Supervisor
place = Path(sys.argv[1])
child = "import os, sys, time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(300)"
stubborn = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + child
programs = [Program(name, [sys.executable, "-c", stubborn if name == "stubborn" else child, str(place / name)])
            for name in sys.argv[2:]]
sys.exit(Supervisor(programs).run())
"""


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):  # the latter where it ends while it is read
        return False
    return state != "Z"


ORDERS = {"SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT, "SIGHUP": signal.SIGHUP}
KNOWN = ("--default-signal",)
DEAF = (f"--ignore-signal={','.join(ORDERS)}",)
HELD_BACK = ("--default-signal", f"--block-signal={','.join(ORDERS)}")


class Running:
    """A supervisor with programs. `signals`: how its caller treats them, as options of env."""

    def __init__(self, place: Path, *names: str, signals: Sequence[str] = KNOWN) -> None:
        self.place = place
        argv = [tool("env"), *signals, sys.executable, "-c", SUPERVISE, str(place), *names]
        self.process = subprocess.Popen(argv, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL)
        wait_for("all programs run", lambda: all(self._written(name) for name in names))
        self.children = [int((place / name).read_text()) for name in names]

    def _written(self, name: str) -> bool:
        return (self.place / name).exists() and (self.place / name).read_text() != ""

    def end(self) -> None:
        for pid in (self.process.pid, *self.children):
            if alive(pid):
                os.kill(pid, signal.SIGKILL)
        self.process.wait(PATIENCE)


@pytest.fixture
def running(tmp_path) -> Iterator[Running]:
    running = Running(tmp_path, "one", "two")
    yield running
    running.end()


@pytest.fixture
def stubborn(tmp_path) -> Iterator[Running]:
    """With a child that ignores SIGTERM."""
    running = Running(tmp_path, "one", "stubborn")
    yield running
    running.end()


@pytest.mark.parametrize("name", ORDERS)
@pytest.mark.parametrize(
    "signals", [KNOWN, DEAF, HELD_BACK], ids=("", "ignored by the caller", "held back by the caller")
)
def test_a_signal_ends_all(tmp_path, name, signals) -> None:
    """Whatever the caller did with it: nohup ignores SIGHUP, a script's shell ignores SIGINT of what runs beside it."""
    running = Running(tmp_path, "one", "two", signals=signals)
    try:
        assert all(alive(pid) for pid in running.children)
        running.process.send_signal(ORDERS[name])
        assert running.process.wait(PATIENCE) != 0
        assert not any(alive(pid) for pid in running.children)
    finally:
        running.end()


def test_programs_hear_signals_that_the_caller_ignored(tmp_path) -> None:
    running = Running(tmp_path, "one", "two", signals=DEAF)
    try:
        masks = [ignored_by(pid) for pid in running.children]
        assert [name for name, number in ORDERS.items() for mask in masks if mask >> (number - 1) & 1] == []
    finally:
        running.end()


def ignored_by(pid: int) -> int:
    """The signals a process ignores, one bit each."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("SigIgn:")[2].split()[0], 16)


def test_children_notice_the_supervisor_killed(running) -> None:
    running.process.kill()
    wait_for("all ended", lambda: not any(alive(pid) for pid in running.children))


def test_a_stubborn_child_is_killed(stubborn) -> None:
    stubborn.process.terminate()
    assert stubborn.process.wait(PATIENCE) != 0
    assert not any(alive(pid) for pid in stubborn.children)


def test_a_stubborn_child_is_killed_without_the_supervisor(stubborn) -> None:
    stubborn.process.kill()
    wait_for("all ended", lambda: not any(alive(pid) for pid in stubborn.children))


def test_children_notice_the_whole_group_killed(running) -> None:
    """As `timeout -s KILL` or a closed container shell does: the runners die with the supervisor."""
    os.killpg(running.process.pid, signal.SIGKILL)
    wait_for("all ended", lambda: not any(alive(pid) for pid in running.children))


def test_one_that_ends_ends_all(running) -> None:
    os.kill(running.children[0], signal.SIGKILL)
    assert running.process.wait(PATIENCE) != 0
    assert not any(alive(pid) for pid in running.children)


LEAKY = """
import sys
from pathlib import Path
from clusterportal.supervisor import Program, QuietPrinter, Supervisor
leak = "print('cannot connect to postgres://portal:zebra-crossing@db/portal'); raise SystemExit('token=walrus-tusk')"
printer = QuietPrinter(shown=["demo"], folder=Path(sys.argv[1])) if len(sys.argv) > 1 else None
Supervisor([Program("worker", [sys.executable, "-c", leak])], printer).run()
"""


@pytest.mark.parametrize("quiet", [False, True])
def test_what_a_process_writes_past_its_logs_is_blanked_too(tmp_path, quiet) -> None:
    argv = [sys.executable, "-c", LEAKY, *([str(tmp_path)] if quiet else [])]
    told = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False, timeout=PATIENCE).stdout
    told += (tmp_path / "worker.log").read_text() if quiet else ""
    assert "postgres://portal:***@db/portal" in told and "token=***" in told
    assert "zebra" not in told and "walrus" not in told


# --- what is asked of ./run ---


def test_a_taken_port_is_refused_with_the_remedy() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(CannotStart, match=rf"127.0.0.1:{port}: Address already in use. .*--port"):
            listen_of(parse(["up", "--port", str(port)]))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--listen", "0.0.0.0:8443"], "--cert and --key"),
        (["--listen", "8443"], "ADDR:PORT"),
        (["--listen", "127.0.0.1:http"], "ADDR:PORT"),
        (["--listen", "127.0.0.1:0"], "between 1 and 65535"),
        (["--port", "70000"], "between 1 and 65535"),
        (["--cert", "/nonexistent", "--key", "/nonexistent"], "cannot be used"),
        (["--cert", "/nonexistent"], "go together"),
    ],
)
def test_bad_listen_addresses_are_refused(arguments, word) -> None:
    with pytest.raises(CannotStart, match=word):
        listen_of(parse(["up", *arguments]))


def test_the_broker_password_is_in_no_argument_list(tmp_path) -> None:
    broker = choose_broker("", tmp_path / "broker", demo=False)
    password = broker.url.partition("redis://:")[2].partition("@")[0]
    assert len(password) > 30
    programs = table(Listen("127.0.0.1", 8000), broker, tmp_path)
    assert not [program for program in programs if password in program.command()]
    assert (tmp_path / "broker/broker.conf").stat().st_mode & 0o077 == 0


def test_the_demo_never_empties_a_strangers_folder(tmp_path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "portal.sqlite3").write_text("years of work")
    with pytest.raises(CannotStart, match="no demo made"):
        begin_anew(tmp_path)
    assert (tmp_path / "portal.sqlite3").read_text() == "years of work"


def test_the_demo_begins_anew_but_keeps_its_keys(tmp_path) -> None:
    (tmp_path / "keys").mkdir()
    begin_anew(tmp_path)
    (tmp_path / "nodes/mail1").mkdir(parents=True)
    (tmp_path / "portal.sqlite3").touch()
    begin_anew(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["demo.marker", "keys"]


# --- the certificate ---


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[str, str]:
    """A certificate of this host and its key."""
    cert, key = str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = [tool("openssl"), "req", "-x509", "-newkey", "ed25519", "-nodes", "-keyout", key, "-out", cert, *subject]
    subprocess.run(made, check=True, capture_output=True)
    return cert, key


def shaken(port: int, trusted: str, **only: object) -> tuple[str, str]:
    """The protocol and cipher that a server takes from somebody who offers the weakest there is, or `only` that."""
    context = ssl.create_default_context(cafile=trusted)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    for name, value in only.items():
        setattr(context, name, value) if name != "ciphers" else context.set_ciphers(str(value))
    plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
    with plain, context.wrap_socket(plain, server_hostname="localhost") as wrapped:
        return str(wrapped.version()), str((wrapped.cipher() or ("",))[0])


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion")  # old versions are offered on purpose
def test_only_the_present_versions_and_ciphers_of_tls_are_spoken(certificate):
    listen = Listen("127.0.0.1", free_port(), *certificate)
    web = next(program for program in table(listen, Broker("redis://127.0.0.1:1/0"), Path()) if program.name == "web")
    environment = {**os.environ, **web.env}
    with subprocess.Popen(web.argv, env=environment, stderr=subprocess.DEVNULL) as server:
        try:
            wait_for("the web server answers", lambda: answers(listen.port))
            assert shaken(listen.port, certificate[0])[0] == "TLSv1.3"
            version, cipher = shaken(listen.port, certificate[0], maximum_version=ssl.TLSVersion.TLSv1_2)
            assert version == "TLSv1.2" and cipher.startswith("ECDHE-") and ("GCM" in cipher or "CHACHA20" in cipher)
            for weak in ({"maximum_version": ssl.TLSVersion.TLSv1_1}, {"ciphers": "AES128-SHA:NULL:aNULL:CBC"}):
                with pytest.raises((ssl.SSLError, OSError)):
                    shaken(listen.port, certificate[0], **{"maximum_version": ssl.TLSVersion.TLSv1_2, **weak})
        finally:
            server.terminate()


def answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except ConnectionRefusedError:
        return False
    return True
