"""Where a cluster's nodes shall keep the folders that they share. Nothing here reaches a node: what is set is written
there by a job that a person asks for."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.audit import Subject, record
from accounts.errors import Reason, Refused
from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import take_cluster
from nodes.clusters.models import Cluster
from nodes.rows import compare, count
from nodes.shares.core.draft import PathsChange, RoutingChange, drafted, field_of
from nodes.shares.core.layout import Layout
from nodes.shares.models import SharedFolder, SharedPaths
from nodes.shares.selectors.layout import layout_from, own_paths, rules_of
from nodes.signals import CLUSTER_CHANGED

__all__ = ["PathsChange", "RoutingChange", "set_paths", "set_routing"]

Gate = Callable[[Cluster], tuple[Reason, ...]]
"""What stands against switching multi-node mail routing on: nothing, or a reason for each server."""


@transaction.atomic
def set_paths(
    principal: Principal, *, cluster_id: int, change: PathsChange, longest: int = 0, seen_version: int | None = None
) -> SharedPaths:
    r"""Say where the shared folders shall lie. `longest`: bytes of the cluster's longest `domain\mailbox`, 0 where that
    is not known. Needs the cluster's administrator. Raises ValidationError by field, Stale, Refused."""
    return _change(principal, cluster_id, change, longest, seen_version)


@transaction.atomic
def set_routing(
    principal: Principal, *, cluster_id: int, change: RoutingChange, gate: Gate, seen_version: int | None = None
) -> SharedPaths:
    """Say whether nodes shall share their mail queues. Needs the cluster's administrator. Raises ValidationError by
    field, Stale, Refused where `gate` has reasons against switching it on."""
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR)
    reasons = gate(cluster) if change.on else ()
    if reasons:
        text = "Multi-node mail routing does not work with every server of this cluster."
        raise Refused("routing_gate", text, reasons=reasons)
    return _change(principal, cluster_id, change, 0, seen_version)


def _change(
    principal: Principal, cluster_id: int, change: PathsChange | RoutingChange, longest: int, seen_version: int | None
) -> SharedPaths:
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR)  # keeps two from making the row at once
    row = compare(SharedPaths.objects.get_or_create(cluster=cluster)[0], seen_version)
    former = layout_from(row, own_paths(cluster))
    draft = drafted(former, change, rules_of(cluster), longest)
    if draft.complaints:
        raise ValidationError({field: list(sentences) for field, sentences in draft.complaints.items()})
    changed = _changed(_columns(former), _columns(draft.layout))
    folders = _changed(_own(former), _own(draft.layout))
    if changed or folders:
        _keep(cluster, row, draft.layout, folders, principal.name)
        told = changed | {field_of(role): values for role, values in folders.items()}
        _tell(principal, cluster, isinstance(change, RoutingChange), told)
    return row


def _columns(layout: Layout) -> dict[str, object]:
    """A layout as its row holds it."""
    paths = {"common": layout.common, "queues": layout.queues}
    texts = {name: str(path) if path else "" for name, path in paths.items()}
    return {"mode": layout.mode, "routing": layout.routing} | texts


def _own(layout: Layout) -> dict[str, str]:
    return {role: str(path) for role, path in layout.own.items()}


def _changed(former: Mapping[str, object], now: Mapping[str, object]) -> dict[str, list[object]]:
    """What differs, each as it was and as it is."""
    names = [*now, *(name for name in former if name not in now)]
    pairs = {name: [former.get(name, ""), now.get(name, "")] for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _keep(cluster: Cluster, row: SharedPaths, layout: Layout, folders: Mapping[str, list[object]], by: str) -> None:
    columns = _columns(layout)
    for name, value in columns.items():
        setattr(row, name, value)
    row.changed_by = by
    count(row, *columns, "changed_by", "changed_at")
    for role, (_, path) in folders.items():
        if path:
            SharedFolder.objects.update_or_create(cluster=cluster, role=role, defaults={"path": str(path)})
        else:
            SharedFolder.objects.filter(cluster=cluster, role=role).delete()


def _tell(principal: Principal, cluster: Cluster, routing: bool, changed: Mapping[str, list[object]]) -> None:
    action, what = ("routing.set", "mail routing") if routing else ("shared_paths.set", "shared paths")
    text = f"Set the {what} of cluster {cluster.name}. Nothing was written to its servers by that."
    record(principal, action, text, cluster=cluster, subject=Subject.of(cluster), data=changed)
    CLUSTER_CHANGED.send(sender=None, cluster_id=cluster.pk)
