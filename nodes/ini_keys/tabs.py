"""What ini keys add to the console's frame: a section of a node's settings."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from accounts.models import Role
from accounts.requests import principal_of
from nodes.ini_keys.selectors import SHOWN, ini_keys_of
from nodes.registry.models import Node
from nodes.web.tabs import SettingsPanel, register_panel


def _ini_keys(request: HttpRequest, node: Node) -> dict[str, Any]:
    rows = list(ini_keys_of(principal_of(request), node)[: SHOWN + 1])
    return {"ini_keys": rows[:SHOWN], "ini_keys_more": len(rows) > SHOWN}


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
