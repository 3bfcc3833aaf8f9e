"""Clusters, who may do what on them, and how they depart from the product profile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404

from accounts.audit import Subject, record
from accounts.errors import Refused
from accounts.models import Role, User
from accounts.names import normalised
from accounts.principals import Principal
from nodes.clusters.access import require_portal, take_cluster
from nodes.clusters.models import Cluster, Membership, PathOverride
from nodes.enums import ApprovalPolicy, ReplicationMode
from nodes.products.loading import profile_names
from nodes.products.profile import PathClass
from nodes.rows import count, put
from nodes.signals import CLUSTER_CHANGED
from nodes.validators import (
    FieldErrors,
    path_pattern,
    remark,
    title,
)

NEW = "New: register its nodes, look at its checks, then enable clustering."
"""Why a cluster is paused that nobody has resumed yet."""

MAX_PATH_CLASSES = 500
"""Patterns of its own that a cluster may have: each may be tried on every path of a tree."""


@dataclass(frozen=True, slots=True)
class NewCluster:
    """A cluster to be made. `replication_mode` has no default: somebody must choose."""

    name: str
    replication_mode: str
    description: str = ""
    profile: str = "mdaemon"
    approval: str = ApprovalPolicy.FIRST


@dataclass(frozen=True, slots=True)
class ClusterChange:
    """What to change; None leaves a value as it is. The replication mode stays what was chosen."""

    name: str | None = None
    description: str | None = None
    profile: str | None = None
    approval: str | None = None


def _profile(name: str) -> str:
    known = profile_names(settings.PORTAL.profile_folder)
    if name not in known:
        raise ValidationError(f"There is no product profile of this name; known: {', '.join(sorted(known))}.")
    return name


def _approval(word: str) -> str:
    if word not in ApprovalPolicy.values:
        raise ValidationError(f"Use one of: {', '.join(ApprovalPolicy.values)}.", code="invalid_choice")
    return word


def _mode(word: str) -> str:
    if word not in ReplicationMode.values:
        raise ValidationError(
            "Choose who replicates the configuration: native (MDaemon's cluster service) or portal (this portal).",
            code="invalid_choice" if word else "required",
        )
    return word


_CHECKS = {"name": title, "description": remark, "profile": _profile, "approval": _approval}


def _unique_name(checks: FieldErrors, name: str, *, besides: int = 0) -> None:
    if Cluster.objects.filter(name__iexact=name).exclude(pk=besides).exists():
        checks.complain("name", "Another cluster has this name; choose a different one.", code="unique")


@transaction.atomic
def create_cluster(principal: Principal, *, new: NewCluster) -> Cluster:
    """Make a cluster; it is paused until a person resumes it. Needs an administrator of the whole portal. Raises
    ValidationError by field."""
    require_portal(principal, Role.ADMINISTRATOR)
    checks = FieldErrors()
    values = {field: checks(field, check, getattr(new, field)) for field, check in _CHECKS.items()}
    mode = checks("replication_mode", _mode, new.replication_mode)
    _unique_name(checks, values["name"])
    checks.finish()
    cluster = Cluster.objects.create(replication_mode=mode, paused=True, paused_reason=NEW, **values)
    _audit(principal, cluster, "cluster.create", f"Created cluster {cluster.name}.", {"replication_mode": mode})
    CLUSTER_CHANGED.send(sender=None, cluster_id=cluster.pk)
    return cluster


@transaction.atomic
def update_cluster(
    principal: Principal, *, cluster_id: int, change: ClusterChange, seen_version: int | None = None
) -> Cluster:
    """Change a cluster. Needs its administrator. Raises ValidationError by field, Stale."""
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR, seen_version)
    checks = FieldErrors()
    given = {field: getattr(change, field) for field in _CHECKS if getattr(change, field) is not None}
    values = {field: checks(field, _CHECKS[field], value) for field, value in given.items()}
    if "name" in values:
        _unique_name(checks, values["name"], besides=cluster.pk)
    checks.finish()
    changed = put(cluster, values)
    if changed:
        _audit(
            principal, cluster, "cluster.update", f"Changed {', '.join(changed)} of cluster {cluster.name}.", changed
        )
    return cluster


@transaction.atomic
def delete_cluster(principal: Principal, *, cluster_id: int, seen_version: int | None = None) -> None:
    """Delete an empty cluster. Needs an administrator of the whole portal. Raises Refused while it has nodes."""
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR, seen_version)
    require_portal(principal, Role.ADMINISTRATOR)
    members = cluster.nodes.count()
    if members:
        raise Refused("in_use", f"The cluster still has {members} node(s).", "Remove them first.")
    _audit(principal, cluster, "cluster.delete", f"Deleted cluster {cluster.name}.")
    cluster.delete()


@transaction.atomic
def pause_cluster(principal: Principal, *, cluster_id: int, reason: str = "") -> Cluster:
    """Keep the cluster's jobs from starting and from changing nodes. Needs an operator. Pausing twice is fine."""
    cluster = take_cluster(principal, cluster_id, Role.OPERATOR)
    checks = FieldErrors()
    clean = checks("reason", remark, reason)
    checks.finish()
    if put(cluster, {"paused": True, "paused_reason": clean}):
        text = f"Paused cluster {cluster.name}. {clean}".strip()
        _audit(principal, cluster, "cluster.pause", text, {"reason": clean})
    return cluster


@transaction.atomic
def set_member(principal: Principal, *, cluster_id: int, username: str, role: str) -> Membership | None:
    """Give a user a role on the cluster; "" takes it away. Needs its administrator. Raises ValidationError by field."""
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR)
    user = User.objects.filter(username=normalised(username)).first()
    checks = FieldErrors()
    if user is None:
        checks.complain("username", "There is no user of this name.", code="does_not_exist")
    if role and role not in Role.values:
        checks.complain("role", f"Use one of: {', '.join(Role.values)}.", code="invalid_choice")
    checks.finish()
    assert user is not None  # noqa: S101 - finish() raised otherwise
    if role:
        return _grant(principal, cluster, user, role)
    _withdraw(principal, cluster, user)
    return None


def _grant(principal: Principal, cluster: Cluster, user: User, role: str) -> Membership:
    member, made = Membership.objects.get_or_create(user=user, cluster=cluster, defaults={"role": role})
    if made or member.role != role:
        before, member.role = "" if made else member.role, role
        member.save(update_fields=["role"])
        text = f"Made {user.get_username()} {role} of cluster {cluster.name}."
        _audit(principal, cluster, "member.set", text, {"user": user.get_username(), "role": [before, role]})
    return member


def _withdraw(principal: Principal, cluster: Cluster, user: User) -> None:
    gone, _ = Membership.objects.filter(user=user, cluster=cluster).delete()
    if gone:
        text = f"Took {user.get_username()}'s role on cluster {cluster.name}."
        _audit(principal, cluster, "member.remove", text, {"user": user.get_username()})


def _audit(
    principal: Principal, cluster: Cluster, action: str, text: str, data: Mapping[str, object] | None = None
) -> None:
    record(principal, action, text, cluster=cluster, subject=Subject.of(cluster), data=data)


@dataclass(frozen=True, slots=True)
class PathRule:
    """A pattern relative to the installation folder and the class that everything matching it has."""

    pattern: str
    path_class: str
    note: str = ""


def _path_class(word: str) -> str:
    usable = [item.value for item in PathClass if item is not PathClass.UNCLASSIFIED]
    if word not in usable:
        raise ValidationError(f"Use one of: {', '.join(usable)}.", code="invalid_choice")
    return word


@transaction.atomic
def set_path_class(principal: Principal, *, cluster_id: int, rule: PathRule) -> PathOverride:
    """Say which class a pattern has. Needs the cluster's administrator. Saying it again replaces what was said."""
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR)
    checks = FieldErrors()
    pattern = checks("pattern", path_pattern, rule.pattern)
    path_class = checks("path_class", _path_class, rule.path_class)
    note = checks("note", remark, rule.note)
    checks.finish()
    said = cluster.path_overrides.filter(pattern__iexact=pattern).first()
    if said is None:
        _room_for_a_path_class(cluster)
        said = PathOverride(cluster=cluster)
    before = said.path_class
    said.pattern, said.path_class, said.note, said.created_by = pattern, path_class, note, principal.name
    said.save()
    count(cluster)
    record(
        principal,
        "path_class.set",
        f"{pattern} is {path_class} on cluster {cluster.name}.",
        cluster=cluster,
        subject=Subject.of(said),
        data={"pattern": pattern, "path_class": [before, path_class]},
    )
    return said


def _room_for_a_path_class(cluster: Cluster) -> None:
    if cluster.path_overrides.count() >= MAX_PATH_CLASSES:
        raise Refused(
            "too_many",
            f"The cluster has {MAX_PATH_CLASSES} path classes of its own, which is the most.",
            "Say the same with fewer, wider patterns.",
        )


@transaction.atomic
def clear_path_class(principal: Principal, *, cluster_id: int, override_id: int) -> None:
    """Go back to what the profile says. Needs the cluster's administrator. Raises Http404."""
    cluster = take_cluster(principal, cluster_id, Role.ADMINISTRATOR)
    said = cluster.path_overrides.filter(pk=override_id).first()
    if said is None:
        raise Http404("No such path class.")
    text = f"{said.pattern} is what the profile says again on cluster {cluster.name}."
    record(principal, "path_class.clear", text, cluster=cluster, subject=Subject.of(said))
    said.delete()
    count(cluster)
