"""What reading nodes adds to the console's frame: the portal's scripts among a Windows node's settings."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.models import Role
from accounts.principals import Principal
from nodes.enums import PlatformName
from nodes.facts.selectors.scripts import scripts_of
from nodes.registry.models import Node
from nodes.web.tabs import SettingsPanel, register_panel


def _scripts(request: HttpRequest, node: Node) -> dict[str, Any]:
    return {"scripts": scripts_of(node)}


def _on_windows(principal: Principal, node: Node) -> bool:
    return node.platform == PlatformName.WINDOWS


register_panel(
    SettingsPanel(
        "node",
        "scripts",
        "PowerShell scripts",
        order=50,
        template="nodes/facts/_scripts.html",
        role=Role.OPERATOR,
        context=_scripts,
        shown=_on_windows,
    )
)
