"""Guards over what runs on the nodes and what it can reach."""

from __future__ import annotations

from nodes.health.finding import Finding, passes
from nodes.health.readings import ClusterReading, NodeReading, Standing

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


def accounts(reading: ClusterReading) -> list[Finding]:
    """Which account the services run under cannot be seen yet; a person can say it."""
    return [_account(node) for node in reading.nodes]


def _account(node: NodeReading) -> Finding:
    if node.account is not None:
        text = f"{node.account.by} attested on {node.account.at} that they reach the network: {node.account.value}."
        standing = Standing.PASS if node.account.value == "yes" else Standing.FAIL
        remedy = (
            "" if standing == Standing.PASS else "Let all MDaemon services log on as a user that reaches the share."
        )
        return Finding(node.name, standing, text, remedy)
    if not node.windows:
        text = "The system has no Windows services; which account the server runs under is not asked."
        return Finding(node.name, Standing.UNKNOWN, text, "Attest it where the shared folders lie on the network.")
    text = "The account that its services run under is not known."
    remedy = (
        "It will be known when the portal can ask Windows for its services; until then look in Services and attest it."
    )
    return Finding(node.name, Standing.UNKNOWN, text, remedy)


def path_access(reading: ClusterReading) -> list[Finding]:
    """No shared paths are set yet, so nothing can be tried."""
    text = "No shared paths are set, so no node's access was tried."
    remedy = "Known once shared paths are set: then each node creates, locks, reads and deletes a file there."
    return [Finding("", Standing.UNKNOWN, text, remedy)]
