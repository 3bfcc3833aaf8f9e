"""Bringing the portal's scripts to a node, and taking them away: acts of a person, never of a probe or a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from django.db import transaction

from accounts.audit import Subject, record
from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require
from nodes.connection.connect import open_node
from nodes.counted import many
from nodes.errors import Unsupported
from nodes.facts.models import NodeFacts
from nodes.registry.access import take_node
from nodes.registry.models import Node
from nodes.remote import scripts
from nodes.remote.scripts import ScriptsSeen
from nodes.rows import count

PATIENCE = 60.0
"""Seconds that a node may keep a person, and a thread of the web server, waiting in all."""


def bring_scripts(principal: Principal, *, node: Node) -> tuple[str, ...]:
    """Put the scripts into the portal's own folder on the node; answer the names of those that are new there. Needs an
    operator. Raises Unsupported where the platform needs none, and what the wire raises."""
    require(principal, node.cluster_id, Role.OPERATOR)
    with open_node(node, waits=PATIENCE) as link:
        if not link.platform.scripts():
            raise Unsupported(f"{node.name} needs no scripts: its system's own tools suffice.")
        brought = scripts.bring(link.session, link.platform)
        now = scripts.seen(link.session, link.platform)
    text = f"Put {many(len(brought), 'script')} on {node.name}."
    note_scripts(principal, node_id=node.pk, action="scripts.bring", text=text, names=brought, now=now)
    return brought


def take_scripts_away(principal: Principal, *, node: Node) -> tuple[str, ...]:
    """Remove the scripts and their folder; answer the names of those that were there. Needs an operator. Raises what
    the wire raises. Everything goes by SFTP alone from then on."""
    require(principal, node.cluster_id, Role.OPERATOR)
    with open_node(node, waits=PATIENCE) as link:
        gone = scripts.take_away(link.session)
        now = scripts.seen(link.session, link.platform)
    text = f"Took {many(len(gone), 'script')} off {node.name}."
    note_scripts(principal, node_id=node.pk, action="scripts.remove", text=text, names=gone, now=now)
    return gone


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
