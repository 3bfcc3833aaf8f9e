"""Clusters as pages and lists need them, and a cluster's own product profile."""

from __future__ import annotations

from django.conf import settings
from django.db.models import Count, Q, QuerySet

from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require, visible_clusters
from nodes.clusters.models import Cluster, Membership, PathOverride
from nodes.products.loading import load_profile
from nodes.products.profile import Profile


def clusters_for(principal: Principal) -> QuerySet[Cluster]:
    """The clusters the principal may see, each with `node_count` and `quarantined_count`."""
    counted = visible_clusters(principal).annotate(
        node_count=Count("nodes"),
        quarantined_count=Count("nodes", filter=~Q(nodes__quarantined_reason="")),
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


def plain_profile(cluster: Cluster) -> Profile:
    """What the cluster's product profile says, without what was said or found of this cluster. Raises ProfileError."""
    return load_profile(cluster.profile, settings.PORTAL.profile_folder)
