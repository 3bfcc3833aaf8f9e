"""What joining and leaving add to the console's frame: a cluster's servers, and how a secondary leaves."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from accounts.models import Role
from accounts.principals import Principal
from nodes.enums import NodeRole
from nodes.registry.models import Node
from nodes.web.links import register_link
from nodes.web.tabs import SettingsPanel, Tab, register_panel, register_tab


def _membership(request: HttpRequest, node: Node) -> dict[str, Any]:
    return {}


def _is_secondary(principal: Principal, node: Node) -> bool:
    return node.role == NodeRole.SECONDARY


register_tab(Tab("cluster", "servers", "Servers", order=20, url_name="replication:cluster-servers"))
register_panel(
    SettingsPanel(
        "node",
        "membership",
        "Membership",
        order=70,
        template="replication/membership/_membership.html",
        role=Role.ADMINISTRATOR,
        context=_membership,
        shown=_is_secondary,
    )
)
register_link("join-checks", lambda pk: f"{reverse('replication:join', args=[pk])}?step=checks")
