"""Keeping what tests found of shared folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from django.db.models import Q
from django.utils import timezone

from nodes.leases.transactions import write_transaction
from nodes.one_line import one_line
from nodes.shares.core.cells import CellFound
from nodes.shares.models import ShareCell

LONGEST = {"text": 600, "login": 255, "path": 400, "volume": 620}


def record_cells(cells: Sequence[CellFound]) -> None:
    """What one test found, in place of all that was known of the same nodes, or of the portal. Two statements for any
    number."""
    if not cells:
        return
    nodes = {cell.node_id for cell in cells if cell.node_id is not None}
    portals = {cell.cluster_id for cell in cells if cell.node_id is None}
    at = timezone.now()
    with write_transaction():
        ShareCell.objects.filter(Q(node__in=nodes) | Q(node=None, cluster__in=portals)).delete()
        ShareCell.objects.bulk_create(ShareCell(**_columns(cell), tested_at=at) for cell in cells)


def _columns(cell: CellFound) -> dict[str, object]:
    columns = asdict(cell)
    return columns | {name: one_line(columns[name], most) for name, most in LONGEST.items()}
