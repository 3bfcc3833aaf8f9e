"""What credentials add to the console's frame: a section of a cluster's settings."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.models import Role
from accounts.requests import principal_of
from nodes.clusters.models import Cluster
from nodes.credentials.selectors import credentials_for
from nodes.web.tabs import SettingsPanel, register_panel


def _credentials(request: HttpRequest, cluster: Cluster) -> dict[str, Any]:
    return {"credentials": list(credentials_for(principal_of(request)).filter(cluster=cluster))}


register_panel(
    SettingsPanel(
        "cluster",
        "credentials",
        "Credentials",
        order=60,
        template="nodes/credentials/_of_cluster.html",
        role=Role.ADMINISTRATOR,
        context=_credentials,
    )
)
