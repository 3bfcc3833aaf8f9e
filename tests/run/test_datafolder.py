"""One owner of a data folder at a time; what a dead one left is harmless."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from replication.backup.data_folder import (
    LOCK_NAME,
    InUse,
    given_path,
    owned,
)
from tests.deadlines import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
OWN = """
import sys
from pathlib import Path
from replication.backup.data_folder import owned
with owned(Path(sys.argv[1])):
    print("mine", flush=True)
    sys.stdin.read()
"""


def test_a_second_owner_is_refused_and_told_who_the_first_is(tmp_path) -> None:
    argv = [sys.executable, "-c", OWN, str(tmp_path)]
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout and first.stdout.readline() == b"mine\n"
        with pytest.raises(InUse, match=str(first.pid)), owned(tmp_path):
            pass
        first.kill()
        first.wait(PATIENCE)
        with owned(tmp_path):  # the pid in the file is a dead one's
            pass


@pytest.mark.parametrize("left", ["", "999999\n", "not a number\n", "-1\n"])
def test_a_stale_lock_file_is_harmless(tmp_path, left) -> None:
    (tmp_path / LOCK_NAME).write_text(left)
    with owned(tmp_path):
        assert (tmp_path / LOCK_NAME).read_text().strip().isdecimal()


def test_relative_paths_count_from_where_run_was_called(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("CLUSTERPORTAL_CALLED_FROM", str(tmp_path))
    assert given_path("a/b") == tmp_path / "a/b"
    assert given_path("/c") == Path("/c")
