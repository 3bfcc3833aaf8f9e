"""The file servers of clusters as drawings of them need them: from which nodes they can be worked on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import timedelta

from django.utils import timezone

from nodes.clusters.models import Cluster
from nodes.enums import Joining
from nodes.products.errors import ProfileError
from nodes.registry.models import Node
from nodes.registry.topology import FileServer
from nodes.shares.core.layout import SharedPlace, effective
from nodes.shares.core.standing import OK, TEST_LASTS, has_failed, lies_at
from nodes.shares.models import ShareCell, SharedFolder, SharedPaths
from nodes.shares.selectors.layout import folder_rules, layout_from

_Cells = Mapping[tuple[int, str], ShareCell]


def here(nodes: Iterable[Node]) -> list[int]:
    """The ids of those that have not left their cluster: whether others reach the share does not matter."""
    return [node.pk for node in nodes if node.joining != Joining.LEFT]


def servers_of(nodes: Mapping[Cluster, Collection[int]]) -> dict[int, tuple[FileServer, ...]]:
    """The file servers on which the shared folders of clusters are to lie, by cluster, as the newest share test found
    them from these nodes. Three queries for any number of clusters; one where none has shared paths, none for none."""
    rows = {row.cluster_id: row for row in SharedPaths.objects.filter(cluster__in=nodes)} if nodes else {}
    if not rows:
        return {}
    own: dict[int, dict[str, str]] = defaultdict(dict)
    for cluster_id, role, path in SharedFolder.objects.filter(cluster__in=nodes).values_list("cluster", "role", "path"):
        own[cluster_id][role] = path
    since = timezone.now() - timedelta(seconds=TEST_LASTS)
    cells = {
        (cell.node_id, cell.role): cell
        for cell in ShareCell.objects.filter(cluster__in=nodes, tested_at__gte=since).exclude(node=None)
        if cell.node_id is not None
    }
    return {
        cluster.pk: _servers(_places(cluster, rows[cluster.pk], own[cluster.pk]), ids, cells)
        for cluster, ids in nodes.items()
        if cluster.pk in rows
    }


def _places(cluster: Cluster, row: SharedPaths, own: Mapping[str, str]) -> tuple[SharedPlace, ...]:
    layout = layout_from(row, own)
    try:
        return effective(layout, folder_rules(cluster))
    except ProfileError:
        return ()


def _servers(places: Iterable[SharedPlace], nodes: Collection[int], cells: _Cells) -> tuple[FileServer, ...]:
    by_server: dict[str, list[SharedPlace]] = defaultdict(list)
    for place in places:
        by_server[place.path.server.casefold()].append(place)
    return tuple(_server(those[0].path.server, those, nodes, cells) for those in by_server.values())


def _server(name: str, places: Sequence[SharedPlace], nodes: Collection[int], cells: _Cells) -> FileServer:
    reached = {node: _tone([cells.get((node, place.role)) for place in places], places) for node in nodes}
    well, ill = (sum(tone == one for tone in reached.values()) for one in ("ok", "bad"))
    if not (well or ill):
        part = any(_works(cells.get((node, place.role)), place) for node in nodes for place in places)
        words = (
            ("tested in part", "not every folder was tested lately") if part else ("not tested", "not tested lately")
        )
        return FileServer(name, "idle", *words, reached)
    text = f"{well} of {len(reached)} nodes work there" + (f", {ill} cannot" if ill else "")
    tone = "bad" if ill else "ok" if well == len(reached) else "idle"
    return FileServer(name, tone, f"{well} of {len(reached)} nodes", text, reached)


def _tone(found: Sequence[ShareCell | None], places: Sequence[SharedPlace]) -> str:
    """How all folders of one file server stand from one node."""
    pairs = list(zip(found, places, strict=True))
    if any(cell and lies_at(cell.path, place.path) and has_failed(cell.state, cell.reason) for cell, place in pairs):
        return "bad"
    return "ok" if all(_works(cell, place) for cell, place in pairs) else "idle"


def _works(cell: ShareCell | None, place: SharedPlace) -> bool:
    """Whether the newest test of a folder is of where it is set, and went well."""
    return cell is not None and lies_at(cell.path, place.path) and cell.state == OK
