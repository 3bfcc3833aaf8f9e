"""A demo node that dies takes nothing with it; a person takes one down, hangs it and has it back."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from demo.keeper import below
from tests.deadlines import PATIENCE, wait_for


class Nodes:
    """`python -m demo.nodes`, as the demo starts it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.log = place / "told"
        with self.log.open("wb") as sink:
            argv = [sys.executable, "-m", "demo.nodes", str(place)]
            self.process = subprocess.Popen(argv, stdout=sink, stderr=sink)
        told = wait_for("all answer", lambda: (place / "nodes.json").exists() and (place / "nodes.json").read_text())
        self.ports = {node["name"].lower(): node["port"] for node in json.loads(told)}

    def answers(self, name: str) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.ports[name]), timeout=1) as connection:
                return connection.recv(4) == b"SSH-"
        except OSError:
            return False

    def want(self, name: str, word: str) -> None:
        (self.place / name / "wanted").write_text(f"{word}\n")

    def wanted(self, name: str) -> str:
        return (self.place / name / "wanted").read_text().strip()

    def server(self, name: str) -> int:
        """The process that listens for one node, once those are gone that served who asked whether it answers."""
        place = str(self.place / name).encode()

        def alone() -> list[int]:
            lines = {pid: words_of(pid) for pid in below([self.process.pid])}
            found = [pid for pid, line in lines.items() if place in line and b"standin" not in line]
            return found if len(found) == 1 else []

        return int(wait_for(f"one server of {name}", alone)[0])


def words_of(pid: int) -> bytes:
    """A process's command line; nothing where it ended meanwhile."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@pytest.fixture
def nodes(tmp_path) -> Iterator[Nodes]:
    nodes = Nodes(tmp_path)
    yield nodes
    nodes.process.terminate()
    nodes.process.wait(PATIENCE)


def test_a_node_that_dies_is_told_and_can_be_started_again_while_the_others_go_on(nodes) -> None:
    os.kill(nodes.server("mail2"), signal.SIGKILL)
    wait_for("it is told", lambda: "MAIL2 is down: its SSH server ended with status -9" in nodes.log.read_text())
    assert f"echo up > {nodes.place}/mail2/wanted" in nodes.log.read_text()
    assert nodes.wanted("mail2") == "down" and not nodes.answers("mail2")
    assert nodes.process.poll() is None and nodes.answers("mail1") and nodes.answers("mail3")

    nodes.want("mail2", "up")
    wait_for("it answers again", lambda: nodes.answers("mail2"))


def test_a_node_is_taken_down_hung_and_brought_back_by_a_word(nodes) -> None:
    everything = below([nodes.process.pid])
    nodes.want("mail3", "down")
    wait_for("it is down", lambda: not nodes.answers("mail3"))
    nodes.want("mail3", "hung")
    wait_for("it cannot hang", lambda: "MAIL3 is down; it can be up or down now, not 'hung'" in nodes.log.read_text())
    assert nodes.wanted("mail3") == "down"
    nodes.want("mail3", "up")
    wait_for("it answers again", lambda: nodes.answers("mail3"))
    nodes.want("mail3", "hung")
    wait_for("it is hung", lambda: "MAIL3 is hung now." in nodes.log.read_text())
    with socket.create_connection(("127.0.0.1", nodes.ports["mail3"]), timeout=PATIENCE) as connection:
        nodes.want("mail3", "broken")
        told = "MAIL3 is hung; it can be up or down or hung now, not 'broken'."
        wait_for("there is no such word", lambda: told in nodes.log.read_text())
        nodes.want("mail3", "up")
        assert connection.recv(4) == b"SSH-"  # it waited all the while
    nodes.want("mail2", "hung")
    wait_for("the other is hung", lambda: "MAIL2 is hung now." in nodes.log.read_text())

    everything |= below([nodes.process.pid])
    nodes.process.terminate()
    nodes.process.wait(PATIENCE)
    wait_for("all have ended, the hung one too", lambda: not any(Path(f"/proc/{pid}").exists() for pid in everything))
