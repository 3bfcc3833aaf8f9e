"""Which checks stand against joining: pure, over the same readings as the checks.

Two of them a person may accept, because there a person may rightly know better than the portal:
- `disk`: the share of free space that fails is a rule of thumb; 3 % of a large volume may be plenty, and replication
  looks anyway for the space it needs before it writes.
- `path_access`: the portal tries the shared folders as its own login, which has no network credentials where it logs in
  with a key; the account of the mail server's services may well reach them.

The others a person cannot wish away. A version, a clock and a registration key are measured or compared; what is wrong
there is mended, and read or entered again. A server's part and its own cluster service are attested where the portal
sees them wrongly; that word is newer than the evidence, so the check passes.
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

OF_THE_PRIMARY = frozenset({"one_primary", "same_version", "cluster_service", "clock"})
"""Checks whose finding on the primary concerns who joins it, too."""


@dataclass(frozen=True, slots=True)
class JoinCheck:
    """What a check says of a node that joins, of its primary, or of its cluster. `standing`: pass, warn, fail or
    unknown. `blocks`: joining is refused while it stands so. `acceptable`: a person may accept that."""

    code: str
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
        _check(verdict.code, labels[verdict.code], finding, name)
        for verdict in judge(reading)
        for finding in verdict.findings
        if finding.node in ("", name) or (finding.node == primary and _matters(verdict.code, finding))
    )


def _matters(code: str, finding: Finding) -> bool:
    """Whether what is found on the primary is said to who joins; that it is well there goes without saying."""
    return code in OF_THE_PRIMARY and finding.standing != Standing.PASS


def _check(code: str, label: str, finding: Finding, name: str) -> JoinCheck:
    blocks = finding.standing == Standing.FAIL and code in UNSAFE
    evidence = finding.evidence if finding.node == name else finding.sentence
    return JoinCheck(
        code, label, finding.standing, evidence, finding.remedy, blocks, acceptable=blocks and code in ACCEPTABLE
    )


def blocking(checks: Iterable[JoinCheck], accepted: Iterable[str] = ()) -> tuple[JoinCheck, ...]:
    """The checks that refuse the joining, but those that a person accepts by their codes."""
    taken = set(accepted)
    return tuple(check for check in checks if check.blocks and not (check.acceptable and check.code in taken))
