"""Running commands."""

from __future__ import annotations

import hashlib
import itertools
import os
import statistics
import time
from pathlib import Path

import pytest

from nodes.errors import OutputUnreadable, TimedOut, Unsupported
from tests.deadlines import PATIENCE, promised, wait_for

MIB = 1024 * 1024


class Cancelled(Exception):
    pass


def _is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def _wait_gone(pid: int) -> None:
    wait_for("the command has ended", lambda: _is_gone(pid))


def _pid_in(path: Path) -> int:
    return int(wait_for("the command has started", lambda: path.exists() and path.read_text().strip()))


def test_run_answers_status_and_both_outputs_apart(shell_node):
    result = shell_node.session.run("echo out; echo err >&2; exit 7", timeout=PATIENCE)
    assert (result.exit_status, result.stdout, result.stderr) == (7, b"out\n", b"err\n")
    assert 0 < result.seconds < PATIENCE


def test_run_knows_a_command_that_a_signal_ended(shell_node):
    assert shell_node.session.run("kill -9 $$", timeout=PATIENCE).exit_status == -1


def test_run_drains_more_than_any_window_from_both_outputs(shell_node):
    line = f"head -c {5 * MIB} /dev/zero >&2 & head -c {6 * MIB} /dev/zero; wait"
    result = shell_node.session.run(line, timeout=PATIENCE, max_output=16 * MIB)
    assert (len(result.stdout), len(result.stderr), result.exit_status) == (6 * MIB, 5 * MIB, 0)


def test_run_feeds_input_while_output_comes(shell_node):
    data = os.urandom(8 * MIB)
    assert shell_node.session.run("cat", stdin=data, timeout=PATIENCE).stdout == data
    chunks = [data[start : start + 777_777] for start in range(0, len(data), 777_777)]
    result = shell_node.session.run("sha256sum", stdin=chunks, timeout=PATIENCE)
    assert result.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()


def test_run_closes_input_even_if_there_is_none(shell_node):
    assert shell_node.session.run("cat; echo done", timeout=PATIENCE).stdout == b"done\n"


def test_run_survives_a_command_that_does_not_read_its_input(shell_node):
    result = shell_node.session.run("exit 3", stdin=b"x" * 16 * MIB, timeout=PATIENCE)
    assert result.exit_status == 3


def test_run_times_out_and_the_session_goes_on(shell_node):
    began = time.monotonic()
    with pytest.raises(TimedOut):
        shell_node.session.run("sleep 600", timeout=0.5)
    assert time.monotonic() - began < promised(3)
    assert shell_node.session.run("echo on", timeout=PATIENCE).stdout == b"on\n"


def test_run_refuses_too_much_output_and_ends_the_command(shell_node, tmp_path):
    with pytest.raises(OutputUnreadable):
        shell_node.session.run(f"echo $$ > {tmp_path}/pid; exec yes", timeout=PATIENCE, max_output=3 * MIB)
    _wait_gone(_pid_in(tmp_path / "pid"))


def test_run_tells_progress_twice_a_second_and_is_cancelled_by_it(shell_node, tmp_path):
    told: list[float] = []

    def progress(_: int) -> None:
        told.append(time.monotonic())
        if (tmp_path / "pid").exists() and len(told) > 3:
            raise Cancelled

    began = time.monotonic()
    with pytest.raises(Cancelled):
        shell_node.session.run(f"echo $$ > {tmp_path}/pid; exec cat /dev/zero", timeout=PATIENCE, progress=progress)
    gaps = [after - before for before, after in zip([began, *told], told, strict=False)]
    assert statistics.median(gaps) < 0.5
    _wait_gone(_pid_in(tmp_path / "pid"))


def test_run_tells_progress_while_nothing_moves(shell_node):
    told: list[float] = []
    shell_node.session.run("sleep 1.2", timeout=PATIENCE, progress=lambda _: told.append(time.monotonic()))
    # the middle one: a busy machine may be late once
    assert statistics.median(after - before for before, after in itertools.pairwise(told)) < 0.5


def test_a_cancelled_command_that_reads_ends(shell_node, tmp_path):
    def endless():
        while True:
            yield b"x" * 20_000

    def progress(_: int) -> None:
        if (tmp_path / "pid").exists():
            raise Cancelled

    line = f"echo $$ > {tmp_path}/pid; exec cat > /dev/null"
    with pytest.raises(Cancelled):
        shell_node.session.run(line, stdin=endless(), timeout=PATIENCE, progress=progress)
    _wait_gone(_pid_in(tmp_path / "pid"))


def test_run_does_not_wait_for_a_child_that_was_left_behind(openssh_node, tmp_path):
    began = time.monotonic()
    result = openssh_node.session.run(f"sleep 600 & echo $! > {tmp_path}/pid; exit 4", timeout=PATIENCE)
    os.kill(_pid_in(tmp_path / "pid"), 9)
    assert time.monotonic() - began < promised(10)
    assert result.exit_status == 4


@pytest.mark.parametrize("line", ["echo a\0b", "echo \udcff"])
def test_run_refuses_lines_that_cannot_be_sent(shell_node, line):
    with pytest.raises(Unsupported):
        shell_node.session.run(line, timeout=PATIENCE)


def test_many_commands_follow_each_other(shell_node):
    results = [shell_node.session.run(f"echo {number}", timeout=PATIENCE) for number in range(50)]
    assert [result.stdout for result in results] == [b"%d\n" % number for number in range(50)]
