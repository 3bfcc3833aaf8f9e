"""What clusters themselves add to the console's frame: the tab that holds the settings, and two sections of them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.models import Role
from accounts.requests import principal_of
from nodes.clusters.forms import EditClusterForm, MemberForm
from nodes.clusters.models import Cluster
from nodes.clusters.selectors import members_of
from nodes.web.tabs import SETTINGS, SettingsPanel, Tab, register_panel, register_tab


def _general(request: HttpRequest, cluster: Cluster) -> dict[str, Any]:
    return {"form": EditClusterForm(cluster=cluster), "empty": not cluster.nodes.exists()}


def _members(request: HttpRequest, cluster: Cluster) -> dict[str, Any]:
    members = list(members_of(principal_of(request), cluster.pk))
    return {"members": members, "member_form": MemberForm(auto_id="member-%s")}


register_tab(
    Tab(
        "cluster",
        SETTINGS,
        "Settings",
        order=90,
        url_name="nodes:cluster-settings",
        also=("nodes:cluster-settings-panel",),
    )
)
register_panel(
    SettingsPanel(
        "cluster",
        "general",
        "General",
        order=10,
        template="nodes/clusters/_general.html",
        role=Role.ADMINISTRATOR,
        context=_general,
    )
)
register_panel(
    SettingsPanel(
        "cluster",
        "members",
        "Members",
        order=70,
        template="nodes/clusters/_members.html",
        role=Role.ADMINISTRATOR,
        context=_members,
    )
)
