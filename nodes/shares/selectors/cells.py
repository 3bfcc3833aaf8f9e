"""What tests found of shared folders, as a matrix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from nodes.clusters.models import Cluster
from nodes.enums import CellReason, CellState, NodeRole
from nodes.platforms.unc import UncPath
from nodes.registry.models import Node
from nodes.registry.selectors import still_in
from nodes.shares.core.layout import SharedPlace
from nodes.shares.core.standing import lies_at, lies_on
from nodes.shares.models import ShareCell
from nodes.shares.selectors.layout import places_of

VAGUE = frozenset({CellReason.OTHER, CellReason.SLOW, CellReason.DENIED, CellReason.NO_SHARE, CellReason.NO_FOLDER})
"""Reasons that a node's answer tells apart badly: what the portal found by itself helps."""


@dataclass(frozen=True, slots=True)
class ShownCell:
    """One folder from one node; `node` None: from the portal. `row` None: never tested. `outdated`: it was tested where
    the folder lay before; its state counts no more. `hint`: what the portal found of the folder by itself."""

    node: Node | None
    row: ShareCell | None = None
    outdated: bool = False
    hint: str = ""

    @property
    def state(self) -> CellState:
        """What the test came to, as far as it still counts."""
        return CellState(self.row.state) if self.row is not None and not self.outdated else CellState.UNTESTED

    @property
    def words(self) -> str:
        """The same for people, with the reason."""
        if self.row is None:
            return "Not tested yet"
        if self.outdated:
            return "Tested elsewhere"
        return self.row.get_reason_display() or self.row.get_state_display()


@dataclass(frozen=True, slots=True)
class FolderRow:
    """One folder from the portal and from each server, in the servers' order."""

    place: SharedPlace
    portal: ShownCell
    cells: tuple[ShownCell, ...]

    @property
    def all_cells(self) -> tuple[ShownCell, ...]:
        """The portal's first."""
        return (self.portal, *self.cells)


@dataclass(frozen=True, slots=True)
class ShareMatrix:
    """All folders of a cluster. `tested_at`: when the newest cell was found, by the job of `job_number`."""

    servers: Sequence[Node]
    rows: tuple[FolderRow, ...]
    tested_at: datetime | None = None
    job_number: int | None = None

    @property
    def first_open(self) -> str:
        """The role of the first folder that does not work from somewhere; "" where there is none."""
        bad = (row for row in self.rows if any(one.state == CellState.FAILED for one in row.all_cells))
        return next((row.place.role for row in bad), "")


def matrix_of(cluster: Cluster) -> ShareMatrix:
    """All cells of a cluster's folders. Four queries for any number. Raises ProfileError."""
    rows = list(ShareCell.objects.filter(cluster=cluster))
    nodes = still_in(cluster)
    servers = sorted(nodes, key=lambda node: node.role != NodeRole.PRIMARY)
    newest = max(rows, key=lambda row: row.tested_at, default=None)
    by_key = {(row.node_id, row.role): row for row in rows}
    found = tuple(_row(place, servers, by_key) for place in places_of(cluster))
    return ShareMatrix(servers, found, *((newest.tested_at, newest.job_number) if newest else ()))


def _row(place: SharedPlace, servers: Sequence[Node], rows: Mapping[tuple[int | None, str], ShareCell]) -> FolderRow:
    portal = _shown(None, place, rows.get((None, place.role)))
    cells = [_shown(node, place, rows.get((node.pk, place.role)), portal) for node in servers]
    return FolderRow(place, portal, tuple(cells))


def _shown(node: Node | None, place: SharedPlace, row: ShareCell | None, portal: ShownCell | None = None) -> ShownCell:
    outdated = row is not None and not lies_at(row.path, place.path)
    vague = row is not None and row.state == CellState.FAILED and row.reason in VAGUE
    return ShownCell(node, row, outdated, _hint(portal) if vague and not outdated else "")


def _hint(portal: ShownCell | None) -> str:
    row = portal.row if portal is not None and not portal.outdated else None
    if row is None or row.state == CellState.UNTESTED:
        return ""
    return f"From the portal it works as {row.login}." if row.state == CellState.OK else f"From the portal: {row.text}"


def proven_volumes(node: Node, share: UncPath) -> set[str]:
    """On what a share lay, in the node's own words, when tests found that its folders work from there. One query."""
    rows = ShareCell.objects.filter(node=node, state=CellState.OK).exclude(volume="")
    return {volume for path, volume in rows.values_list("path", "volume") if lies_on(path, share)}


def blind_roles(node: Node) -> list[str]:
    """The folders at which the portal's login on a node was found to have no rights on other machines: what it sees
    there says nothing. One query."""
    rows = ShareCell.objects.filter(node=node, reason=CellReason.NO_CREDENTIALS)
    return list(rows.values_list("role", flat=True))
