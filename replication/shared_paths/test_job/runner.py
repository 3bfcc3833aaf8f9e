"""The kind `share_test`: what each node, and the portal, can do in the folders that all nodes share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.errors import Refused
from nodes.clusters.models import Cluster
from nodes.counted import many
from nodes.enums import CellReason, CellState
from nodes.products.errors import ProfileError
from nodes.registry.selectors import still_in
from nodes.shares.core.cells import CellFound
from nodes.shares.selectors.layout import login_for, places_of
from nodes.shares.services.cells import record_cells
from nodes.signals import CLUSTER_CHANGED
from replication.jobs.batch_record import BatchRecord
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.core.states import TargetState
from replication.jobs.runner import PlanOutcome, PlanWork, TargetOutcome, TargetWork
from replication.shared_paths.core.share_tests import SWEEP
from replication.shared_paths.test_job.node_test import NodeTest
from replication.shared_paths.test_job.portal_test import PortalTest
from replication.shared_paths.test_job.scene import read_scene
from replication.shared_paths.test_job.steps import FolderTest

SHOWN = 3
"""Folders that a target's sentence names."""


@dataclass(frozen=True)
class CellsRecord(BatchRecord):
    """What one target found, written with its end."""

    cells: Sequence[CellFound]

    @classmethod
    def write_all(cls, records: Sequence[CellsRecord]) -> None:
        """Those of many targets at once; the checks go by them."""
        cells = [cell for record in records for cell in record.cells]
        record_cells(cells)
        for cluster_id in {cell.cluster_id for cell in cells}:
            CLUSTER_CHANGED.send(sender=None, cluster_id=cluster_id)


class ShareTestRunner:
    """Try every shared folder from every node."""

    def plan(self, work: PlanWork) -> PlanOutcome:
        """Say which folders would be tried, or swept. Raises Refused where none is set."""
        job = work.job
        sweeps = bool(job.options.get(SWEEP))
        tests = _tests(job.cluster, sweeps=sweeps)
        rows = still_in(job.cluster).order_by("pk")
        nodes = [node for node in rows if not job.node_ids or node.pk in job.node_ids]
        parts = tuple(NodePlan(node.pk, node.name, tests) for node in nodes)
        servers = () if sweeps else dict.fromkeys(test.place.server for test in tests)
        strangers = [server for server in servers if login_for(job.cluster, server) is None]
        targets = tuple(node.pk for node in nodes)
        return PlanOutcome(plan=Plan(parts), targets=targets, summary={"no_login": strangers})

    def run_target(self, work: TargetWork) -> TargetOutcome:
        """One node's folders; the primary's target tries them from the portal as well."""
        scene = work.shared(read_scene)
        if work.job.options.get(SWEEP):
            return _swept(NodeTest(work, scene).sweep())
        portal = PortalTest(work, scene.first).run() if scene.speaker == work.node.pk else []
        return _outcome(work, NodeTest(work, scene).run(), portal)


def _tests(cluster: Cluster, *, sweeps: bool) -> tuple[FolderTest, ...]:
    try:
        places = places_of(cluster)
    except ProfileError as error:
        raise Refused("no_profile", str(error)) from error
    if not places:
        raise Refused("no_paths", "No shared path is set.", "Set the cluster's shared paths first.")
    return tuple(FolderTest(place.role, place.label, str(place.path), sweeps) for place in places)


def _swept(faults: Sequence[str]) -> TargetOutcome:
    if faults:
        text = f"{' '.join(faults[:SHOWN])} The next share test removes what is left there."
        return TargetOutcome(TargetState.FAILED, error_code="share_not_swept", error=text)
    return TargetOutcome(TargetState.VERIFIED, {"proof": "No file of an earlier test is there."})


def _outcome(work: TargetWork, cells: Sequence[CellFound], portal: Sequence[CellFound]) -> TargetOutcome:
    works = sum(cell.state == CellState.OK for cell in cells)
    evidence = {
        "folders": len(cells),
        "works": works,
        "proof": f"{works} of {many(len(cells), 'folder')} can be used as {cells[0].login or 'nobody'}.",
    }
    record = CellsRecord([*cells, *portal])
    bad = [cell for cell in cells if cell.state != CellState.OK]
    bad_here = [cell for cell in portal if cell.state == CellState.FAILED]
    if not (bad or bad_here):
        return TargetOutcome(TargetState.VERIFIED, evidence, record=record)
    told = [_sentence(bad, work)] if bad else []
    told += [f"From the portal: {_sentence(bad_here, work)}"] if bad_here else []
    return TargetOutcome(TargetState.FAILED, evidence, _code(bad or bad_here), " ".join(told), record=record)


def _code(bad: Sequence[CellFound]) -> str:
    reasons = {cell.reason for cell in bad}
    return f"share_{bad[0].reason}" if len(reasons) == 1 and CellReason.OTHER not in reasons else "share_failed"


def _sentence(bad: Sequence[CellFound], work: TargetWork) -> str:
    labels = {step.role: step.label for step in work.node_plan.steps}
    by_text: dict[str, list[str]] = {}
    for cell in bad:
        by_text.setdefault(cell.text, []).append(labels[cell.role])
    told = [f"{', '.join(names)}: {text}" for text, names in list(by_text.items())[:SHOWN]]
    more = len(by_text) - len(told)
    return " ".join([*told, *([f"And {more} more."] if more > 0 else [])])
