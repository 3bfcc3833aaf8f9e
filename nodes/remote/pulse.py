"""Whether the server at the other end of a connection still lives.

A hung server keeps its port and its connections open and answers nothing, while one that hashes a large file answers
nothing either, for minutes. What tells them apart is a question that a server answers beside its work: SSH's keep-alive
request. Only silence in turns of the reading thread counts, so a portal that was itself stopped, or starved, does not
take that for a server's silence.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

TURN_SECONDS = 0.1
"""How often the reading thread looks up while nothing comes."""

QUESTIONS = 4
"""How often a server is asked before it is given up, or rather once less: the last would come too late."""

NOT_OURS = 4096
"""More bytes than the questions of one silence have: so much taken by the network is work under way on a slow line."""


class FellSilent(EOFError):
    """The server no longer answers; its connection is given up."""


@dataclass(slots=True)
class Pulse:
    """Counts the silent turns of one connection. For its reading thread; `in_use` and `answers` may be set by any.

    `silence`: seconds without a sign of life that are believed. `ask`: send the question, without waiting. `taken`: the
    bytes that the other machine has acknowledged so far. `waiting`: those that it has not. `in_use`: whether anybody
    waits for this server; else it may be silent. `answers`: whether it ever answered the question: no server is given
    up for not knowing it. `silent`: it was given up.
    """

    silence: float
    ask: Callable[[], None]
    taken: Callable[[], int]
    waiting: Callable[[], int]
    in_use: bool = False
    answers: bool = False
    silent: bool = False
    _turns: int = 0
    _taken: int = 0

    def heard(self) -> None:
        """Bytes came."""
        self._turns = 0

    def silent_turn(self) -> None:
        """A turn without a byte. Raises FellSilent where there were too many."""
        taken = self.taken()
        if not self.in_use or not self._turns or taken - self._taken > NOT_OURS:
            self._turns, self._taken = 0, taken
        if not self.in_use:
            return
        self._turns += 1
        if self.answers and self._turns * TURN_SECONDS >= self.silence:
            self.silent = True
            raise FellSilent
        every = max(1, round(self.silence / TURN_SECONDS / QUESTIONS))
        # behind what still waits, a question would only wait as well, and the reading thread with it
        if self._turns % every == 0 and not self.waiting():
            self.ask()
