"""The check over the accounts that the mail server's services run under: can they be let in on a share?"""

from __future__ import annotations

from nodes.checks.core.finding import Finding, passes
from nodes.checks.core.readings import ClusterReading, FolderTest, NodeReading, RunsAs, Standing
from nodes.checks.core.service import on_a_share
from nodes.checks.core.shares import current_tests
from nodes.counted import some
from nodes.platforms.windows_accounts import NO_USER, AccountKind, kind_of, shown_account
from nodes.shares.core.standing import FAILED, OK

CHANGE = "In Services, let all MDaemon services log on as a user that reaches the share; or attest that they do."
LET_IN = "Let that account in by the share's permissions and by those of the folder, then run the share test."
PROVE = (
    "Run the share test with a login that is the services' account, by its password; or look on the server that they "
    "work there, and attest it."
)
REFUSALS = frozenset({"denied", "wrong_login", "read_only"})
"""Reasons that concern the account, and not the network or the file server."""

SHOWN = 4
"""Services of one account named in a sentence."""


def accounts(reading: ClusterReading) -> list[Finding]:
    """The services run as a user, who can be let in on a share. What the share test found as that very account counts
    first, then a person's word: a share may let in the computer itself, which no account's name shows."""
    return [_account(reading, node) for node in reading.nodes]


def _account(reading: ClusterReading, node: NodeReading) -> Finding:
    refused = [test for test in proofs(reading, node) if _is_refused(test) and test.after_word]
    if refused:
        text = f"As {refused[0].login}, the account of its services, {refused[0].path}: {refused[0].text}"
        return Finding(node.name, Standing.FAIL, text, LET_IN)
    if node.account is not None:
        return _attested(node.name, node.account.value, f"{node.account.by} attested on {node.account.at}")
    if node.services:
        return _running_as(reading, node)
    if not node.windows:
        text = "The system has no Windows services; which account the server runs under is not asked."
        return Finding(node.name, Standing.UNKNOWN, text, "Attest it where the shared folders lie on the network.")
    text = "The account that its services run under is not known."
    remedy = "Bring the portal's scripts to the node, which ask Windows for it; or look in Services and attest it."
    return Finding(node.name, Standing.UNKNOWN, text, remedy)


def proofs(reading: ClusterReading, node: NodeReading) -> list[FolderTest]:
    """The tests that ran from a node as the account of its services, and that still tell something."""
    return [test for test in current_tests(node, reading.places) if test.as_service]


def _is_refused(test: FolderTest) -> bool:
    return test.state == FAILED and test.reason in REFUSALS


def _proven(reading: ClusterReading, node: NodeReading) -> bool:
    roles = {test.role for test in proofs(reading, node) if test.state == OK}
    return bool(reading.places) and all(place.role in roles for place in reading.places)


def _attested(name: str, value: str, who: str) -> Finding:
    text = f"{who} that they reach the network: {value}."
    if value == "yes":
        return passes(name, text)
    return Finding(name, Standing.FAIL, text, "Let all MDaemon services log on as a user that reaches the share.")


def _running_as(reading: ClusterReading, node: NodeReading) -> Finding:
    runs = f"It runs {in_words(node.services)}"
    if _proven(reading, node):
        return passes(node.name, f"{runs}; the share test as that account works in every shared folder.")
    kinds = {one: kind_of(one.account, node.host_names) for one in node.services}
    strangers = tuple(one for one, kind in kinds.items() if kind in NO_USER)
    if strangers:
        on_shares = bool(reading.places) or any(on_a_share(reach.path) for reach in node.reaches)
        text = f"It runs {in_words(strangers)}, which is no user who could be let in on a share."
        return Finding(node.name, Standing.FAIL if on_shares else Standing.WARN, text, CHANGE)
    doubtful = tuple(one for one, kind in kinds.items() if kind == AccountKind.UNKNOWN)
    if doubtful:
        text = f"It runs {in_words(doubtful)}; what that account is on the network is not known."
        return Finding(node.name, Standing.UNKNOWN, text, "Look whether it reaches the share, and attest it.")
    if reading.places:
        text = f"{runs}; no share test ran as that account, so whether it reaches the shared folders is not known."
        return Finding(node.name, Standing.UNKNOWN, text, PROVE)
    return passes(node.name, f"{runs}.")


def in_words(services: tuple[RunsAs, ...]) -> str:
    """Each account with the services that run under it."""
    by_account: dict[str, list[str]] = {}
    for one in services:
        by_account.setdefault(shown_account(one.account), []).append(one.service)
    return "; ".join(f"{some(names, SHOWN)} as {account}" for account, names in by_account.items())
