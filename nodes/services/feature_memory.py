"""What the switches of incompatible features were before the portal switched them off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from django.db import transaction
from django.utils import timezone

from nodes.enums import LogLevel
from nodes.health.readings import Switch
from nodes.models import FeatureMemory, Node, NodeFacts
from nodes.services import cluster_log
from nodes.services.cluster_log import Entry
from nodes.services.guards import run_checks


@transaction.atomic
def remember(*, node_id: int, job_number: int, switches: Sequence[Switch]) -> None:
    """Keep the values that are about to be changed; call it before the first write. Saying it again is fine."""
    for switch in switches:
        FeatureMemory.objects.update_or_create(
            node_id=node_id,
            feature=switch.feature,
            path=switch.path,
            section=switch.section,
            key=switch.key,
            restored_at=None,
            defaults={"value": switch.value or "", "switched_at": timezone.now(), "job_number": job_number},
        )


def remembered(node_id: int) -> list[FeatureMemory]:
    """What was switched off on a node and not given back yet."""
    return list(FeatureMemory.objects.filter(node=node_id, restored_at=None))


@transaction.atomic
def note_switched(*, node: Node, job_number: int, off: bool, read_back: Sequence[Switch]) -> None:
    """The switches were written and read back: keep how they stand, say so in the cluster log, judge anew."""
    if not off:
        FeatureMemory.objects.filter(node=node, restored_at=None).update(restored_at=timezone.now())
    NodeFacts.objects.filter(node=node).update(switches=[asdict(switch) for switch in read_back])
    what = "Switched off the features that do not go with clustering" if off else "Gave back the features' switches"
    code = cluster_log.FEATURES_OFF if off else cluster_log.FEATURES_RESTORED
    cluster_log.write(node.cluster_id, [Entry(code, what, LogLevel.INFO, node.name, job_number)])
    run_checks(node.cluster_id)
