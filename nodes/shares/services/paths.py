"""Where a cluster's nodes shall keep the folders that they share. Nothing here reaches a node: what is set is written
there by a job that a person asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction

from accounts.audit import Subject, record
from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import take_cluster
from nodes.clusters.models import Cluster
from nodes.enums import PathMode
from nodes.platforms.unc import UncError, UncPath
from nodes.rows import compare, count
from nodes.shares.models import MAX_UNC, SharedFolder, SharedPaths
from nodes.shares.selectors.layout import folders_of
from nodes.signals import CLUSTER_CHANGED
from nodes.validators import FieldErrors


@dataclass(frozen=True, slots=True)
class PathsChange:
    """What shall be set; None leaves what is set. `own`: paths of single folders by role, "" for none."""

    mode: str | None = None
    common: str | None = None
    own: Mapping[str, str] | None = None


def field_of(role: str) -> str:
    """By which name a complaint about a folder's own path is told."""
    return f"folder_{role}"


@transaction.atomic
def set_paths(
    principal: Principal, *, cluster_id: int, change: PathsChange, seen_version: int | None = None
) -> SharedPaths:
    """Say where the shared folders shall lie. Needs the cluster's administrator. Raises ValidationError by field,
    Stale, ProfileError."""
    cluster, row = _take(principal, cluster_id, seen_version)
    checks = FieldErrors()
    values: dict[str, str] = {}
    if change.mode is not None:
        values["mode"] = checks("mode", _mode, change.mode)
    if change.common is not None:
        values["common"] = checks("common", unc_path, change.common)
    own = {role: checks(field_of(role), unc_path, path) for role, path in (change.own or {}).items()}
    known = {folder.role for folder in folders_of(cluster, routing=False)}
    for role in own.keys() - known:
        checks.complain(field_of(role), f"Use one of: {', '.join(sorted(known))}.", code="invalid_choice")
    checks.finish()
    _save(principal, cluster, row, values, _put_folders(cluster, own))
    return row


def _take(principal: Principal, cluster_id: int, seen_version: int | None) -> tuple[Cluster, SharedPaths]:
    """Lock a cluster's row of shared paths; the cluster's lock keeps two from making it at once."""
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR)
    row, _ = SharedPaths.objects.get_or_create(cluster=cluster)
    return cluster, compare(row, seen_version)


def _mode(word: str) -> str:
    if word not in PathMode.values:
        raise ValidationError(f"Use one of: {', '.join(PathMode.values)}.", code="invalid_choice")
    return word


def unc_path(text: str) -> str:
    """A path on a share as it is kept; "" for none."""
    if not text.strip():
        return ""
    try:
        plain = str(UncPath.parse(text.strip()))
    except UncError as error:
        raise ValidationError(str(error)) from error
    if len(plain) > MAX_UNC:
        raise ValidationError(f"Use at most {MAX_UNC} characters.", code="max_length")
    return plain


def _put_folders(cluster: Cluster, own: Mapping[str, str]) -> dict[str, list[object]]:
    """Keep the paths that differ; answers them by their field, the former before the new one."""
    rows = {row.role: row.path for row in SharedFolder.objects.filter(cluster=cluster)}
    changed = {role: path for role, path in own.items() if rows.get(role, "") != path}
    for role, path in changed.items():
        if path:
            SharedFolder.objects.update_or_create(cluster=cluster, role=role, defaults={"path": path})
        else:
            SharedFolder.objects.filter(cluster=cluster, role=role).delete()
    return {field_of(role): [rows.get(role, ""), path] for role, path in changed.items()}


def _save(
    principal: Principal,
    cluster: Cluster,
    row: SharedPaths,
    values: dict[str, str],
    folders: dict[str, list[object]],
) -> None:
    """Keep what differs, count one version, record it. `folders`: what was changed of single folders."""
    columns = {name: [getattr(row, name), value] for name, value in values.items() if getattr(row, name) != value}
    if not columns and not folders:
        return
    for name, value in (values | {"changed_by": principal.name}).items():
        setattr(row, name, value)
    count(row, *values, "changed_by", "changed_at")
    text = f"Set the shared paths of cluster {cluster.name}. Nothing was written to its servers by that."
    record(principal, "shared_paths.set", text, cluster=cluster, subject=Subject.of(cluster), data=columns | folders)
    CLUSTER_CHANGED.send(sender=None, cluster_id=cluster.pk)
