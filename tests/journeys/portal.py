"""A portal of its own for one story: data folder, keys, Redis, web, workers and beat as processes, and a client."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import secrets
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeVar

from tests.deadlines import PATIENCE, wait_for
from tests.journeys.forks import ForkServer, Process
from tests.tools import tool

STOPPING = 8.0
"""Seconds that processes of a story that is over have to end by themselves."""

REPO = Path(__file__).resolve().parents[2]
DATABASE = "portal.sqlite3"
FAST = {
    "CLUSTERPORTAL_SWEEP": "1",
    "CLUSTERPORTAL_REACH": "2",
    "CLUSTERPORTAL_COMPARE": "3",
    "CLUSTERPORTAL_LEASE": "12",
    "CLUSTERPORTAL_OPERATION": "4",
    "CLUSTERPORTAL_RENEW": "2",
    "CLUSTERPORTAL_CONNECT": str(PATIENCE),
    "CLUSTERPORTAL_SILENCE": str(PATIENCE),
    "CLUSTERPORTAL_QUESTION": str(PATIENCE),
}
"""What is waited for comes soon. Nobody whom a busy machine, or a command inside Wine, leaves without a turn for
seconds is taken for dead (a worker) or hung (a node): a story in which one is sets shorter times."""

SHORT_LEASES = {"CLUSTERPORTAL_LEASE": "2", "CLUSTERPORTAL_OPERATION": "1", "CLUSTERPORTAL_RENEW": "0.5"}
"""For stories in which workers die, or are as good as dead."""

INSIDE = """
import json, sys, traceback
from contextlib import redirect_stdout
from io import StringIO
import django
django.setup()
from django.db import connections
for line in sys.stdin:
    said, fault = StringIO(), ""
    with redirect_stdout(said):
        try:
            exec(json.loads(line), {})
        except Exception:
            fault = traceback.format_exc()
    connections.close_all()
    print(json.dumps([said.getvalue(), fault]), flush=True)
"""
"""A process that does lines of code, each a string as JSON, with the portal's settings, and answers what each printed
and the trace of what it raised."""

UNUSED = """
from io import StringIO
from django.core.management import call_command
call_command("migrate", verbosity=0)
call_command("create_admin", username="admin", one_time=True, stdout=StringIO())
call_command("create_token", username="admin", name="stories", role="administrator")
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]


@dataclass(slots=True)
class Portal:
    """Start with `start()`, end with `stop()`; every process is ended by pid."""

    data: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(FAST))
    processes: dict[str, Process] = field(default_factory=dict)
    port: int = 0
    redis_port: int = 0
    token: str = ""
    _forks: ForkServer | None = None
    """Forks the programs of a portal that has all of them: quicker than to start each."""
    _inside: subprocess.Popen[bytes] | None = None

    def start(self, *, workers: int = 1, beats: int = 1) -> None:
        self.make_keys()
        self.start_redis()
        self._forks = ForkServer.start(self.env(), REPO, self.data / "forks.log")
        if "DATABASE_URL" in self.env():
            self.token = self.make_database()
        else:
            self.database.write_bytes(unused().database)
            self.token = unused().token
        self.start_web(wait=False)
        for number in range(workers):
            self.start_worker(f"remote{number}", wait=False)
        self.wait_for_web()
        for number in range(workers):
            self.wait_for_worker(f"remote{number}")
        for number in range(beats):
            self.start_beat(f"beat{number}")

    def make_keys(self) -> None:
        """The data folder, with keys of its own."""
        keys = self.data / "keys"
        keys.mkdir(parents=True)
        (keys / "django.key").write_text(secrets.token_urlsafe(60))
        (keys / "master.keys").write_text(base64.urlsafe_b64encode(os.urandom(32)).decode())
        for path in keys.iterdir():
            path.chmod(0o600)
        self.data.chmod(0o700)

    def env(self) -> dict[str, str]:
        base = {name: value for name, value in os.environ.items() if not name.startswith(("CLUSTERPORTAL", "DJANGO"))}
        return {
            **base,
            "CLUSTERPORTAL_PROFILES": str(REPO / "tests" / "journeys" / "products"),
            **self.environment,
            "CLUSTERPORTAL_DATA": str(self.data),
            "REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "DJANGO_SETTINGS_MODULE": "clusterportal.settings",
            "PYTHONPATH": str(REPO),
            "PYTHONWARNINGS": "default",
        }

    def manage(self, *words: str, stdin: str = "") -> str:
        done = subprocess.run(
            [sys.executable, str(REPO / "manage.py"), *words],
            env=self.env(),
            input=stdin,
            capture_output=True,
            text=True,
            cwd=REPO,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.data / DATABASE

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The database, only to read: asking it takes no processor from the portal, as asking REST would."""
        with closing(sqlite3.connect(self.database, timeout=PATIENCE, isolation_level=None)) as connection:
            yield connection

    def state_of(self, job: int) -> str:
        """A job's state, for who looks again and again."""
        if "DATABASE_URL" in self.env():
            return str(self.ok("GET", f"jobs/{job}")["state"])
        with self.reading() as connection:
            (state,) = connection.execute("SELECT state FROM replication_job WHERE id = ?", [job]).fetchone()
        return str(state)

    def inside(self, code: str) -> str:
        """What code prints that runs with the portal's settings, in a process that does all such code: to start one
        takes longer than most of it."""
        if self._inside is None:
            self._inside = self.spawn("inside", [sys.executable, "-c", INSIDE], asked=True)
        process = self._inside
        assert process.stdin and process.stdout
        process.stdin.write(json.dumps(code).encode() + b"\n")
        process.stdin.flush()
        said, fault = json.loads(process.stdout.readline())
        assert not fault, fault
        return str(said)

    def make_database(self) -> str:
        """A database that nobody has used yet, with an administrator, by one process; answers their token."""
        return self.manage("shell", "--no-imports", "--command", UNUSED).strip()

    def run(self, name: str, module: str, *arguments: str, extra: Mapping[str, str] = MappingProxyType({})) -> None:
        """`python -m module arguments`, with further variables."""
        if self._forks is None:
            self.spawn(name, [sys.executable, "-m", module, *arguments], extra)
            return
        assert self.environment.items() <= self._forks.environment.items(), "settings are read on import"
        self.processes[name] = self._forks.fork(module, [*arguments], {**extra}, self.data / f"{name}.log")

    def spawn(
        self, name: str, words: list[str], extra: Mapping[str, str] | None = None, *, asked: bool = False
    ) -> subprocess.Popen[bytes]:
        """`asked`: it reads and writes pipes; others read nothing and write a log."""
        with (self.data / f"{name}.log").open("ab") as log:
            read, written = (subprocess.PIPE, subprocess.PIPE) if asked else (subprocess.DEVNULL, log)
            process = subprocess.Popen(
                words, env={**self.env(), **(extra or {})}, stdin=read, stdout=written, stderr=log, cwd=REPO
            )
        self.processes[name] = process
        return process

    def start_redis(self) -> None:
        self.redis_port = self.redis_port or free_port()
        words = [tool("redis-server"), "--port", str(self.redis_port), "--bind", "127.0.0.1", "--dir", str(self.data)]
        self.spawn("redis", [*words, "--save", "", "--appendonly", "yes"])
        wait_for("redis answers", lambda: self._listens(self.redis_port))

    def start_web(self, *, wait: bool = True) -> None:
        self.port = self.port or free_port()
        self.run("web", "clusterportal.web", "--port", str(self.port))
        if wait:
            self.wait_for_web()

    def wait_for_web(self) -> None:
        wait_for("the portal answers", lambda: self._listens(self.port))

    def start_worker(self, name: str, extra: Mapping[str, str] | None = None, *, wait: bool = True) -> None:
        words = ["worker", "-Q", "remote,default", "-P", "threads", "-c", "4", "-n", f"{name}@%h", "--loglevel", "info"]
        words += ["--without-gossip", "--without-mingle", "--without-heartbeat"]  # as ./run up
        self.run(name, "tests.journeys.worker", *words, extra=extra or {})
        if wait:
            self.wait_for_worker(name)

    def wait_for_worker(self, name: str) -> None:
        wait_for(f"{name} is ready", lambda: b"ready." in (self.data / f"{name}.log").read_bytes())

    def start_beat(self, name: str) -> None:
        words = ["-A", "clusterportal", "beat", "-s", str(self.data / f"{name}.db"), "--pidfile", ""]
        self.run(name, "celery", *words, "--loglevel", "warning")

    def kill(self, name: str, sign: int = signal.SIGKILL) -> None:
        process = self.processes.pop(name)
        process.send_signal(sign)
        process.wait(PATIENCE)

    def rest(self) -> None:
        """Stand still until `wake()`: what looks around every second costs other tests much over the minutes."""
        for process in self.processes.values():
            process.send_signal(signal.SIGSTOP)

    def wake(self) -> None:
        """Go on where it rested."""
        for process in self.processes.values():
            process.send_signal(signal.SIGCONT)

    def stop(self) -> None:
        for process in self.processes.values():
            process.send_signal(signal.SIGTERM)
        self.wake()
        if self._inside is not None:
            self._inside.communicate()
            self._inside = None
        deadline = time.monotonic() + STOPPING
        for process in self.processes.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()
        if self._forks is not None:
            self._forks.close()
            self._forks = None

    def logs(self) -> str:
        return "\n".join(
            f"--- {path.name}\n" + path.read_text(errors="replace")[-6000:] for path in sorted(self.data.glob("*.log"))
        )

    def log_of(self, name: str) -> str:
        """Everything that one process logged so far."""
        return (self.data / f"{name}.log").read_text(errors="replace")

    @staticmethod
    def _listens(port: int) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    def call(self, method: str, path: str, body: Any = None, *, token: str | None = None, **headers: str) -> Answer:
        """One API call; never raises for a status."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/api/v1/{path}", method=method)
        request.add_header("Authorization", f"Bearer {token or self.token}")
        for name, value in headers.items():
            request.add_header(name.replace("_", "-"), value)
        data = None
        if body is not None:
            request.add_header("Content-Type", "application/json")
            data = json.dumps(body).encode()
        try:
            with urllib.request.urlopen(request, data, timeout=PATIENCE) as answer:
                return Answer(answer.status, _decode(answer.read()), dict(answer.headers))
        except urllib.error.HTTPError as error:
            return Answer(error.code, _decode(error.read()), dict(error.headers))

    def ok(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The body of a call that must succeed."""
        answer = self.call(method, path, body, **headers)
        assert answer.status < 300, (method, path, answer.status, answer.body, self.logs())
        return answer.body


@dataclass(frozen=True, slots=True)
class Unused:
    """The database of a portal that nobody has used yet, with an administrator and the administrator's token."""

    database: bytes
    token: str


_making = threading.Lock()


def unused() -> Unused:
    """What portals begin with: migrated once in a run of the tests, by the lane that needs it first."""
    with _making:
        return _unused()


@cache
def _unused() -> Unused:
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID")
    if run is None:
        return _migrated()
    kept = Path(os.environ["CLUSTERPORTAL_DATA"]).parent / f"unused-{run}"  # beside the lanes' folders
    with kept.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # till it is closed
        if not kept.exists():
            made, new = _migrated(), kept.with_suffix(".new")
            new.write_bytes(made.token.encode() + b"\n" + made.database)
            new.replace(kept)
    token, _, database = kept.read_bytes().partition(b"\n")
    return Unused(database, token.decode())


def _migrated() -> Unused:
    with tempfile.TemporaryDirectory(prefix="cp-unused-") as folder:
        portal = Portal(Path(folder) / "data")
        portal.make_keys()
        token = portal.make_database()
        assert not (portal.data / f"{DATABASE}-wal").exists(), "the database is not whole without its log"
        return Unused((portal.data / DATABASE).read_bytes(), token)


def _decode(raw: bytes) -> Any:
    try:
        return json.loads(raw) if raw else None
    except ValueError:
        return raw.decode("utf-8", "replace")


P = TypeVar("P", bound=Portal)


@contextmanager
def started(make: Callable[[Path], P], *, prefix: str, place: Path | None = None) -> Iterator[P]:
    """A portal with its data in a folder of its own (in `place`); both are gone with the block."""
    folder = Path(tempfile.mkdtemp(prefix=prefix, dir=place))
    portal = make(folder / "data")
    try:
        portal.start()
        yield portal
    finally:
        portal.stop()
        shutil.rmtree(folder, ignore_errors=True)
