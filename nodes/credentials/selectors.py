"""Credentials without their secrets."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.principals import Principal
from nodes.clusters.access import visible_clusters
from nodes.credentials.models import Credential


def credentials_for(principal: Principal) -> QuerySet[Credential]:
    """The credentials of the clusters the principal may see; their secrets are not loaded."""
    return (
        Credential.objects.filter(cluster__in=visible_clusters(principal))
        .select_related("cluster")
        .defer("secret", "passphrase")
    )
