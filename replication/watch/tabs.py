"""What the watch adds to the console's frame: a section of a cluster's settings."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.models import Role
from accounts.requests import principal_of
from nodes.clusters.models import Cluster
from nodes.web.tabs import SettingsPanel, register_panel
from replication.watch.forms import WatchForm
from replication.watch.selectors.state import watch_state


def _watch(request: HttpRequest, cluster: Cluster) -> dict[str, Any]:
    state = watch_state(principal_of(request), cluster.pk)
    form = WatchForm(auto_id="watch-%s", initial={"enabled": state.enabled, "interval": state.interval})
    return {"watch": state, "watch_form": form}


register_panel(
    SettingsPanel(
        "cluster",
        "watch",
        "Watch",
        order=40,
        template="replication/watch/_settings.html",
        role=Role.OPERATOR,
        context=_watch,
    )
)
