"""What the replicated configuration adds to the console's frame: tabs, and the sorting of files that nobody knows."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.models import Role
from accounts.requests import principal_of
from nodes.clusters.forms import PathClassForm
from nodes.clusters.models import Cluster
from nodes.clusters.selectors import path_overrides_of
from nodes.web.tabs import SettingsPanel, Tab, register_panel, register_tab
from replication.configuration.views.unsorted import unsorted_part

MAX_PATTERN = 400


def _files(request: HttpRequest, cluster: Cluster) -> dict[str, Any]:
    asked = request.GET.get("pattern", "")[:MAX_PATTERN]
    return {
        "overrides": list(path_overrides_of(principal_of(request), cluster.pk)),
        "path_form": PathClassForm(auto_id="path-%s", initial={"pattern": asked}),
        **unsorted_part(cluster),
    }


register_tab(Tab("cluster", "configuration", "Configuration", order=30, url_name="replication:cluster-configuration"))
register_tab(Tab("node", "configuration", "Configuration", order=30, url_name="replication:configuration"))
register_panel(
    SettingsPanel(
        "cluster",
        "files",
        "Unclassified files",
        order=50,
        template="replication/configuration/_files.html",
        role=Role.ADMINISTRATOR,
        context=_files,
    )
)
