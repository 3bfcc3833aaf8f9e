"""Which checks stand against joining: pure, over the same readings as the checks.

Two of them a person may accept, because there a person may rightly know better than the portal:
- `disk`: the share of free space that fails is a rule of thumb; 3 % of a large volume may be plenty, and replication
  looks anyway for the space it needs before it writes.
- `path_access`: the portal tries the shared folders as its own login, which has no network credentials where it logs in
  with a key; the account of the mail server's services may well reach them.

The others a person cannot wish away. A version, a clock and a registration key are measured or compared; what is wrong
there is mended, and read or entered again. A server's part and its own cluster service are attested where the portal
sees them wrongly; that word is newer than the evidence, so the check passes.

What is not known does not stop a joining, but for one: the portal replicates only while MDaemon's own cluster service
is said to be off on every node, so a joining without that word would end at its first plan.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nodes.checks.core.finding import Finding
from nodes.checks.core.readings import ClusterReading, Standing
from nodes.checks.core.verdicts import CHECKS, judge

UNSAFE = frozenset(
    {"one_primary", "same_version", "registration_key", "cluster_service", "clock", "path_access", "disk"}
)
"""Checks without which a server must not be overwritten with the primary's configuration."""

ACCEPTABLE = ("path_access", "disk")
"""Those whose failure a person may accept for one joining."""

OF_THE_PRIMARY = frozenset({"one_primary", "same_version", "clock"})
"""Checks whose finding on the primary concerns who joins it, too."""

OF_ALL = frozenset({"cluster_service"})
"""Checks that must pass on every node before the portal writes to any."""


@dataclass(frozen=True, slots=True)
class JoinCheck:
    """What a check says of a node that joins, of another one that matters to it, or of its cluster; `node`: of which
    one, "" for the cluster. `standing`: pass, warn, fail or unknown. `blocks`: joining is refused while it stands so.
    `acceptable`: a person may accept that."""

    code: str
    node: str
    label: str
    standing: Standing
    evidence: str
    remedy: str
    blocks: bool
    acceptable: bool


def join_checks(reading: ClusterReading, name: str) -> tuple[JoinCheck, ...]:
    """Every check of a node by its name, in the checks' order."""
    labels = {code: check.label for code, check in CHECKS.items()}
    labels |= {feature.code: feature.label for feature in reading.features}
    primary = reading.primary.name if reading.primary else ""
    return tuple(
        _check(verdict.code, labels[verdict.code], finding, name, native=reading.native)
        for verdict in judge(reading)
        for finding in verdict.findings
        if finding.node in ("", name) or _matters(verdict.code, finding, finding.node == primary)
    )


def _matters(code: str, finding: Finding, on_primary: bool) -> bool:
    """Whether what is found on another node is said to who joins; that it is well there goes without saying."""
    return finding.standing != Standing.PASS and (code in OF_ALL or (on_primary and code in OF_THE_PRIMARY))


def _check(code: str, label: str, finding: Finding, name: str, *, native: bool) -> JoinCheck:
    blocks = code in UNSAFE and finding.standing == Standing.FAIL
    if code in OF_ALL and finding.standing == Standing.UNKNOWN:
        blocks = not native
    return JoinCheck(
        code=code,
        node=finding.node,
        label=label,
        standing=finding.standing,
        evidence=finding.evidence if finding.node == name else finding.sentence,
        remedy=finding.remedy,
        blocks=blocks,
        acceptable=blocks and code in ACCEPTABLE,
    )


def blocking(checks: Iterable[JoinCheck], accepted: Iterable[str] = ()) -> tuple[JoinCheck, ...]:
    """The checks that refuse the joining, but those that a person accepts by their codes."""
    taken = set(accepted)
    return tuple(check for check in checks if check.blocks and not (check.acceptable and check.code in taken))
