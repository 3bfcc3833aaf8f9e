"""`./run` as a newcomer meets it: the demo proves itself, the portal starts closed, and nothing stays behind."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from clusterportal.broker import free_port
from tests.deadlines import PATIENCE, wait_for

ROOT = Path(__file__).resolve().parents[2]
LEFT_OUT = ("REDIS_URL", "DATABASE_URL", "DJANGO_SETTINGS_MODULE", "CLUSTERPORTAL_HOSTS")


def processes_of(data: Path) -> list[int]:
    """Every process that was started with this data folder or a part of it."""
    mark = f"CLUSTERPORTAL_DATA={data}".encode()
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdecimal() and mark in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


class Started:
    """A `./run` in a session of its own, its lines in a file."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.data = data
        self.log = data.with_name(f"{data.name}-{arguments[0]}.log")
        env = {key: value for key, value in os.environ.items() if key not in LEFT_OUT}
        env["CLUSTERPORTAL_DATA"] = str(data)
        with self.log.open("wb") as sink:
            argv = [str(ROOT / "run"), *arguments]
            self.process = subprocess.Popen(
                argv, cwd="/", env=env, stdin=subprocess.DEVNULL, stdout=sink, stderr=sink, start_new_session=True
            )

    @property
    def text(self) -> str:
        return self.log.read_text()


@pytest.fixture
def start(tmp_path) -> Iterator[Callable[..., Started]]:
    started: list[Started] = []

    def make(*arguments: str) -> Started:
        started.append(Started(tmp_path / "data", *arguments))
        return started[-1]

    yield make
    for one in started:
        if one.process.poll() is None:
            one.process.kill()
        one.process.wait(PATIENCE)
    wait_for("all have ended", lambda: not processes_of(tmp_path / "data"))


def first_page(port: int) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=PATIENCE) as answer:
        return f"{answer.url}\n{answer.read().decode()}"


def answers(port: int) -> bool:
    try:
        return bool(first_page(port))
    except OSError:
        return False


def test_the_demo_proves_itself_and_leaves_nothing_running(start, tmp_path) -> None:
    demo = start("demo", "--once", "--port", str(free_port()))
    assert demo.process.wait(3 * PATIENCE) == 0, demo.text
    proofs = re.findall(r"Proof, byte for byte: (MAIL\d) has (\d+) files equal", demo.text)
    assert [name for name, _ in proofs] == ["MAIL2", "MAIL3"] * 2
    assert all(int(count) > 180 for _, count in proofs)
    for step in ("Share test from 3 nodes", "Shared paths: ", "Multi-node mail routing is on: ", "Proof: md5"):
        assert step in demo.text
    share = json.loads((tmp_path / "data/demo/nodes/files/share.json").read_text())
    assert "a real smbd" in demo.text and share["password"] not in demo.text
    assert "cpt_" not in demo.text and "PRIVATE KEY" not in demo.text
    wait_for("all have ended", lambda: not processes_of(tmp_path / "data"))


def test_up_starts_closed_and_ends_whole(start, tmp_path) -> None:
    port = free_port()
    portal = start("up", "--port", str(port))
    wait_for("the portal answers", lambda: answers(port))
    assert "/account/login/" in first_page(port)
    assert re.search(r"One-time password: +\S{12,}", portal.text)
    assert (tmp_path / "data/keys/master.keys").stat().st_mode & 0o777 == 0o600

    second = start("up", "--port", str(free_port()))
    assert second.process.wait(PATIENCE) == 1
    assert f"a portal already runs with {tmp_path / 'data'}" in second.text

    os.killpg(portal.process.pid, signal.SIGINT)
    assert portal.process.wait(PATIENCE) == 130
    assert not processes_of(tmp_path / "data")


def test_after_kill_9_nothing_stays_and_the_next_start_works(start, tmp_path) -> None:
    port = free_port()
    portal = start("up", "--port", str(port))
    wait_for("the portal answers", lambda: answers(port))
    assert len(processes_of(tmp_path / "data")) > 5
    portal.process.kill()
    wait_for("all have ended", lambda: not processes_of(tmp_path / "data"))

    again = start("up", "--port", str(port))
    wait_for("the portal answers", lambda: answers(port))
    assert "One-time password" not in again.text  # only ever at the first start
