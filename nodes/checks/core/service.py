"""Checks over what runs on the nodes and what it can reach."""

from __future__ import annotations

from nodes.checks.core.finding import Finding, passes
from nodes.checks.core.readings import ClusterReading, NodeReading, Standing
from nodes.facts.core import ShareAccess

ON, OFF, UNSAID = "on", "off", ""


def service_word(node: NodeReading) -> tuple[str, str]:
    """Whether a node's own cluster service is on, off or unsaid, and the evidence. A line of its own cluster log that
    came after the last attestation proves that it runs, whatever was attested."""
    if node.new_log:
        newest = list(node.new_log.values())[-1]
        return ON, f"Its own cluster log shows that the cluster service works: {newest}"
    if node.service is not None:
        return node.service.value, f"{node.service.by} attested on {node.service.at} that it is {node.service.value}."
    return UNSAID, "Nobody attested whether its cluster service is on or off, and its logs do not show it."


def cluster_service(reading: ClusterReading) -> list[Finding]:
    """On everywhere where MDaemon replicates, off everywhere where the portal does."""
    return [_service(node, native=reading.native) for node in reading.nodes]


def _service(node: NodeReading, *, native: bool) -> Finding:
    word, evidence = service_word(node)
    wanted = ON if native else OFF
    if word == wanted:
        return passes(node.name, evidence)
    box = "Setup | Cluster Service | Enable the Cluster Service"
    if word == UNSAID:
        return Finding(node.name, Standing.UNKNOWN, evidence, f"Look at {box} on the server, and attest it here.")
    if native:
        return Finding(
            node.name, Standing.WARN, evidence, f"Check {box} on the server: MDaemon replicates this cluster."
        )
    remedy = f"Clear {box} on the server and attest it: the portal replicates only while it is off on every node."
    return Finding(node.name, Standing.FAIL, evidence, remedy)


def on_a_share(path: str) -> bool:
    """Whether a path lies on a file server."""
    return path.startswith(("\\\\", "//"))


def path_access(reading: ClusterReading) -> list[Finding]:
    """Every node finds the shared folders that it, or the primary, keeps outside the installation folder."""
    if not any(node.reaches for node in reading.nodes):
        text = "No server keeps a shared folder outside its installation folder, so there is none to try."
        remedy = "Give the folders that all servers share a UNC path; then each server is asked whether it finds them."
        return [Finding("", Standing.UNKNOWN, text, remedy)]
    return [_reach(node) for node in reading.nodes]


def _reach(node: NodeReading) -> Finding:
    own = [reach for reach in node.reaches if node.windows and not on_a_share(reach.path)]
    missed = [reach for reach in node.reaches if not reach.found and reach not in own]
    if missed:
        return _missed(node, missed[0], len(missed) - 1)
    if own:
        text = f"{own[0].label} is {own[0].path}, on a drive of the server itself."
        return Finding(node.name, Standing.WARN, text, "Give it a UNC path that all servers reach.")
    if not node.reaches:
        text = "The shared folders were not tried from this server yet."
        return Finding(node.name, Standing.UNKNOWN, text, "Refresh the node's facts.")
    places = ", ".join(dict.fromkeys(reach.path for reach in node.reaches))
    return passes(node.name, f"It finds {places}, asked by the portal's login; nothing was written there.")


def _missed(node: NodeReading, reach: ShareAccess, others: int) -> Finding:
    more = f" {others} more are not found." if others else ""
    text = f"{reach.label}, {reach.path}: {reach.why}.{more}"
    if node.windows and node.key_login:
        remedy = (
            "A login by key has no rights on other machines. Give the node a credential with a password, or look on "
            "the server whether the account of its services reaches the folder."
        )
        return Finding(node.name, Standing.UNKNOWN, text, remedy)
    if reach.found is None:
        return Finding(node.name, Standing.UNKNOWN, text, "Refresh the node's facts once that is mended.")
    remedy = "Let this server reach the share, and the portal's account read it; then refresh the node's facts."
    return Finding(node.name, Standing.FAIL, text, remedy)
