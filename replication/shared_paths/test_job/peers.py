"""The other nodes that look at what one node wrote: the next in the ring that answers and finds the folder."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from django.conf import settings

from nodes.connection.connect import Door, NodeLink, open_node
from nodes.enums import CellReason
from nodes.errors import NodeError, RemoteFileExists, RemoteFileMissing
from nodes.platforms.base import Mount
from nodes.platforms.unc import UncPath
from nodes.registry.models import Node
from nodes.remote.session import RemoteStat
from nodes.shares.reasons import Reason, ask_volume, not_mounted
from nodes.shares.spelling import NoMountPoint, remote_path
from replication.jobs.runner import JobLease
from replication.shared_paths.core.share_tests import LOCK, RENAMED, WRITTEN, TestOwner
from replication.shared_paths.test_job.reasons import HUNG
from replication.shared_paths.test_job.spots import Spot, live

MOST = 3
"""Other nodes that are asked for one share."""

SEEN_WITHIN = 3.0
"""Seconds after which a change should be seen on another node; caches keep what was deleted for longer."""

AGAIN = 0.1


@dataclass(frozen=True, slots=True)
class Other:
    """Another node, and where it mounts what."""

    node: Node
    door: Door | None
    mounts: Mapping[UncPath, str]


@dataclass(frozen=True, slots=True, eq=False)
class Eyes:
    """An open way to a node, and where it mounts what."""

    link: NodeLink
    mounts: Mapping[UncPath, str]

    @property
    def name(self) -> str:
        """The node's."""
        return self.link.node_name

    def path(self, spot: Spot, name: str = "") -> str:
        """The SFTP path of a folder, or of a file in it, as this node has it. Raises NoMountPoint."""
        folder = remote_path(self.link.platform, self.mounts, spot.path)
        return f"{folder}/{name}" if name else folder

    def unmounted(self, share: UncPath) -> Reason | None:
        """Why a share is not mounted where it should be, as far as the node tells; None where it seems to be."""
        volume = self.volume(share)
        return not_mounted(volume, self._mounted(share)) if volume is not None else None

    def volume(self, share: UncPath) -> Mount | None:
        """On what a share lies, as far as the node tells."""
        if share not in self.mounts:
            return None
        session, platform = self.link.session, self.link.platform
        try:
            return ask_volume(session, platform, self._mounted(share), timeout=settings.PORTAL.operation)
        except (NodeError, ValueError):
            return None

    def _mounted(self, share: UncPath) -> str:
        return remote_path(self.link.platform, self.mounts, share)


@dataclass(slots=True)
class Seen:
    """Who sees which folder; of those that nobody sees, who missed the file in it (and whether the share seems not to
    be mounted there), and who could not look."""

    owner: TestOwner
    content: bytes
    lease: JobLease
    eyes: dict[str, Eyes] = field(default_factory=dict)
    missed: dict[str, list[tuple[str, bool]]] = field(default_factory=dict)
    blind: dict[str, list[str]] = field(default_factory=dict)

    def forget(self, eyes: Eyes, why: NodeError) -> None:
        """A node stopped answering: it sees nothing any more."""
        for folder in [folder for folder, one in self.eyes.items() if one is eyes]:
            del self.eyes[folder]
            self.no_eyes(folder, eyes.name, why)

    def no_eyes(self, folder: str, name: str, why: Exception) -> None:
        """A node could not look into a folder."""
        told = self.blind.setdefault(folder, [])
        told += [text for text in (f"{name}: {why}",) if text not in told]

    def renamed(self, spots: Sequence[Spot]) -> None:
        """The new names are seen, soon."""
        for spot in self._wait(spots, "peer_rename", there=True):
            text = f"{self.eyes[spot.folder].name} does not see that a file was renamed."
            spot.fault = Reason(CellReason.NOT_SEEN, text)

    def gone(self, spots: Sequence[Spot]) -> None:
        """The files are seen to be gone, soon; where a cache keeps them, that is told."""
        for spot in self._wait(spots, "peer_delete", there=False):
            name = self.eyes[spot.folder].name
            spot.beside.append(f"{name} still saw the deleted file after {SEEN_WITHIN:.0f} s: it keeps old answers.")

    def _wait(self, spots: Sequence[Spot], step: str, *, there: bool) -> list[Spot]:
        """Look until the renamed file is there, or gone, in each folder. Answers where it is not after a while."""
        late: list[Spot] = []
        for eyes in dict.fromkeys(self.eyes.values()):
            own = [spot for spot in spots if self.eyes.get(spot.folder) is eyes]
            try:
                late += self._wait_on(eyes, own, step, there)
            except NodeError as error:
                for spot in own:
                    spot.beside.append(f"{eyes.name} stopped answering: {error}")
        return late

    def _wait_on(self, eyes: Eyes, left: list[Spot], step: str, there: bool) -> list[Spot]:
        began = time.monotonic()
        while left:
            self.lease.check()
            found = eyes.link.session.stat_many([eyes.path(spot, self.owner.name(RENAMED)) for spot in left])
            seconds = time.monotonic() - began
            not_yet = []
            for spot, facts in zip(left, found, strict=True):
                if isinstance(facts, RemoteStat) is there:
                    spot.steps[step] = round(seconds, 4)
                else:
                    not_yet.append(spot)
            left = not_yet
            if seconds > SEEN_WITHIN:
                break
            if left:
                time.sleep(AGAIN)
        return left


@dataclass(frozen=True, slots=True)
class Peers:
    """The other nodes of a cluster that may be asked, in the order of the ring. `none`: why there are none. `waits`:
    seconds that one of them may be waited for in all."""

    others: Sequence[Other]
    waits: float
    none: str = ""

    def look(self, stack: ExitStack, here: Eyes, spots: Sequence[Spot], seen: Seen) -> None:
        """Have others read what was written in each folder, and be refused to create what is there. Those that can are
        kept open in `stack`."""
        for other in self.others[:MOST]:
            left = [spot for spot in live(spots) if spot.folder not in seen.eyes]
            if not left:
                break
            seen.lease.check()
            self._look_from(other, stack, left, seen)
        for spot in live(spots):
            _conclude(here, spot, seen, self.none)

    def _look_from(self, other: Other, stack: ExitStack, spots: Sequence[Spot], seen: Seen) -> None:
        try:
            with ExitStack() as inner:
                eyes = Eyes(inner.enter_context(open_node(other.node, other.door, waits=self.waits)), other.mounts)
                if _look(eyes, spots, seen):
                    stack.push(inner.pop_all())
        except NodeError as error:
            for spot in spots:
                seen.no_eyes(spot.folder, other.node.name, error)


def _look(eyes: Eyes, spots: Sequence[Spot], seen: Seen) -> bool:
    """Look at each folder from one node; whether it sees any. Where it hangs over one it sees none: that is not said of
    the node itself, which may hang over nothing else."""
    for at, spot in enumerate(spots):
        seen.lease.check()
        try:
            if _sees(eyes, spot, seen):
                seen.eyes[spot.folder] = eyes
                _try_lock(eyes, spot, seen)
            else:
                unmounted = eyes.unmounted(spot.path.root) is not None
                seen.missed.setdefault(spot.folder, []).append((eyes.name, unmounted))
        except HUNG as error:
            seen.forget(eyes, error)
            for one in spots[at:]:
                seen.no_eyes(one.folder, eyes.name, error)
            return False
        except (NodeError, NoMountPoint) as error:
            seen.no_eyes(spot.folder, eyes.name, error)
    return eyes in seen.eyes.values()


def _sees(eyes: Eyes, spot: Spot, seen: Seen) -> bool:
    """Whether the node reads what was written. Raises RemoteFileMissing where not even the folder is there."""
    began = time.monotonic()
    path = eyes.path(spot, seen.owner.name(WRITTEN))
    try:
        read = b"".join(eyes.link.session.read(path, most=len(seen.content)))
    except RemoteFileMissing:
        if eyes.link.session.stat(eyes.path(spot)) is None:
            raise
        return False
    spot.steps["peer_read"] = round(time.monotonic() - began, 4)
    return read == seen.content


def _try_lock(eyes: Eyes, spot: Spot, seen: Seen) -> None:
    """The node must not be able to create the file that is there."""
    seen.lease.check()
    began = time.monotonic()
    try:
        eyes.link.session.write_new(eyes.path(spot, seen.owner.name(LOCK)), [])
    except RemoteFileExists:
        spot.steps["peer_lock"] = round(time.monotonic() - began, 4)
    except HUNG:
        raise
    except NodeError as error:
        spot.beside.append(f"{eyes.name} reads it, but locks could not be tried from there: {error}")
    else:
        spot.fault = Reason(CellReason.NO_LOCK, f"{eyes.name} could create a file that was there already.")


def _conclude(here: Eyes, spot: Spot, seen: Seen, none: str) -> None:
    """Say who saw it; where nobody did, whether that is this node's fault."""
    missed, blind = seen.missed.get(spot.folder, []), seen.blind.get(spot.folder, [])
    if spot.folder in seen.eyes:
        spot.beside.append(f"{seen.eyes[spot.folder].name} sees what is written here.")
        spot.beside += [f"{name} does not." for name, _ in missed]
        return
    if not missed:
        spot.beside.append(f"No other node looked at it: {'; '.join(blind) or none}.")
        return
    names = " and ".join(name for name, _ in missed)
    unmounted = here.unmounted(spot.path.root)
    if unmounted is not None:
        spot.fault = Reason(CellReason.NOT_MOUNTED, f"Not seen by {names}. {unmounted.text}")
        return
    empty = [name for name, is_empty in missed if is_empty]
    why = f" On {' and '.join(empty)} nothing seems to be mounted." if empty else ""
    spot.fault = Reason(CellReason.NOT_SEEN, f"What is written here is not seen by {names}.{why}")
