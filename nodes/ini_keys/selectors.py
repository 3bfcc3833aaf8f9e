"""Ini keys and what was decided about them."""

from __future__ import annotations

from django.db.models import QuerySet

from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require
from nodes.ini_keys.models import IniDecision
from nodes.registry.models import Node

SHOWN = 500
"""Keys on a page: each has a form, and with 10,000 a page took five seconds. REST lists all."""


def ini_keys_of(principal: Principal, node: Node) -> QuerySet[IniDecision]:
    """The ini keys that differ on a node or differed once, with what was decided."""
    require(principal, node.cluster_id, Role.VIEWER)
    return IniDecision.objects.filter(node=node)
