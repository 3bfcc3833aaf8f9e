"""What a check finds on one node, or on the whole cluster."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from nodes.checks.core.readings import Standing

_WORST_FIRST = (Standing.FAIL, Standing.WARN, Standing.UNKNOWN, Standing.PASS)


@dataclass(frozen=True, slots=True)
class Finding:
    """`node` "" speaks of the whole cluster. `evidence` and `remedy` are sentences; a pass needs no remedy."""

    node: str
    standing: Standing
    evidence: str
    remedy: str = ""

    @property
    def sentence(self) -> str:
        """The evidence with the node's name before it."""
        return f"{self.node}: {self.evidence}" if self.node else self.evidence


def passes(node: str, evidence: str) -> Finding:
    """All is well here."""
    return Finding(node, Standing.PASS, evidence)


def worst(standings: Iterable[Standing]) -> Standing:
    """The worst of them; unknown for none. What is not known is worse than a pass, and better than a warning."""
    found = set(standings)
    return next((standing for standing in _WORST_FIRST if standing in found), Standing.UNKNOWN)


def joined(sentences: Iterable[str]) -> str:
    """Different sentences, each once, in their order."""
    return " ".join(dict.fromkeys(sentence for sentence in sentences if sentence))
