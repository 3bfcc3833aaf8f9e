"""The portal's scripts on a node, as its page shows them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nodes.facts.models import NodeFacts
from nodes.platforms import platform_named
from nodes.registry.models import Node
from nodes.remote.scripts import FOLDER

PURPOSES: Mapping[str, str] = {
    "clock": "tells the clock, to compare it with the other nodes'",
    "hash": "hashes files where they lie, so that their content need not cross the network",
    "selftest": "says whether PowerShell runs the others as it should",
    "services": "lists the mail server's services and their accounts",
    "share": "says why a folder on a share does not open",
    "tree": "lists a folder with everything below it in one answer",
}

STATES: Mapping[str, tuple[str, str]] = {
    "unknown": ("Not looked yet", "Known once the node's facts were read."),
    "none": ("Not brought", "Everything goes by SFTP: contents cross the network to be hashed, clocks stay unknown."),
    "outdated": ("Outdated", "They are of another version of the portal, which does not use them. Bring them again."),
    "changed": ("Changed on the node", "One of them is not as the portal wrote it, so none is used. Bring them again."),
    "brought": ("Brought", "Used once a worker has tried them, when it reads the facts next."),
    "unused": (
        "Brought, not usable",
        "PowerShell does not run them there; is the account restricted to ConstrainedLanguage? The portal uses SFTP.",
    ),
    "used": ("In use", "Before each use their content is compared with the portal's."),
}
"""By state: the words for a person, and what it means."""

STATE_CHOICES = [(state, label) for state, (label, _) in STATES.items()]


@dataclass(frozen=True, slots=True)
class ScriptsShown:
    """`state`: a key of STATES. `version`: of those the portal would bring now; `brought`: of those there, "" for none.
    `purposes`: each script's name and what it does."""

    state: str
    version: str
    brought: str
    folder: str = FOLDER
    purposes: tuple[tuple[str, str], ...] = tuple(PURPOSES.items())

    @property
    def label(self) -> str:
        """The state in words."""
        return STATES[self.state][0]

    @property
    def offers_bringing(self) -> bool:
        """Whether there is something to bring."""
        return self.state in ("unknown", "none", "outdated", "changed")

    @property
    def tone(self) -> str:
        """A word that has the state's colour."""
        return {"used": "ok", "brought": "info", "outdated": "warn", "changed": "warn", "unused": "warn"}.get(
            self.state, "idle"
        )

    @property
    def meaning(self) -> str:
        """What the state means."""
        return STATES[self.state][1]


def scripts_of(node: Node) -> ScriptsShown | None:
    """The scripts of a node as they were last seen; None where its system needs none."""
    wanted = platform_named(node.platform).scripts()
    if not wanted:
        return None
    facts: NodeFacts | None = getattr(node, "facts", None)
    found: Mapping[str, Any] | None = facts.scripts if facts else None
    files = tuple(found["files"]) if found else ()
    return ScriptsShown(_state(facts, found, set(wanted)), _version(wanted), _version(files))


def _state(facts: NodeFacts | None, found: Mapping[str, Any] | None, wanted: set[str]) -> str:
    if facts is None or found is None:
        return "unknown"
    if not found["files"]:
        return "none"
    if not wanted <= set(found["files"]):
        return "outdated"
    if not found["whole"]:
        return "changed"
    if not found["tried"]:
        return "brought"
    return "used" if any(facts.capabilities.values()) else "unused"


def _version(names: Iterable[str]) -> str:
    """A word for a set of scripts: their names hold the hashes of their contents."""
    listed = "\n".join(sorted(names))
    return hashlib.sha256(listed.encode()).hexdigest()[:8] if listed else ""
