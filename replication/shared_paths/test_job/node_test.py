"""One node's part of a share test: all folders, share by share, and what is said of each in the end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from django.conf import settings

from nodes.connection.connect import NodeLink, open_node
from nodes.enums import CellReason, CellState
from nodes.errors import NodeError
from nodes.leases.errors import LeaseLost
from nodes.platforms.unc import UncPath
from nodes.registry.services.health import AWAY
from nodes.shares.core.cells import CellFound
from nodes.shares.reasons import Reason
from nodes.shares.spelling import NoMountPoint, remote_path
from replication.jobs.runner import TargetWork
from replication.shared_paths.core.share_tests import TestOwner
from replication.shared_paths.test_job.peers import Eyes
from replication.shared_paths.test_job.reasons import HUNG, Judge
from replication.shared_paths.test_job.scene import Scene
from replication.shared_paths.test_job.spots import Spot, find_spots
from replication.shared_paths.test_job.steps import FolderTest
from replication.shared_paths.test_job.trial import ShareTrial

TOO_LONG = "The whole test takes too long: other shares took all of its time."


class NodeTest:
    """One try. Its end is a cell for each folder of the plan, whatever the node does."""

    def __init__(self, work: TargetWork, scene: Scene) -> None:
        self.work, self.scene, self.node = work, scene, work.node
        self.owner = TestOwner(work.job.cluster_id, work.target.pk, work.lease.fence, scene.first)
        self._mounts = scene.mounts.get(self.node.pk, {})
        self._until = time.monotonic() + settings.PORTAL.command
        self._spots: dict[UncPath, Spot] = {}
        self._faults: dict[UncPath, Reason] = {}

    def run(self) -> list[CellFound]:
        """Try all of it. Raises Interrupted."""
        tests: Sequence[FolderTest] = self.work.node_plan.steps
        away: Reason | None = None
        for share, within in self._by_share():
            if time.monotonic() > self._until:
                self._faults |= dict.fromkeys(within, Reason(CellReason.SLOW, TOO_LONG))
            elif away is None:
                self.work.lease.progress(phase=f"tests {share}")
                away = self._try_share(share, within)
        return [self._cell(test, away) for test in tests]

    def sweep(self) -> list[str]:
        """Remove what earlier tests left. Answers why that, or a look at a folder, was not possible. Raises
        Interrupted."""
        for share, within in self._by_share():
            self.work.lease.progress(phase=f"sweeps {share}")
            try:
                with open_node(self.node, self.scene.doors.get(self.node.pk), waits=settings.PORTAL.command) as link:
                    if spots := self._find(link, share, within):
                        self._trial(link, spots).sweep()
            except NodeError as error:
                self._faults |= dict.fromkeys(within, Reason(CellReason.OTHER, f"{share}: {error}"))
        faults = [*self._faults.values(), *(spot.fault for spot in self._spots.values() if spot.fault)]
        return list(dict.fromkeys(fault.text for fault in faults))

    def _by_share(self) -> Iterator[tuple[UncPath, list[UncPath]]]:
        """The places of the plan, share by share."""
        places = list(dict.fromkeys(test.place for test in self.work.node_plan.steps))
        for share in dict.fromkeys(place.root for place in places):
            yield share, [place for place in places if place.root == share]

    def _trial(self, link: NodeLink, spots: Sequence[Spot]) -> ShareTrial:
        return ShareTrial(Eyes(link, self._mounts), spots, self.owner, self.work.lease, self._judge(link), self._until)

    def _try_share(self, share: UncPath, places: Sequence[UncPath]) -> Reason | None:
        """Try the places of one share. Answers why nothing can be tried on the node at all; None where it can."""
        try:
            with open_node(self.node, self.scene.doors.get(self.node.pk), waits=settings.PORTAL.command) as link:
                self._try_spots(link, self._find(link, share, places))
        except AWAY as error:
            return Reason(CellReason.NODE_AWAY, str(error))
        except NodeError as error:
            return Reason(CellReason.OTHER, str(error))
        return None

    def _find(self, link: NodeLink, share: UncPath, places: Sequence[UncPath]) -> Sequence[Spot]:
        """The folders of a share that can be tried; why others cannot is noted."""
        judge, began = self._judge(link), time.monotonic()
        try:
            root = remote_path(link.platform, self._mounts, share)
        except NoMountPoint as error:
            self._faults |= dict.fromkeys(places, Reason(CellReason.NOT_MOUNTED, str(error)))
            return ()
        try:
            spots, absent = find_spots(link.session, root, places)
        except HUNG as error:
            self.work.lease.check()
            fault = judge.hung(error, "reach", time.monotonic() - began, share, root)
            self._faults |= dict.fromkeys(places, fault)
            return ()
        self._spots |= {place: spot for spot in spots for place in spot.wanted}
        self._faults |= {place: judge.absent(why, share, root) for place, why in absent.items()}
        return spots

    def _judge(self, link: NodeLink) -> Judge:
        return Judge(link, self.scene.login(self.node), self.scene.by_key(self.node))

    def _try_spots(self, link: NodeLink, spots: Sequence[Spot]) -> None:
        """All steps in the folders of one share; no test file stays, whatever ends it."""
        trial = self._trial(link, spots)
        with self._cleaned(trial, link):
            trial.run(self.scene.peers(self.node, settings.PORTAL.command))
        self.work.lease.boundary("share-tested")

    @contextmanager
    def _cleaned(self, trial: ShareTrial, link: NodeLink) -> Iterator[None]:
        try:
            yield
        except LeaseLost:  # the next owner sweeps; this one must not touch the node any more
            raise
        except BaseException:
            self._clean(trial, link)
            raise
        self._clean(trial, link)

    def _clean(self, trial: ShareTrial, link: NodeLink) -> None:
        """Remove the test files; with a new session where the one at hand is of no use any more."""
        if self._cleans(trial, link):
            return
        try:
            with open_node(self.node, self.scene.doors.get(self.node.pk), waits=settings.PORTAL.command) as again:
                cleaned = self._cleans(trial, again)
        except NodeError:
            cleaned = False
        if not cleaned:
            self.work.lease.event("warning", "share.left", "Test files may be left; the next test removes them.")

    @staticmethod
    def _cleans(trial: ShareTrial, link: NodeLink) -> bool:
        try:
            trial.clean(link.session)
        except HUNG:  # over the share, most likely: that is not said of the node itself
            return False
        return True

    def _cell(self, test: FolderTest, away: Reason | None) -> CellFound:
        place = test.place
        spot = self._spots.get(place)
        fault = self._faults.get(place) or (spot.fault if spot else away)
        reason = fault.reason if fault else ""
        tried = spot is not None or place in self._faults
        state = CellState.OK if fault is None else CellState.FAILED if tried else CellState.UNTESTED
        return CellFound(
            cluster_id=self.work.job.cluster_id,
            node_id=self.node.pk,
            role=test.role,
            path=test.path,
            state=state,
            job_number=self.work.job.pk,
            reason=reason,
            text=" ".join(filter(None, (fault.text if fault else "", *_beside(spot, place)))),
            steps=dict(spot.steps) if spot else {},
            latency_ms=spot.latency_ms if spot else None,
            disk_free=spot.space.free if spot and spot.space else None,
            disk_total=spot.space.total if spot and spot.space else None,
            clock_offset=spot.clock_offset if spot else None,
            login=self.scene.login(self.node) if tried else "",
            is_service_account=self.scene.is_service_account(self.node) if tried else None,
            volume=spot.volume if spot else "",
        )


def _beside(spot: Spot | None, place: UncPath) -> list[str]:
    if spot is None:
        return []
    if spot.path == place:
        return spot.beside
    name = place.folders[-1]
    if spot.fault is not None:
        return [f"{name} is not there yet, so {spot.path} was tried.", *spot.beside]
    return [f"{name} is not there yet; {spot.path} can be written, and Apply makes it.", *spot.beside]
