"""The section of the accounts that services run under."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from nodes.checks.selectors.accounts import accounts_of
from nodes.clusters.models import Cluster


def accounts_part(request: HttpRequest, cluster: Cluster) -> dict[str, Any]:
    """Each node's services with their accounts; whoever sees the cluster sees them."""
    return {"accounts": accounts_of(cluster)}
