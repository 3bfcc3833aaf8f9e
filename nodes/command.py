"""Commands as values: an argument list that only a platform may spell out, and what came back.

Nothing in the portal accepts a command line as text. A secret never belongs into an argument (process lists
show them); it travels by standard input.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Command:
    """A program and its arguments, unquoted."""

    argv: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.argv or not self.argv[0]:
            raise ValueError("a command needs a program")
        if any("\0" in word for word in self.argv):
            raise ValueError("a command's words hold no NUL")


@dataclass(frozen=True, slots=True)
class CommandResult:
    """What a command answered. Output is bytes: only the platform knows its encoding. `seconds` is wall time."""

    exit_status: int
    stdout: bytes
    stderr: bytes
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Whether the exit status is 0."""
        return self.exit_status == 0
