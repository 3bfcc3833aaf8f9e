"""What nodes themselves add to the console's frame: the tab that holds the settings, and four sections of them."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.models import Role
from accounts.requests import principal_of
from nodes.credentials.selectors import credentials_for
from nodes.enums import HostKeyState
from nodes.registry.forms import EditNodeForm, FingerprintForm, TypedPasswordForm
from nodes.registry.models import Node
from nodes.registry.selectors import host_keys_of
from nodes.registry.status import status_of_cluster
from nodes.web.forms import ReasonForm
from nodes.web.tabs import SETTINGS, SettingsPanel, Tab, register_panel, register_tab
from nodes.web.verdicts import register_judge


def _general(request: HttpRequest, node: Node) -> dict[str, Any]:
    credentials = credentials_for(principal_of(request)).filter(cluster=node.cluster_id)
    return {"form": EditNodeForm(node=node, credentials=credentials)}


def _host_keys(request: HttpRequest, node: Node) -> dict[str, Any]:
    keys = list(host_keys_of(principal_of(request), node))
    approved = next((key.fingerprint for key in keys if key.state == HostKeyState.APPROVED), "")
    forms = {
        "fingerprint_form": FingerprintForm(auto_id="given-%s"),
        "password_form": TypedPasswordForm.of(node, approved),
    }
    return {"host_keys": keys, "approved": approved} | forms


def _pause(request: HttpRequest, node: Node) -> dict[str, Any]:
    return {"pause_form": ReasonForm(auto_id="pause-%s")}


def _nothing(request: HttpRequest, node: Node) -> dict[str, Any]:
    return {}


register_judge(lambda cluster: status_of_cluster(cluster, cluster.nodes.all()))
register_tab(
    Tab(
        "node",
        SETTINGS,
        "Settings",
        order=90,
        url_name="nodes:node-settings",
        also=("nodes:node-settings-panel",),
    )
)
for panel in (
    SettingsPanel(
        "node",
        "general",
        "General",
        order=10,
        template="nodes/registry/_general.html",
        role=Role.ADMINISTRATOR,
        context=_general,
    ),
    SettingsPanel(
        "node",
        "host-key",
        "Host key",
        order=20,
        template="nodes/registry/_host_keys.html",
        role=Role.ADMINISTRATOR,
        context=_host_keys,
    ),
    SettingsPanel(
        "node",
        "pause",
        "Pause",
        order=60,
        template="nodes/registry/_pause.html",
        role=Role.OPERATOR,
        context=_pause,
    ),
    SettingsPanel(
        "node",
        "remove",
        "Remove",
        order=90,
        template="nodes/registry/_remove.html",
        role=Role.ADMINISTRATOR,
        context=_nothing,
    ),
):
    register_panel(panel)
