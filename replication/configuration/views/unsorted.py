"""What the newest snapshot found and nobody has sorted, as pages show it."""

from __future__ import annotations

import logging
from typing import Any

from nodes.clusters.models import Cluster
from replication.configuration.models import Snapshot
from replication.configuration.selectors.history import Findings, findings_of, snapshots_of
from replication.jobs.selectors.plans import Unreadable

log = logging.getLogger(__name__)

SHOWN_PATHS = 100


def unsorted_part(cluster: Cluster) -> dict[str, Any]:
    """What the page that sorts unclassified files needs of the newest snapshot."""
    snapshot = snapshots_of(cluster).first()
    return {"snapshot": snapshot, **found_part(snapshot)}


def found_part(snapshot: Snapshot | None) -> dict[str, Any]:
    """What the newest snapshot's scan found, bounded for a page."""
    findings, trouble = _findings(snapshot)
    return {
        "unclassified": findings.unclassified[:SHOWN_PATHS],
        "unclassified_more": max(0, len(findings.unclassified) - SHOWN_PATHS),
        "problems": findings.problems[:SHOWN_PATHS],
        "findings_trouble": trouble,
    }


def _findings(snapshot: Snapshot | None) -> tuple[Findings, str]:
    """What the newest snapshot's scan found, or why that cannot be said; the page does not break over it."""
    try:
        return findings_of(snapshot), ""
    except Unreadable as error:
        log.warning("%s", error)
        return Findings(), "What the last scan found cannot be read. Plan again to have it anew."
