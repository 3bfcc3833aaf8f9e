"""Writing down that the portal's scripts were put on a node, or taken away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from django.db import transaction

from accounts.audit import Subject, record
from accounts.models import Role
from accounts.principals import Principal
from nodes.models.node import Node, NodeFacts
from nodes.remote.scripts import ScriptsSeen
from nodes.services.rows import count, take_node


@transaction.atomic
def note_scripts(
    principal: Principal, *, node_id: int, action: str, text: str, names: Sequence[str], now: ScriptsSeen
) -> Node:
    """Count one version of the node, by which every process asks it anew what it can do. `now`: what lies there after
    the act; whether it runs there is found by the next reading of facts. Needs an operator."""
    node = take_node(principal, node_id, Role.OPERATOR)
    count(node)
    NodeFacts.objects.filter(node=node).update(scripts={**asdict(now), "tried": False})
    record(principal, action, text, cluster=node.cluster, subject=Subject.of(node), data={"files": list(names)})
    return node
