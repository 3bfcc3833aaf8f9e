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


BUILT_IN = frozenset({"localsystem", "localservice", "networkservice", ""})
"""Accounts of the system itself. A service without a named account is LocalSystem's."""


def accounts(reading: ClusterReading) -> list[Finding]:
    """The services run as a user, who can be let in on a share. A person's word counts first: a share may let in the
    computer itself, which no account's name shows."""
    return [_account(node) for node in reading.nodes]


def _account(node: NodeReading) -> Finding:
    if node.account is not None:
        text = f"{node.account.by} attested on {node.account.at} that they reach the network: {node.account.value}."
        standing = Standing.PASS if node.account.value == "yes" else Standing.FAIL
        remedy = (
            "" if standing == Standing.PASS else "Let all MDaemon services log on as a user that reaches the share."
        )
        return Finding(node.name, standing, text, remedy)
    if node.services:
        return _running_as(node)
    if not node.windows:
        text = "The system has no Windows services; which account the server runs under is not asked."
        return Finding(node.name, Standing.UNKNOWN, text, "Attest it where the shared folders lie on the network.")
    text = "The account that its services run under is not known."
    remedy = "Bring the portal's scripts to the node, which ask Windows for it; or look in Services and attest it."
    return Finding(node.name, Standing.UNKNOWN, text, remedy)


def _running_as(node: NodeReading) -> Finding:
    words = ", ".join(f"{one.service} as {one.account or 'LocalSystem'}" for one in node.services)
    if not any(_is_built_in(one.account) for one in node.services):
        return passes(node.name, f"It runs {words}.")
    shares = any(_on_a_share(reach.path) for reach in node.reaches)
    remedy = "In Services, let all MDaemon services log on as a user that reaches the share; or attest that they do."
    text = f"It runs {words}, which is no user who could be let in on a share."
    return Finding(node.name, Standing.FAIL if shares else Standing.WARN, text, remedy)


def _is_built_in(account: str) -> bool:
    return account.rpartition("\\")[2].replace(" ", "").casefold() in BUILT_IN


def _on_a_share(path: str) -> bool:
    return path.startswith(("\\\\", "//"))


def path_access(reading: ClusterReading) -> list[Finding]:
    """Every node finds the shared folders that it, or the primary, keeps outside the installation folder."""
    if not any(node.reaches for node in reading.nodes):
        text = "No server keeps a shared folder outside its installation folder, so there is none to try."
        remedy = "Give the folders that all servers share a UNC path; then each server is asked whether it finds them."
        return [Finding("", Standing.UNKNOWN, text, remedy)]
    return [_reach(node) for node in reading.nodes]


def _reach(node: NodeReading) -> Finding:
    own = [reach for reach in node.reaches if node.windows and not _on_a_share(reach.path)]
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
