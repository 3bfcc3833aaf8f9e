"""The same folders from where the portal runs, over SMB."""

from __future__ import annotations

from nodes.enums import CellState
from nodes.shares.core.cells import CellFound
from nodes.shares.selectors.layout import login_for
from replication.jobs.runner import TargetWork

NO_LOGIN = (
    "The portal has no login to {server}. Set one under the shared paths, to see the folder from the portal, too."
)


def test_from_portal(work: TargetWork, first: int) -> list[CellFound]:
    """A cell for each folder of the plan."""
    return [
        CellFound(
            cluster_id=work.job.cluster_id,
            node_id=None,
            role=test.role,
            path=test.path,
            state=CellState.UNTESTED,
            job_number=work.job.pk,
            text=NO_LOGIN.format(server=test.place.server),
        )
        for test in work.node_plan.steps
        if login_for(work.job.cluster, test.place.server) is None
    ]
