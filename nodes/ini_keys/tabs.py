"""What ini keys add to the console's frame: a section of a node's settings."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.models import Role
from accounts.requests import principal_of
from nodes.ini_keys.selectors import ini_keys_of
from nodes.registry.models import Node
from nodes.web.tabs import SettingsPanel, register_panel


def _ini_keys(request: HttpRequest, node: Node) -> dict[str, Any]:
    return {"ini_keys": list(ini_keys_of(principal_of(request), node))}


register_panel(
    SettingsPanel(
        "node",
        "ini-keys",
        "Ini keys",
        order=40,
        template="nodes/ini_keys/_ini_keys.html",
        role=Role.OPERATOR,
        context=_ini_keys,
    )
)
