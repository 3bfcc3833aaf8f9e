"""Runs what the POSIX driver spells in a real /bin/sh, as sshd would."""

from __future__ import annotations

import os
import subprocess
from typing import Any

from nodes.command import Command, CommandResult
from nodes.platforms import platform_named
from tests.deadlines import PATIENCE
from tests.tools import tool

POSIX = platform_named("posix")


def run(command: Command | None, stdin: bytes = b"", **popen: Any) -> CommandResult:
    assert command is not None
    line = POSIX.spell(command)
    done = subprocess.run(
        [tool("sh"), "-c", line], input=stdin, capture_output=True, timeout=PATIENCE, check=False, **popen
    )
    return CommandResult(done.returncode, done.stdout, done.stderr)


def as_nobody() -> dict[str, Any]:
    """Arguments that make a command run without root's power to read everything."""
    return {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}
