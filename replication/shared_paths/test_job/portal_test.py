"""The same folders from where the portal runs, over SMB."""

from __future__ import annotations

from dataclasses import replace

from django.conf import settings

from nodes.enums import CellReason, CellState
from nodes.platforms.unc import UncPath
from nodes.remote.share_probe import probe_share
from nodes.remote.shares import ShareProbe
from nodes.shares.core.cells import CellFound
from nodes.shares.core.login import ShareLogin
from nodes.shares.selectors.layout import login_for
from replication.jobs.runner import TargetWork
from replication.shared_paths.core.share_tests import PORTALS, TestOwner
from replication.shared_paths.test_job.steps import FolderTest

NO_LOGIN = "The portal has no login to {server}. Set one under the shared paths, to have it tried from here, too."

OF_THE_SERVER = frozenset(
    {CellReason.NO_HOST, CellReason.UNREACHABLE, CellReason.NO_SHARE, CellReason.WRONG_LOGIN, CellReason.SLOW}
)
"""What is said of one folder and holds for all others of the share."""


class PortalTest:
    """One try. Every folder has a cell in the end."""

    def __init__(self, work: TargetWork, first: int) -> None:
        self._work = work
        self._name = TestOwner(work.job.cluster_id, work.target.pk, work.lease.fence, first).name(PORTALS)
        self._logins: dict[str, ShareLogin | None] = {}
        self._probes: dict[UncPath, ShareProbe] = {}
        self._given_up: dict[UncPath, ShareProbe] = {}

    def run(self) -> list[CellFound]:
        """Try all of it. Raises Interrupted."""
        self._work.lease.progress(phase="tests from the portal")
        cells = [self._cell(test) for test in self._work.node_plan.steps]
        self._work.lease.boundary("share-portal")
        return cells

    def _cell(self, test: FolderTest) -> CellFound:
        place = test.place
        login = self._login(place.server)
        cell = CellFound(
            cluster_id=self._work.job.cluster_id,
            node_id=None,
            role=test.role,
            path=test.path,
            state=CellState.UNTESTED,
            job_number=self._work.job.pk,
            text=NO_LOGIN.format(server=place.server),
        )
        if login is None:
            return cell
        path, probe = self._deepest(place, login)
        missing = f"{place.folders[-1]} is not there yet; {path} was tried." if path != place else ""
        return replace(
            cell,
            state=CellState.OK if probe.reason is None else CellState.FAILED,
            reason=probe.reason or "",
            text=" ".join(filter(None, (probe.text, probe.remedy, missing))),
            steps={step: round(seconds, 4) for step, seconds in probe.steps.items()},
            latency_ms=None if probe.latency is None else round(probe.latency * 1000, 2),
            disk_free=probe.space.free if probe.space else None,
            disk_total=probe.space.total if probe.space else None,
            clock_offset=None if probe.clock_offset is None else round(probe.clock_offset, 1),
            login=login.username,
        )

    def _login(self, server: str) -> ShareLogin | None:
        folded = server.casefold()
        if folded not in self._logins:
            self._logins[folded] = login_for(self._work.job.cluster, server)
        return self._logins[folded]

    def _deepest(self, place: UncPath, login: ShareLogin) -> tuple[UncPath, ShareProbe]:
        """The deepest folder on the way that is there, and what came of trying it."""
        path = place
        while (probe := self._probe(path, login)).reason == CellReason.NO_FOLDER and path.parent is not None:
            path = path.parent
        return path, probe

    def _probe(self, path: UncPath, login: ShareLogin) -> ShareProbe:
        known = self._given_up.get(path.root) or self._probes.get(path)
        if known is not None:
            return known
        self._work.lease.check()
        probe = self._probes[path] = probe_share(path, login, self._name, settings.PORTAL.operation)
        if probe.reason in OF_THE_SERVER:
            self._given_up[path.root] = probe
        return probe
