"""What was measured, as the file of results has it. Pure."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class Sized(Protocol):
    """What has a number of nodes and of files."""

    @property
    def nodes(self) -> int:
        """Secondaries."""

    @property
    def files(self) -> int:
        """Of each tree."""


@dataclass(frozen=True, slots=True)
class Result:
    """One case beside one peer ("": none). `ours`, `theirs`: seconds of each round; `sent`: bytes on the wire, both
    ways, None where nobody counted; `more`: what else was measured, by name."""

    case: str
    nodes: int
    files: int
    bytes: int
    ours: Sequence[float]
    peer: str = ""
    theirs: Sequence[float] = ()
    sent: int | None = None
    peer_sent: int | None = None
    more: Mapping[str, Any] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """One entry of the file. `ratio` is ours divided by the peer's: below 1 the portal is the quicker one."""
        ours, theirs = middle(self.ours), middle(self.theirs)
        return {
            "case": self.case,
            "ours_s": ours,
            "peer": self.peer,
            "peer_s": theirs,
            "ratio": round(ours / theirs, 3) if ours and theirs else None,
            "nodes": self.nodes,
            "files": self.files,
            "bytes": self.bytes,
            "ours_each_s": [round(each, 3) for each in self.ours],
            "peer_each_s": [round(each, 3) for each in self.theirs],
            "sent_bytes": self.sent,
            "peer_sent_bytes": self.peer_sent,
            **self.more,
        }


def sentence(result: Result) -> str:
    """A result in a line for the person who watches."""
    entry = result.as_json()
    words = f"{size_of(result)}, {result.case}: {entry['ours_s']:.2f} s"
    if entry["peer_s"] is None:
        return words
    return f"{words}; {result.peer} {entry['peer_s']:.2f} s; ratio {entry['ratio']:.2f}"


def size_of(size: Sized) -> str:
    """How many nodes, and how many files each."""
    nodes = "1 node" if size.nodes == 1 else f"{size.nodes} nodes"
    return f"{nodes}, {size.files:,} files"


def middle(values: Sequence[float]) -> float | None:
    """The median to the millisecond; None of nothing."""
    return round(statistics.median(values), 3) if values else None


def middle_one(values: Sequence[float]) -> int:
    """The place of the value that is the median, of an even number the lower one."""
    return sorted(range(len(values)), key=lambda place: values[place])[(len(values) - 1) // 2]


def share(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of the values do not exceed (nearest rank)."""
    ranked = sorted(values)
    return ranked[max(0, math.ceil(len(ranked) * percent / 100) - 1)]
