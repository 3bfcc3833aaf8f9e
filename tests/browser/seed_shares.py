"""Shared paths to look at: set and half applied, tested with every kind of end, queues shared and left behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import timedelta

from django.utils import timezone

from nodes.clusters.models import Cluster
from nodes.enums import CellReason, CellState, KeySource
from nodes.facts.models import NodeFacts
from nodes.ini_keys.services import folded
from nodes.platforms.base import Service
from nodes.queues.models import QueueCount, QueueReading
from nodes.registry.models import Node
from nodes.secret import Secret
from nodes.shares.models import FolderKey, FormerValue, ShareCell, SharedPaths
from nodes.shares.selectors.layout import places_of

GIB = 1024**3
INI = "App/MDaemon.ini"


def share(cluster: Cluster, nodes: Sequence[Node], name: str) -> None:
    """Give a cluster whose paths are set its keys, tests and queues, and have mail routed over its nodes."""
    SharedPaths.objects.filter(cluster=cluster).update(routing=True)
    _keys(cluster, nodes[0], name)
    for number, node in enumerate(nodes):
        _cells(cluster, node, number)
        if number < 4:
            _services(node, "LocalSystem" if number == 2 else r"HARBOUR\mdaemon")
            _queues(node, number)
    _cells(cluster, None, 0)


def _keys(cluster: Cluster, primary: Node, name: str) -> None:
    for role, key, source in (("users", "UserMailPath", KeySource.FOUND), ("locks", "LockPath", KeySource.TYPED)):
        place = {"path": INI, "section": "Directories", "key": key}
        FolderKey.objects.create(
            cluster=cluster,
            role=role,
            folded=folded(*place.values()),
            source=source,
            evidence=rf"{key}=C:\MDaemon\{role.capitalize()}",
            by=name,
            at=timezone.now(),
            **place,
        )
    FormerValue.objects.create(
        cluster=cluster,
        role="users",
        path=INI,
        section="Directories",
        key="UserMailPath",
        value=Secret(r"C:\MDaemon\Users"),
        wrote=r"\\nas1\mail\Users",
        applied_at=timezone.now(),
        job_number=1,
    )


def _cells(cluster: Cluster, node: Node | None, number: int) -> None:
    """The primary works everywhere, the second cannot write the public folders, the third was not testable, the fourth
    was away, the fifth was never tested."""
    kinds = {
        1: (CellState.FAILED, CellReason.DENIED, r"Access to \\nas1\mail\Public Folders is denied."),
        2: (CellState.UNTESTED, CellReason.NO_CREDENTIALS, "A login by key has no rights on other machines."),
        3: (CellState.UNTESTED, CellReason.NODE_AWAY, "The node does not answer."),
    }
    for place in places_of(cluster) if number < 4 else ():
        odd = number in (2, 3) or (number == 1 and place.role == "public")
        state, reason, text = kinds[number] if odd else (CellState.OK, "", "")
        works = {"latency_ms": 1.8 + number, "disk_free": 412 * GIB, "disk_total": 2048 * GIB, "clock_offset": 0.4}
        ShareCell.objects.create(
            cluster=cluster,
            node=node,
            role=place.role,
            path=str(place.path),
            state=state,
            reason=reason,
            text=text,
            steps={"reach": 0.02, "create": 0.11, "write": 0.04} if state == CellState.OK else {},
            login="" if odd and number > 1 else r"HARBOUR\mdaemon" if number == 0 and node else r"HARBOUR\portal",
            is_service_account=number == 0 and node is not None,
            tested_at=timezone.now() - timedelta(minutes=40),
            job_number=1,
            **works if state == CellState.OK else {},
        )


def _services(node: Node, account: str) -> None:
    services = [Service(name, shown, 4, 2, account, rf"C:\MDaemon\App\{name}.exe") for name, shown in _SERVICES]
    NodeFacts.objects.filter(node=node).update(services=[asdict(service) for service in services])


_SERVICES = (("MDaemon", "MDaemon"), ("WorldClient", "MDaemon Webmail"), ("WebAdmin", "MDaemon Remote Administration"))


def _queues(node: Node, number: int) -> None:
    now, shared = timezone.now(), number in (0, 1)
    reading = QueueReading.objects.create(
        node=node,
        place=r"\\nas1\mail\Queues" if shared else r"C:\MDaemon\Queues",
        shared=shared,
        left_place=r"C:\MDaemon\Queues" if number == 1 else "",
        read_at=now - timedelta(minutes=1 if number < 3 else 95),
        asked_at=now,
        error="The node does not answer." if number == 3 else "",
    )
    counts = [("Remote", False, 312), ("Local", False, 4), ("Inbound", False, 0), ("Retry", False, 27)]
    for queue, left, messages in counts + [("Remote", True, 6)] * (number == 1):
        QueueCount.objects.create(
            reading=reading,
            queue=queue,
            left=left,
            messages=messages,
            size=messages * 38_412,
            oldest_at=now - timedelta(minutes=messages + 2) if messages else None,
        )
