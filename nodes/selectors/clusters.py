"""Clusters as pages and lists need them, and a cluster's own product profile."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from accounts.models import Role
from accounts.principals import Principal
from nodes.access import require, visible_clusters
from nodes.enums import Health, NodeRole
from nodes.models.cluster import Cluster, Membership, PathOverride
from nodes.models.node import Node, NodeFacts
from nodes.products.folders import folders_from
from nodes.products.loading import load_profile
from nodes.products.profile import Profile


def clusters_for(principal: Principal) -> QuerySet[Cluster]:
    """The clusters the principal may see, each with `node_count`, `quarantined_count`, `down_count`, `degraded_count`,
    `healthy_count`."""
    counted = visible_clusters(principal).annotate(
        node_count=Count("nodes"),
        quarantined_count=Count("nodes", filter=~Q(nodes__quarantined_reason="")),
        down_count=Count("nodes", filter=Q(nodes__health=Health.DOWN)),
        degraded_count=Count("nodes", filter=Q(nodes__health=Health.DEGRADED)),
        healthy_count=Count("nodes", filter=Q(nodes__health=Health.OK, nodes__quarantined_reason="")),
    )
    # grouping drops the model's own order
    return counted.order_by("name")


def members_of(principal: Principal, cluster_id: int) -> QuerySet[Membership]:
    """Who has which role on a cluster. Raises Http404 where the cluster is not visible."""
    require(principal, cluster_id, Role.VIEWER)
    return Membership.objects.filter(cluster=cluster_id).select_related("user").order_by("user__username")


def path_overrides_of(principal: Principal, cluster_id: int) -> QuerySet[PathOverride]:
    """What was said of paths on a cluster. Raises Http404 where the cluster is not visible."""
    require(principal, cluster_id, Role.VIEWER)
    return PathOverride.objects.filter(cluster=cluster_id)


def primary_of(cluster: Cluster) -> Node | None:
    """The cluster's primary; None while none is registered."""
    return Node.objects.filter(cluster=cluster, role=NodeRole.PRIMARY).first()


def profile_of(cluster: Cluster) -> Profile:
    """The product profile with the cluster's overrides and the folders its primary really uses. Raises ProfileError."""
    profile = load_profile(cluster.profile, settings.PORTAL.profile_folder)
    overrides = tuple(cluster.path_overrides.values_list("pattern", "path_class"))
    facts = NodeFacts.objects.filter(node__cluster=cluster, node__role=NodeRole.PRIMARY).first()
    folders = folders_from(facts.folders if facts else ())
    return profile.with_folders(folders).with_overrides(overrides)
