"""What is tried in the folders of one share from one node: each step in all folders, then the next.

A folder that fails a step drops out. A node that hangs over one folder hangs over the others of the share, too, and its
session is of no use any more, so the share's trial ends there.
"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress

from nodes.counted import many
from nodes.enums import CellReason
from nodes.errors import NodeError, RemoteBusy, RemoteFileExists, RemoteFileMissing
from nodes.remote.session import Outcome, Session
from nodes.shares.reasons import Reason
from replication.jobs.runner import JobLease
from replication.shared_paths.core.share_tests import (
    FORGOTTEN,
    LOCK,
    RENAMED,
    STEPS,
    WRITTEN,
    TestOwner,
)
from replication.shared_paths.test_job.peers import Eyes, Peers, Seen
from replication.shared_paths.test_job.reasons import HUNG, Judge
from replication.shared_paths.test_job.spots import Spot, live

SLOW = 5.0
"""Seconds that one step in one folder may take: a mail server opens thousands of files there."""

CONTENT = 64 * 1024
"""Bytes of a test file, about a small message's: a few would find room on a full disk."""

HELD = 2.0
"""Seconds for which a file that a scanner holds open is tried again."""

AGAIN = 0.1
ROUND_TRIPS = 5


class _Over(Exception):
    """The trial of the share cannot go on; every folder has its fault."""


class ShareTrial:
    """One trial. `until`: when, by the monotonic clock, the node's whole test has to be through."""

    def __init__(
        self, here: Eyes, spots: Sequence[Spot], owner: TestOwner, lease: JobLease, judge: Judge, until: float
    ) -> None:
        self.here, self.spots, self.owner, self.lease = here, spots, owner, lease
        self._session, self._judge, self._until = here.link.session, judge, until
        self._content = secrets.token_hex(CONTENT // 2).encode()
        self._strange: dict[str, float] = {}

    def run(self, peers: Peers) -> None:
        """All steps; what is found stands in the spots. Raises Interrupted."""
        try:
            with ExitStack() as stack:
                self._write_and_lock()
                seen = Seen(self.owner, self._content, self.lease)
                peers.look(stack, self.here, self.spots, seen)
                self.lease.boundary("share-seen")
                self._rename_and_delete(seen)
                self._measure(seen)
        except _Over:
            pass

    def sweep(self) -> None:
        """Only remove what earlier tests left; what is found stands in the spots. Raises Interrupted."""
        with suppress(_Over):
            self._each("reach", self._sweep_whole)

    def _write_and_lock(self) -> None:
        self._each("reach", self._reach)
        self.lease.boundary("share-swept")
        self._each("create", self._create)
        self.lease.boundary("share-created")
        self._each("write", self._write)
        self._each("read", self._read)
        self.lease.boundary("share-written")
        self._each("lock", self._lock)
        self.lease.boundary("share-locked")

    def _rename_and_delete(self, seen: Seen) -> None:
        self._together("rename", self._rename)
        self.lease.boundary("share-renamed")
        seen.renamed(live(self.spots))
        self._together("delete", self._delete)
        self.lease.boundary("share-deleted")
        seen.gone(live(self.spots))

    # one folder after the other

    def _sweep_whole(self, spot: Spot) -> None:
        stays = self._sweep(spot)
        if stays:
            raise stays[0]

    def _reach(self, spot: Spot) -> None:
        """List it, and sweep; what stays does not make the folder a bad one."""
        for error in self._sweep(spot):
            self.lease.event("warning", "share.left", f"A file of an earlier test stays in {spot.path}: {error}")

    def _sweep(self, spot: Spot) -> list[NodeError]:
        """Remove what tests left there that are over. Answers why some of it stays."""
        left: list[str] = []
        for entries in self._session.entries(spot.folder, progress=lambda _: self.lease.check()):
            left += [entry.name for entry in entries if self.owner.left_over(entry.name)]
            strange = [entry for entry in entries if self.owner.left_over(entry.name, FORGOTTEN + 1)]
            self._strange |= {f"{spot.folder}/{entry.name}": entry.stat.mtime_ns / 1e9 for entry in strange}
        stays: list[NodeError] = []
        if left:
            self.lease.check()
            outcomes = self._session.remove_many([f"{spot.folder}/{name}" for name in left])
            stays = [error for error in outcomes if error is not None and not isinstance(error, RemoteFileMissing)]
            if len(stays) < len(left):
                text = f"Removed {many(len(left) - len(stays), 'file')} of earlier tests from {spot.path}."
                self.lease.event("info", "share.swept", text)
        return stays

    def _create(self, spot: Spot) -> None:
        spot.begun = True
        self._session.write_new(spot.file(self.owner, LOCK), [])

    def _write(self, spot: Spot) -> None:
        """Write, and compare the file server's clock with the portal's by the file's time."""
        path = spot.file(self.owner, WRITTEN)
        self._session.write_new(path, [self._content])
        now, facts = time.time(), self._session.stat(path)
        if facts is not None:
            # SFTP cuts off what is less than a second
            spot.clock_offset = round(facts.mtime_ns / 1e9 + 0.5 - now, 1)

    def _read(self, spot: Spot) -> None:
        if b"".join(self._session.read(spot.file(self.owner, WRITTEN), most=CONTENT)) != self._content:
            spot.fault = Reason(CellReason.OTHER, "What was written was read back as something else.")

    def _lock(self, spot: Spot) -> None:
        try:
            self._session.write_new(spot.file(self.owner, LOCK), [])
        except RemoteFileExists:
            return
        spot.fault = Reason(CellReason.NO_LOCK, "A file that was there could be created a second time.")

    # all folders at once

    def _rename(self, spots: Sequence[Spot]) -> Sequence[Outcome]:
        pairs = [(spot.file(self.owner, WRITTEN), spot.file(self.owner, RENAMED)) for spot in spots]
        return self._session.replace_many(pairs)

    def _delete(self, spots: Sequence[Spot]) -> Sequence[Outcome]:
        names = [spot.file(self.owner, letter) for spot in spots for letter in (LOCK, RENAMED)]
        outcomes = self._session.remove_many(names)
        return [outcomes[at] or outcomes[at + 1] for at in range(0, len(names), 2)]

    def clean(self, session: Session) -> None:
        """Remove what is left of this try, and what strangers forgot a day ago. Raises NodeError."""
        letters = (LOCK, WRITTEN, RENAMED)
        names = [spot.file(self.owner, letter) for spot in self.spots if spot.begun for letter in letters]
        names += self._forgotten()
        for name, error in zip(names, session.remove_many(names), strict=True):
            if error is not None:
                self.lease.event("warning", "share.left", f"{name} stays for the next test: {error}")
        for spot in self.spots:
            spot.begun = False

    def _forgotten(self) -> list[str]:
        """Test files that are a day old by the file server's own clock."""
        ahead = next((spot.clock_offset for spot in self.spots if spot.clock_offset is not None), None)
        if ahead is None:
            return []
        now = time.time() + ahead
        return [path for path, mtime in self._strange.items() if now - mtime > FORGOTTEN]

    def _measure(self, seen: Seen) -> None:
        volume = self.here.volume(self.spots[0].path.root) if live(self.spots) else None
        for spot in live(self.spots):
            if spot.folder in seen.eyes:  # nobody else's word proves that it is shared at all
                spot.volume = str(volume or "")
            with self._guarded("space", [spot]):
                spot.space = self._session.free_space(spot.folder)
                there, way = self._round_trips(spot.folder), self._round_trips(self.here.link.root)
                spot.latency_ms = round(max(0.0, there - way) * 1000, 2)

    def _round_trips(self, path: str) -> float:
        """The median of some."""
        taken = []
        for _ in range(ROUND_TRIPS):
            began = time.perf_counter()
            self._session.stat_many([path])
            taken.append(time.perf_counter() - began)
        return statistics.median(taken)

    # the frame

    def _each(self, step: str, act: Callable[[Spot], None]) -> None:
        for spot in live(self.spots):
            self.lease.check()
            with self._guarded(step, [spot]):
                act(spot)

    def _together(self, step: str, act: Callable[[Sequence[Spot]], Sequence[Outcome]]) -> None:
        """What a scanner holds for a moment is tried again."""
        left, until = live(self.spots), time.monotonic() + HELD
        with self._guarded(step, left):
            while left:
                self.lease.check()
                again = time.monotonic() < until
                held = []
                for spot, error in zip(left, act(left), strict=True):
                    if again and isinstance(error, RemoteBusy):
                        held.append(spot)
                    elif error is not None:
                        spot.fault = self._judge.of_error(error, spot)
                left = held
                if left:
                    time.sleep(AGAIN)

    @contextmanager
    def _guarded(self, step: str, spots: Sequence[Spot]) -> Iterator[None]:
        """Time a step in some folders, and judge what goes wrong. Raises _Over where the node hangs over it, or all of
        it takes too long."""
        began = time.monotonic()
        try:
            yield
        except HUNG as error:
            seconds, spot = time.monotonic() - began, spots[0]
            self.lease.check()
            self._end(spots, self._judge.hung(error, step, seconds, spot.path, spot.folder))
        except NodeError as error:
            for spot in spots:
                spot.fault = self._judge.of_error(error, spot)
        seconds = time.monotonic() - began
        for spot in spots:
            spot.steps[step] = round(seconds, 4)
            if spot.fault is None and seconds > SLOW:
                text = f"It takes too long: {STEPS[step].lower()} took {seconds:.1f} s, more than {SLOW:.0f} s."
                spot.fault = Reason(CellReason.SLOW, text)
        if time.monotonic() > self._until:
            text = f"The whole test takes too long: it was not through when this was tried: {STEPS[step].lower()}."
            self._end(live(self.spots), Reason(CellReason.SLOW, text))

    def _end(self, spots: Sequence[Spot], fault: Reason) -> None:
        for spot in spots:
            spot.fault = fault
        where = spots[0].path if spots else "other folders"
        for spot in live(self.spots):
            spot.fault = Reason(
                fault.reason, f"Not tried to the end, because of {where} on the same share: {fault.text}"
            )
        raise _Over
