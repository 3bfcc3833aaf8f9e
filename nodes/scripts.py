"""Bringing the portal's scripts to a node, and taking them away: acts of a person, never of a probe or a job."""

from __future__ import annotations

from accounts.models import Role
from accounts.principals import Principal
from nodes.access import require
from nodes.connect import open_node
from nodes.errors import Unsupported
from nodes.models.node import Node
from nodes.remote import scripts
from nodes.services.scripts import note_scripts


def bring_scripts(principal: Principal, *, node: Node) -> tuple[str, ...]:
    """Put the scripts into the portal's own folder on the node; answer the names of those that are new there. Needs an
    operator. Raises Unsupported where the platform needs none, and what the wire raises."""
    require(principal, node.cluster_id, Role.OPERATOR)
    with open_node(node) as link:
        if not link.platform.scripts():
            raise Unsupported(f"{node.name} needs no scripts: its system's own tools suffice.")
        brought = scripts.bring(link.session, link.platform)
        now = scripts.seen(link.session, link.platform)
    text = f"Put {len(brought)} scripts on {node.name}."
    note_scripts(principal, node_id=node.pk, action="scripts.bring", text=text, names=brought, now=now)
    return brought


def take_scripts_away(principal: Principal, *, node: Node) -> tuple[str, ...]:
    """Remove the scripts and their folder; answer the names of those that were there. Needs an operator. Raises what
    the wire raises. Everything goes by SFTP alone from then on."""
    require(principal, node.cluster_id, Role.OPERATOR)
    with open_node(node) as link:
        gone = scripts.take_away(link.session)
        now = scripts.seen(link.session, link.platform)
    text = f"Took {len(gone)} scripts off {node.name}."
    note_scripts(principal, node_id=node.pk, action="scripts.remove", text=text, names=gone, now=now)
    return gone
