"""Checks over where the nodes are: network, time zone, clock, disk."""

from __future__ import annotations

import ipaddress

from nodes.checks.core.finding import Finding, passes
from nodes.checks.core.identity import staleness
from nodes.checks.core.readings import ClusterReading, NodeReading, Standing

CLOCK_SECONDS = 1.0
"""The guide: beyond this a warning goes to the cluster log."""

PREFIXES = {4: 24, 6: 64}
"""Bits that two addresses of one network share here; how wide the networks really are is not asked of the nodes."""

DISK_WARN, DISK_FAIL = 0.10, 0.03
"""Free share of the volume with the installation folder."""


def same_network(reading: ClusterReading) -> list[Finding]:
    """Addresses of one subnet. Another subnet may still be the same site, so it only warns."""
    primary = reading.primary
    home = _subnet(primary.peer_address) if primary else ""
    return [_network(node, home, primary.name if primary else "") for node in reading.nodes]


def _subnet(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    return str(ipaddress.ip_network(f"{found}/{PREFIXES[found.version]}", strict=False))


def _network(node: NodeReading, home: str, primary: str) -> Finding:
    own = _subnet(node.peer_address)
    if not own:
        remedy = "Read the node's facts, so that its name is looked up."
        return Finding(node.name, Standing.UNKNOWN, "Its address is not known.", remedy)
    if not home or own == home:
        return passes(node.name, f"{node.peer_address} is in {own}.")
    text = f"{node.peer_address} is in {own}; the primary {primary} is in {home}."
    remedy = "Nodes of one cluster belong on one network; clustering servers in different locations is advised against."
    return Finding(node.name, Standing.WARN, text, remedy)


def time_zone(reading: ClusterReading) -> list[Finding]:
    """The same zone on every node."""
    primary = reading.primary
    return [staleness(reading, node) or _zone(node, primary or node) for node in reading.nodes]


def _zone(node: NodeReading, primary: NodeReading) -> Finding:
    if not node.time_zone:
        return Finding(node.name, Standing.UNKNOWN, "It does not tell its time zone.", "Compare it by hand.")
    if primary.time_zone and node.time_zone.casefold() != primary.time_zone.casefold():
        text = f"Its time zone is {node.time_zone}; that of the primary {primary.name} is {primary.time_zone}."
        return Finding(node.name, Standing.WARN, text, "Set all nodes to the same time zone.")
    return passes(node.name, f"Its time zone is {node.time_zone}.")


def clock(reading: ClusterReading) -> list[Finding]:
    """Each clock against the primary's (the portal's, where there is none), both measured with round-trip correction;
    the uncertainties add up."""
    return [staleness(reading, node) or _clock(reading, node) for node in reading.nodes]


def _clock(reading: ClusterReading, node: NodeReading) -> Finding:
    primary = reading.primary
    reference = primary if primary and primary.clock_offset is not None and not staleness(reading, primary) else None
    if node.clock_offset is None:
        return Finding(node.name, Standing.UNKNOWN, "Its clock could not be read.", "Compare it by hand.")
    against = f"the primary {reference.name}" if reference and reference is not node else "the portal"
    base, doubt = (reference.clock_offset or 0.0, reference.clock_uncertainty) if reference else (0.0, 0.0)
    if reference is node:
        base, doubt = 0.0, 0.0
    return _judged_clock(reading, node, node.clock_offset - base, node.clock_uncertainty + doubt, against)


def _judged_clock(reading: ClusterReading, node: NodeReading, off: float, doubt: float, against: str) -> Finding:
    side = "ahead of" if off > 0 else "behind"
    text = f"Its clock is {abs(off):.3f} s {side} that of {against} (± {doubt:.3f} s)."
    remedy = "All nodes should be set to the exact same time: check their time synchronisation."
    surely = abs(off) - doubt
    if surely > reading.clock_limit:
        return Finding(
            node.name, Standing.FAIL, f"{text} Beyond {reading.clock_limit:.0f} s replication halts.", remedy
        )
    if surely > CLOCK_SECONDS:
        return Finding(node.name, Standing.WARN, text, remedy)
    if abs(off) + doubt > CLOCK_SECONDS:
        return Finding(node.name, Standing.UNKNOWN, f"{text} That is too uncertain to tell.", "Read its facts again.")
    return passes(node.name, text)


def disk(reading: ClusterReading) -> list[Finding]:
    """Space on the volume with the installation folder."""
    return [staleness(reading, node) or _disk(node) for node in reading.nodes]


def _disk(node: NodeReading) -> Finding:
    if node.disk_free is None or not node.disk_total:
        remedy = "The server's SFTP does not tell it; look by hand."
        return Finding(node.name, Standing.UNKNOWN, "Its free space is not known.", remedy)
    share = node.disk_free / node.disk_total
    text = f"{node.disk_free / 2**30:.1f} of {node.disk_total / 2**30:.1f} GiB are free ({share:.0%})."
    if share < DISK_WARN:
        standing = Standing.FAIL if share < DISK_FAIL else Standing.WARN
        return Finding(node.name, standing, text, "Free space on the volume of the installation folder.")
    return passes(node.name, text)
