"""Keeping what tests found of shared folders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict

from django.db.models import Q, QuerySet
from django.utils import timezone

from nodes.clusters.models import Cluster
from nodes.leases.transactions import write_transaction
from nodes.one_line import one_line
from nodes.platforms.unc import UncPath
from nodes.registry.models import Node
from nodes.shares.core.accounts import is_service_account
from nodes.shares.core.cells import CellFound
from nodes.shares.core.standing import lies_on, lies_on_server
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


def judge_accounts(node_id: int, accounts: Iterable[str]) -> None:
    """Say anew of what was tested from a node whether that was as whom its services run as. `accounts`: theirs, as they
    were read just now."""
    known = tuple(accounts)
    for cell in ShareCell.objects.filter(node=node_id).exclude(login=""):
        now = is_service_account(cell.login, known)
        if now != cell.is_service_account:
            ShareCell.objects.filter(pk=cell.pk).update(is_service_account=now)


def forget_mounted(node: Node, share: UncPath) -> None:
    """Its mount point is another: what was tested at the former one says nothing."""
    _forget(ShareCell.objects.filter(node=node), lambda path: lies_on(path, share))


def forget_from_portal(cluster: Cluster, server: str) -> None:
    """The portal's login to a file server is another: what was tested with the former one says nothing."""
    _forget(ShareCell.objects.filter(cluster=cluster, node=None), lambda path: lies_on_server(path, server))


def _forget(cells: QuerySet[ShareCell], lies_there: Callable[[str], bool]) -> None:
    gone = [pk for pk, path in cells.values_list("pk", "path") if lies_there(path)]
    ShareCell.objects.filter(pk__in=gone).delete()
