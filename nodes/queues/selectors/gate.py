"""Whether the servers of a cluster have multi-node mail routing."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.errors import Reason
from nodes.clusters.models import Cluster
from nodes.clusters.selectors import plain_profile
from nodes.products.version import is_at_least
from nodes.registry.selectors import still_in


def routing_gate(cluster: Cluster) -> tuple[Reason, ...]:
    """What stands against switching multi-node mail routing on: nothing, or a reason for each server. Raises
    ProfileError."""
    nodes = still_in(cluster)
    servers = [(name, version or "") for name, version in nodes.values_list("name", "facts__product_version")]
    return reasons_against(servers, plain_profile(cluster).routing_since)


def reasons_against(servers: Iterable[tuple[str, str]], since: str) -> tuple[Reason, ...]:
    """A reason for each server that does not have it, or of which nobody knows. `servers`: names and versions, "" where
    that is not known; `since`: the version that brought it, "" where none did."""
    if not since:
        text = "The cluster's product profile names no version with multi-node mail routing."
        return (Reason("routing_unknown", text, "Name it in the profile, under [routing]."),)
    return tuple(filter(None, (_reason(name, version, since) for name, version in servers)))


def _reason(name: str, version: str, since: str) -> Reason | None:
    enough = is_at_least(version, since)
    if enough is None:
        return Reason("version_unknown", f"The version of {name} is not known.", "Read its facts.")
    if enough:
        return None
    text = f"{name} has version {version}; multi-node mail routing came with {since}."
    return Reason("version_too_old", text, "Update it.")
