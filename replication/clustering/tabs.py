"""What clustering adds to the console's frame: whether it is on, and a cluster's pause, among a cluster's settings."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.models import Role
from accounts.requests import principal_of
from nodes.clusters.models import Cluster
from nodes.facts.selectors.facts import cluster_features
from nodes.web.forms import ReasonForm
from nodes.web.tabs import SettingsPanel, register_panel
from replication.clustering.selectors.clustering import clustering_of


def _clustering(request: HttpRequest, cluster: Cluster) -> dict[str, Any]:
    return {"clustering": clustering_of(principal_of(request), cluster), "features": cluster_features(cluster)}


def _pause(request: HttpRequest, cluster: Cluster) -> dict[str, Any]:
    return {"pause_form": ReasonForm(auto_id="pause-%s")}


register_panel(
    SettingsPanel(
        "cluster",
        "clustering",
        "Clustering",
        order=20,
        template="replication/clustering/_settings.html",
        role=Role.OPERATOR,
        context=_clustering,
        also=("replication:setup",),
    )
)
register_panel(
    SettingsPanel(
        "cluster",
        "pause",
        "Pause",
        order=30,
        template="replication/clustering/_pause.html",
        role=Role.OPERATOR,
        context=_pause,
    )
)
