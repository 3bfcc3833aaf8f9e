"""What one server may cost the portal: memory by what it answers, time by what it moves. No I/O.

A server that hangs is found by its silence. One that goes on answering, but never gets anywhere, is found here: it is
measured by a pace that the slowest line and disk keep, so a large file on a slow line has the time it needs, while one
byte every few seconds has not.
"""

from __future__ import annotations

from dataclasses import dataclass

from nodes.errors import LimitBroken

MIB = 1024 * 1024

ANSWER_WORTH = 1.0
"""Seconds that an answer may take on the average, however little it brings: a satellite's round trip, or a scanner's
look at the file."""


@dataclass(frozen=True, slots=True)
class Limits:
    """`names`, `listing_bytes`: what the listing of a tree may bring. `listing_seconds`: what listing it over SFTP may
    take. `slowest`: bytes a second that a server moves at least, on the average. `behind`: seconds that it may fall
    behind that before it is given up. `waits`: seconds that one act on it, such as a look or a target of a job, may
    wait for it in all, beyond those that what it moved takes at the slowest."""

    names: int = 200_000
    listing_bytes: int = 32 * MIB
    listing_seconds: float = 600.0
    slowest: float = 2048.0
    behind: float = 60.0
    waits: float = 3600.0

    def check_names(self, count: int, where: str) -> None:
        """Raise LimitBroken where a listing has more names than agreed."""
        if count > self.names:
            raise LimitBroken(
                f"{where} has more than {self.names:,} names. Look what fills it, or raise CLUSTERPORTAL_LISTING_NAMES."
            )

    def check_bytes(self, count: int, where: str) -> None:
        """Raise LimitBroken where a listing has more bytes than agreed."""
        if count > self.listing_bytes:
            most = self.listing_bytes / MIB
            raise LimitBroken(
                f"The listing of {where} has more than {most:.3g} MiB. Look what fills it, or raise"
                " CLUSTERPORTAL_LISTING_MIB."
            )

    def check_seconds(self, seconds: float, where: str) -> None:
        """Raise LimitBroken where a listing takes longer than agreed."""
        if seconds > self.listing_seconds:
            raise LimitBroken(
                f"Listing {where} took longer than {self.listing_seconds:.3g} s. Look at its line and what fills it, or"
                " raise CLUSTERPORTAL_LISTING."
            )


USUAL = Limits()
"""Where nobody says otherwise."""


class Waits:
    """What was waited for a server in one act. Each answer by itself may come in time, and all of them be endless. For
    one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._waited, self._most = 0.0, limits.waits

    def begin(self, most: float | None = None) -> None:
        """The act begins. `most`: seconds that this one may wait, where they are less than usual."""
        self._waited, self._most = 0.0, min(most or self.limits.waits, self.limits.waits)

    def add(self, seconds: float, count: int) -> None:
        """So long was waited, and so many bytes were moved. Raises LimitBroken where it is too much in all."""
        self._waited += max(0.0, seconds - count / self.limits.slowest)
        if self._waited > self._most:
            remedy = ", or raise CLUSTERPORTAL_WAITS" if self._most == self.limits.waits else ""
            raise LimitBroken(
                f"It was waited for {self._most:.5g} s in all, beyond what it moved. Look at its line and its"
                f" load{remedy}."
            )


class Pace:
    """How far a server is behind the slowest pace that is waited for. Only waiting for it counts, and being ahead is
    not kept for later: who was quick yesterday may not drip today. For one thread at a time."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._behind = 0.0

    def worth(self, count: int) -> float:
        """The seconds that so many bytes may take."""
        return count / self._limits.slowest

    def waited(self, seconds: float, worth: float = 0.0) -> None:
        """So long was waited, for what may take `worth` seconds. Raises LimitBroken for a server too far behind."""
        self._behind = max(0.0, self._behind + seconds - worth)
        if self._behind > self._limits.behind:
            slowest, behind = self._limits.slowest, self._limits.behind
            raise LimitBroken(
                f"It moved less than {slowest:.5g} bytes a second, until it was {behind:.3g} s behind. Look at its line"
                " and its disk, or lower CLUSTERPORTAL_SLOWEST."
            )
