"""Checks over the folders that all nodes share: are they where they are set, can every node work there?"""

from __future__ import annotations

from collections.abc import Iterable

from nodes.checks.core.finding import Finding, passes
from nodes.checks.core.identity import READ, staleness
from nodes.checks.core.readings import ClusterReading, FolderTest, NodeReading, Standing
from nodes.counted import many
from nodes.shares.core.layout import SharedPlace
from nodes.shares.core.standing import DAY, OK, TEST_LASTS, has_failed, is_at, lies_at

CLOCK_SECONDS = 2.0
"""The guide's second, and one that the times of files do not tell."""

NONE_SET = Finding(
    "",
    Standing.UNKNOWN,
    "Nobody set where the shared folders lie, so there is nothing to compare.",
    "Set them under Shared paths.",
)
OUTSIDE = "It is no server of the cluster: replication brings there what is set once it joins."
TEST_AGAIN = "Run the share test."
APPLY = "Apply the shared paths; the plan shows every line that changes."
REMEDIES = {
    "no_host": "Correct the file server's name, or let the node find it: DNS, or its address in the path.",
    "unreachable": "Start the file server, and let the node through to its port 445.",
    "no_share": "Make the share on the file server, or correct the path.",
    "no_folder": "Make the folder, or apply the shared paths, which makes it.",
    "not_mounted": "Mount the share there, or enter where the node mounts it.",
    "denied": "Let the account in twice: by the share's permissions and by those of the folder (Modify on both).",
    "no_credentials": "Give the node a credential with a password: a login by key has no rights on other machines.",
    "wrong_login": "Correct the user's name or password on the file server.",
    "full": "Make room on the file server's volume, or raise its quota.",
    "read_only": "Let the account change and delete, not only read: by the share and by the folder.",
    "too_long": "Choose a shorter path.",
    "not_seen": "Look whether all nodes name the same share: caches, replicas of a name, mount options.",
    "no_lock": "Switch locks on for the share or its mount: without them two servers write the same file.",
    "slow": "Look at the network between node and file server, and at what else keeps the file server busy.",
    "node_away": "Bring the node back, then run the share test.",
}
"""What to do about each reason of a folder that does not work."""


def tested(reading: ClusterReading) -> list[Finding]:
    """Every node can work in every shared folder, by the last share test."""
    return [_tested(reading, node) for node in reading.nodes] if reading.places else [NONE_SET]


def _tested(reading: ClusterReading, node: NodeReading) -> Finding:
    found = [_cell(node, place) for place in reading.places]
    for standing in (Standing.FAIL, Standing.UNKNOWN):
        those = [one for one in found if one.standing == standing]
        if those:
            more = f" So do {len(those) - 1} more." if standing == Standing.FAIL and len(those) > 1 else ""
            return Finding(node.name, standing, f"{those[0].evidence}{more}", those[0].remedy)
    logins = ", ".join(dict.fromkeys(test.login for test in node.tests if test.login)) or "the portal's login"
    oldest = max(test.age for test in current_tests(node, reading.places))
    text = f"It works in {many(len(found), 'shared folder')}, tested {ago(oldest)} as {logins}."
    return passes(node.name, text)


def _cell(node: NodeReading, place: SharedPlace) -> Finding:
    test = next((one for one in node.tests if one.role == place.role), None)
    if test is None:
        return Finding(node.name, Standing.UNKNOWN, f"{place.label} was never tested from here.", TEST_AGAIN)
    if not lies_at(test.path, place.path):
        text = f"{place.label} was tested at {test.path}, and is set to {place.path} now."
        return Finding(node.name, Standing.UNKNOWN, text, TEST_AGAIN)
    if test.age > TEST_LASTS:
        return Finding(node.name, Standing.UNKNOWN, f"{place.label} was last tested {ago(test.age)}.", TEST_AGAIN)
    if test.state == OK:
        return passes(node.name, "")
    text = f"{place.label}, {place.path}: {test.text or 'it was not tested.'}"
    remedy = REMEDIES.get(test.reason, "See the share test's job, then run it again.")
    return Finding(node.name, Standing.FAIL if has_failed(test.state, test.reason) else Standing.UNKNOWN, text, remedy)


def current_tests(node: NodeReading, places: Iterable[SharedPlace]) -> list[FolderTest]:
    """A node's tests of these places that still tell something."""
    return [test for place in places for test in node.tests if _current(test, place)]


def _current(test: FolderTest, place: SharedPlace) -> bool:
    return test.role == place.role and lies_at(test.path, place.path) and test.age <= TEST_LASTS


def ago(seconds: float) -> str:
    """An age in words."""
    if seconds < 2 * 60:
        return "just now"
    if seconds < 2 * 3600:
        return f"{seconds / 60:.0f} min ago"
    return f"{seconds / 3600:.0f} h ago" if seconds < 2 * DAY else f"{seconds / DAY:.0f} days ago"


def applied(reading: ClusterReading) -> list[Finding]:
    """Every node keeps its shared folders where they are set."""
    return [_applied(reading, node) for node in reading.nodes] if reading.places else [NONE_SET]


def _applied(reading: ClusterReading, node: NodeReading) -> Finding:
    if node.outside:
        return passes(node.name, OUTSIDE)
    stale = staleness(reading, node)
    if stale or not node.kept:
        return stale or Finding(node.name, Standing.UNKNOWN, "Its folders were not read.", READ)
    other = [place for place in reading.places if stands(node, place) is False]
    if other:
        return _elsewhere(reading, node, other)
    unsaid = [place for place in reading.places if stands(node, place) is None]
    if unsaid:
        text = f"Its files do not say where it keeps {_labels(unsaid)}."
        remedy = "Look at Setup | Cluster Service | Shared Network Paths on the server, and name the keys here."
        return Finding(node.name, Standing.UNKNOWN, text, remedy)
    return passes(node.name, f"It keeps {many(len(reading.places), 'shared folder')} where they are set.")


def _elsewhere(reading: ClusterReading, node: NodeReading, other: list[SharedPlace]) -> Finding:
    place = other[0]
    kept = ", ".join(one.path for one in node.kept if one.role == place.role)
    more = f" {len(other) - 1} more differ." if len(other) > 1 else ""
    text = f"It keeps {place.label} in {kept}; {place.path} is set.{more}"
    primary = reading.primary
    if node.primary or primary is None:
        return Finding(node.name, Standing.WARN, text, APPLY)
    if any(stands(primary, one) is False for one in other):
        return Finding(node.name, Standing.WARN, "Not applied either.", APPLY)
    remedy = "Replicate to this node; where its key is kept as the node's own, change that among its ini keys."
    return Finding(node.name, Standing.FAIL, text, remedy)


def stands(node: NodeReading, place: SharedPlace) -> bool | None:
    """Whether a node keeps a folder where it is set; None where that cannot be told."""
    kept = [one for one in node.kept if one.role == place.role]
    if len(kept) != 1 or not kept[0].known:
        return None
    if is_at(kept[0].path, place.path, node.mounts):
        return True
    return False if node.windows or place.path.root in node.mounts else None


def _labels(places: Iterable[SharedPlace]) -> str:
    return ", ".join(place.label for place in places)


def server_clock(reading: ClusterReading) -> list[Finding]:
    """The clock of each file server against the primary's: what is written there carries its time."""
    servers = list(dict.fromkeys(place.path.server.casefold() for place in reading.places))
    return [_server(reading, server) for server in servers] or [NONE_SET]


def _server(reading: ClusterReading, server: str) -> Finding:
    places = [place for place in reading.places if place.path.server.casefold() == server]
    from_portal = [test for test in reading.portal_tests for place in places if _current(test, place)]
    from_nodes = [test for node in reading.nodes for test in current_tests(node, places)]
    tests = [test for test in (*from_portal, *from_nodes) if test.clock_offset is not None]
    if not tests:
        text = f"The clock of {server} is not known: no share test read it lately."
        return Finding("", Standing.UNKNOWN, text, TEST_AGAIN)
    primary = reading.primary
    base = primary.clock_offset if primary is not None and primary.clock_offset is not None else 0.0
    off = (tests[0].clock_offset or 0.0) - base
    text = f"The clock of {server} is {abs(off):.1f} s {'ahead of' if off > 0 else 'behind'} the servers' own."
    if abs(off) <= CLOCK_SECONDS:
        return passes("", text)
    remedy = "Let file server and nodes take the time from the same source."
    return Finding("", Standing.WARN, text, remedy)
