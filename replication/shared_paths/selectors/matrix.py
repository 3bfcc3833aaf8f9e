"""The matrix of shared folders as pages show it: with the test under way, and as whom each node was tried."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from nodes.clusters.models import Cluster
from nodes.facts.models import NodeFacts
from nodes.platforms.windows_accounts import shown_account
from nodes.shares.models import ShareCell
from nodes.shares.selectors.cells import ShareMatrix, ShownCell, matrix_of
from replication.jobs.core.states import JOB_TERMINAL
from replication.jobs.models import Job
from replication.shared_paths.core.share_tests import SHARE_TEST_KIND, STEPS


@dataclass(frozen=True, slots=True)
class StepTime:
    """A step in words, and how long it took."""

    label: str
    ms: float


@dataclass(frozen=True, slots=True)
class CellTold:
    """A cell with all that there is to say of it. `account`: as whom it was tried, and whether that is who counts."""

    shown: ShownCell
    steps: tuple[StepTime, ...]
    account: str


@dataclass(frozen=True, slots=True)
class MatrixShown:
    """`told`: the cells of the folder of this role, the portal's first. `job`: the test that has not ended yet."""

    matrix: ShareMatrix
    opened: str
    told: tuple[CellTold, ...]
    job: Job | None


def matrix_shown(cluster: Cluster, opened: str | None) -> MatrixShown:
    """The matrix with one folder opened: `opened`, else the first that does not work. Six queries for any number.
    Raises ProfileError."""
    matrix = matrix_of(cluster)
    opened = matrix.first_open if opened is None else opened
    services = NodeFacts.objects.filter(node__cluster=cluster).values_list("node", "services")
    accounts = {node_id: _accounts(found) for node_id, found in services}
    row = next((row for row in matrix.rows if row.place.role == opened), None)
    told = tuple(_told(cell, accounts) for cell in row.all_cells) if row is not None else ()
    return MatrixShown(matrix, opened, told, _under_way(cluster))


def _under_way(cluster: Cluster) -> Job | None:
    jobs = Job.objects.filter(cluster=cluster, kind=SHARE_TEST_KIND, dry_run=False).exclude(state__in=JOB_TERMINAL)
    return jobs.order_by("-pk").first()


def _accounts(services: list[dict[str, str]]) -> str:
    return ", ".join(sorted({shown_account(one["account"]) for one in services}))


def _told(cell: ShownCell, accounts: Mapping[int, str]) -> CellTold:
    if cell.row is None:
        return CellTold(cell, (), "")
    steps = [StepTime(label, 1000 * cell.row.steps[step]) for step, label in STEPS.items() if step in cell.row.steps]
    return CellTold(cell, tuple(steps), _account(cell.row, accounts.get(cell.row.node_id or 0, "")))


def _account(row: ShareCell, services: str) -> str:
    if not row.login:
        return ""
    if row.node_id is None:
        return f"Tried as {row.login}."
    if row.is_service_account:
        return f"Tried as {row.login}, whom its services run as."
    if not services:
        return f"Tried as {row.login}; whom its services run as is not known."
    if row.is_service_account is None:
        return f"Tried as {row.login}; whether that is {services}, whom its services run as, is not known."
    return (
        f"Tried as {row.login}. Its services run as {services}: whether that account reaches the folder, only the"
        " server itself can tell."
    )
