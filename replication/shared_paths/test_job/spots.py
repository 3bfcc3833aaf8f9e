"""One folder as it is tried from one node, and what was found of it so far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nodes.errors import NodeError
from nodes.platforms.unc import UncPath
from nodes.remote.session import RemoteStat, Session, Space
from nodes.shares.reasons import Reason
from replication.shared_paths.core.share_tests import TestOwner


@dataclass(slots=True)
class Spot:
    """A folder on a share. `wanted`: the places that it is tried for: itself, or folders below that are not there yet.
    `folder`: its SFTP path on the node. `steps`: seconds by step; of what is asked for all folders at once, those of
    all. `beside`: what else people should know. `begun`: test files of it may lie there."""

    path: UncPath
    folder: str
    wanted: tuple[UncPath, ...]
    steps: dict[str, float] = field(default_factory=dict)
    fault: Reason | None = None
    beside: list[str] = field(default_factory=list)
    begun: bool = False
    space: Space | None = None
    latency_ms: float | None = None
    clock_offset: float | None = None
    volume: str = ""

    def file(self, owner: TestOwner, letter: str) -> str:
        """The SFTP path of a test file on the node."""
        return f"{self.folder}/{owner.name(letter)}"


def live(spots: Sequence[Spot]) -> list[Spot]:
    """Those without a fault so far."""
    return [spot for spot in spots if spot.fault is None]


Absent = Mapping[UncPath, NodeError | None]
"""Places whose share is not there, with what the node said of it; None: nothing is there."""


def find_spots(session: Session, root: str, places: Sequence[UncPath]) -> tuple[list[Spot], Absent]:
    """For each place of one share, which the node has at `root`, the deepest folder on the way that is there."""
    ways = {place: _way(root, place) for place in places}
    asked = list(dict.fromkeys(folder for way in ways.values() for _, folder in way))
    facts = dict(zip(asked, session.stat_many(asked), strict=True))
    spots: dict[str, Spot] = {}
    absent: dict[UncPath, NodeError | None] = {}
    for place, way in ways.items():
        path, folder = _deepest(way, facts)
        found = facts[folder]
        if folder == root and not isinstance(found, RemoteStat):
            absent[place] = found
        elif folder in spots:
            spots[folder].wanted += (place,)
        else:
            spots[folder] = Spot(path, folder, (place,))
    return list(spots.values()), absent


def _way(root: str, place: UncPath) -> list[tuple[UncPath, str]]:
    """The share and each folder down to the place, with their SFTP paths."""
    way, path, folder = [(place.root, root)], place.root, root
    for name in place.folders:
        path, folder = path.join(name), f"{folder}/{name}"
        way.append((path, folder))
    return way


def _deepest(
    way: Sequence[tuple[UncPath, str]], facts: Mapping[str, RemoteStat | NodeError | None]
) -> tuple[UncPath, str]:
    """The last that is there; what may not be looked at counts as there, for its own trial says why."""
    return next((one for one in reversed(way) if facts[one[1]] is not None), way[0])
