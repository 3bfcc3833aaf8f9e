"""What is known of nodes and of a cluster's features."""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q
from django.utils import timezone

from nodes.clusters.models import Cluster
from nodes.clusters.selectors import clusters_for, members_of, path_overrides_of, plain_profile
from nodes.credentials.selectors import credentials_for
from nodes.enums import Health, NodeRole
from nodes.facts.core import allowed
from nodes.facts.models import FeatureKey, NodeFacts
from nodes.ini_keys.selectors import ini_keys_of
from nodes.products.errors import ProfileError
from nodes.products.folders import FolderPath, folders_from
from nodes.products.profile import FeatureRule, Profile
from nodes.registry.selectors import approved_fingerprint, host_keys_of, nodes_for, nodes_with_access, primary_of

__all__ = [
    "approved_fingerprint",
    "clusters_for",
    "credentials_for",
    "host_keys_of",
    "ini_keys_of",
    "members_of",
    "nodes_for",
    "path_overrides_of",
    "primary_of",
    "profile_of",
]


def profile_of(cluster: Cluster) -> Profile:
    """The product profile with the cluster's overrides and the folders its primary really uses. Raises ProfileError."""
    profile = plain_profile(cluster)
    overrides = tuple(cluster.path_overrides.values_list("pattern", "path_class"))
    facts = NodeFacts.objects.filter(node__cluster=cluster, node__role=NodeRole.PRIMARY).first()
    folders = folders_from(facts.folders if facts else ())
    ground = (profile, folders, overrides)
    known = _PROFILES.get(cluster.pk)
    if known is not None and known[0][0] is profile and known[0] == ground:
        return known[1]
    adapted = profile.with_folders(folders).with_overrides(overrides)
    _PROFILES[cluster.pk] = (ground, adapted)
    return adapted


_Ground = tuple[Profile, tuple[FolderPath, ...], tuple[tuple[str, str], ...]]
_PROFILES: dict[int, tuple[_Ground, Profile]] = {}
"""By cluster: the last profile, with what it was made of. Making one takes longer than a look of the watch."""


def cluster_features(cluster: Cluster) -> tuple[FeatureRule, ...]:
    """The features that do not go with clustering; none where the profile cannot be read."""
    try:
        return features_of(cluster, profile_of(cluster))
    except ProfileError:
        return ()


def nodes_to_observe(older_than: datetime, *, also_away: bool = True) -> list[int]:
    """Nodes that can be logged in to and whose facts were last read before a moment, or never; or, as it seems, at a
    moment to come, because the clock was set back since."""
    due = Q(facts__isnull=True) | Q(facts__read_at__lt=older_than) | Q(facts__read_at__gt=timezone.now())
    nodes = nodes_with_access() if also_away else nodes_with_access().exclude(health=Health.DOWN)
    return list(nodes.filter(due).order_by("pk").values_list("pk", flat=True))


def features_of(cluster: Cluster, profile: Profile) -> tuple[FeatureRule, ...]:
    """The features that do not go with clustering, with the switches that an operator found on this cluster. A switch
    in a file that is secret, or no configuration by now, is none, whoever named it."""
    said = {row.feature: row for row in FeatureKey.objects.filter(cluster=cluster)}
    return tuple(
        allowed(rule.at(row.path, row.section, row.key, row.off) if (row := said.get(rule.code)) else rule, profile)
        for rule in profile.features
    )
