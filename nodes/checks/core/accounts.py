"""The check over the accounts that the mail server's services run under: can they be let in on a share?"""

from __future__ import annotations

from nodes.checks.core.finding import Finding, passes
from nodes.checks.core.readings import ClusterReading, NodeReading, RunsAs, Standing
from nodes.checks.core.service import on_a_share
from nodes.platforms.windows_accounts import NO_USER, AccountKind, kind_of, shown_account

CHANGE = "In Services, let all MDaemon services log on as a user that reaches the share; or attest that they do."
SHOWN = 4
"""Services named in a sentence."""


def accounts(reading: ClusterReading) -> list[Finding]:
    """The services run as a user, who can be let in on a share. A person's word counts first: a share may let in the
    computer itself, which no account's name shows."""
    return [_account(node) for node in reading.nodes]


def _account(node: NodeReading) -> Finding:
    if node.account is not None:
        return _attested(node.name, node.account.value, f"{node.account.by} attested on {node.account.at}")
    if node.services:
        return _running_as(node)
    if not node.windows:
        text = "The system has no Windows services; which account the server runs under is not asked."
        return Finding(node.name, Standing.UNKNOWN, text, "Attest it where the shared folders lie on the network.")
    text = "The account that its services run under is not known."
    remedy = "Bring the portal's scripts to the node, which ask Windows for it; or look in Services and attest it."
    return Finding(node.name, Standing.UNKNOWN, text, remedy)


def _attested(name: str, value: str, who: str) -> Finding:
    text = f"{who} that they reach the network: {value}."
    if value == "yes":
        return passes(name, text)
    return Finding(name, Standing.FAIL, text, "Let all MDaemon services log on as a user that reaches the share.")


def _running_as(node: NodeReading) -> Finding:
    kinds = {one: kind_of(one.account, node.host_names) for one in node.services}
    strangers = [one for one, kind in kinds.items() if kind in NO_USER]
    if strangers:
        on_shares = any(on_a_share(reach.path) for reach in node.reaches)
        text = f"It runs {in_words(strangers)}, which is no user who could be let in on a share."
        return Finding(node.name, Standing.FAIL if on_shares else Standing.WARN, text, CHANGE)
    doubtful = [one for one, kind in kinds.items() if kind == AccountKind.UNKNOWN]
    if doubtful:
        text = f"It runs {in_words(doubtful)}; what that account is on the network is not known."
        return Finding(node.name, Standing.UNKNOWN, text, "Look whether it reaches the share, and attest it.")
    return passes(node.name, f"It runs {in_words(node.services)}.")


def in_words(services: list[RunsAs] | tuple[RunsAs, ...]) -> str:
    """Each service with its account."""
    words = ", ".join(f"{one.service} as {shown_account(one.account)}" for one in services[:SHOWN])
    return words if len(services) <= SHOWN else f"{words} and {len(services) - SHOWN} more"
