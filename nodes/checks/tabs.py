"""What the checks add to the console's frame: a cluster's tab, and what people saw on a node among its settings."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.models import Role
from accounts.requests import principal_of
from nodes.checks.views import attested_part
from nodes.registry.models import Node
from nodes.web.tabs import SettingsPanel, Tab, register_panel, register_tab


def _attested(request: HttpRequest, node: Node) -> dict[str, Any]:
    return attested_part(principal_of(request), node)


register_tab(Tab("cluster", "checks", "Checks", order=40, url_name="nodes:checks"))
register_panel(
    SettingsPanel(
        "node",
        "attested",
        "Attestations",
        order=30,
        template="nodes/checks/_attested.html",
        role=Role.OPERATOR,
        context=_attested,
    )
)
