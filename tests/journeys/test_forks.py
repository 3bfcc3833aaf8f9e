"""A fork is what a start would be: a process of its own with its own words, variables, chance, log and end."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.deadlines import PATIENCE
from tests.journeys.forks import Fork, ForkServer
from tests.tools import ROOT

LOOK = """
import os, random, sys, threading
handles = sorted(int(name) for name in os.listdir('/proc/self/fd'))
print(os.getpid(), os.environ['LOOK'], sys.argv[0].rpartition('/')[2], threading.active_count(), handles[:-1],
      random.random(), flush=True)
"""
STAY = "import signal; signal.pause()"
ONCE = ("-n", "1", "-r", "1")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ForkServer]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "clusterportal.settings", "PYTHONPATH": str(ROOT)}
    made = ForkServer.start(environment, ROOT, tmp_path / "forks.log")
    yield made
    made.close()
    assert (tmp_path / "forks.log").read_text() == ""


def fork(server: ForkServer, code: str, log: Path, look: str = "") -> Fork:
    return server.fork("timeit", [*ONCE, code], {"LOOK": look}, log)


def test_forks_are_processes_of_their_own(server: ForkServer, tmp_path: Path) -> None:
    staying = fork(server, STAY, tmp_path / "stay.log")
    logs = [tmp_path / "one.log", tmp_path / "two.log"]
    forks = [fork(server, LOOK, log, log.stem) for log in logs]
    assert [one.wait(PATIENCE) for one in forks] == [0, 0]
    told = [log.read_text().splitlines()[0].split(maxsplit=4) for log in logs]
    assert [words[:4] for words in told] == [
        [str(one.pid), log.stem, "timeit.py", "1"] for one, log in zip(forks, logs, strict=True)
    ]
    handles, chances = zip(*(words[4].rsplit(maxsplit=1) for words in told), strict=True)
    assert set(handles) == {"[0, 1, 2]"}
    assert len({*chances}) == 2

    assert staying.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        staying.wait(0.01)
    staying.send_signal(signal.SIGKILL)
    assert staying.wait(PATIENCE) == -signal.SIGKILL
    staying.kill()  # nothing, of one that has ended


def test_what_goes_wrong_in_one_is_in_its_log_and_its_status(server: ForkServer, tmp_path: Path) -> None:
    failing = server.fork("no.such.module", [], {}, tmp_path / "log")
    assert failing.wait(PATIENCE) == 1
    assert "No module named 'no'" in (tmp_path / "log").read_text()
