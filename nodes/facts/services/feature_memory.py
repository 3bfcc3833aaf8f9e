"""What the switches of incompatible features were before the portal switched them off."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from django.db import transaction
from django.utils import timezone

from nodes.cluster_log import services as cluster_log_services
from nodes.cluster_log.services import Entry
from nodes.enums import LogLevel
from nodes.facts.core import FeatureSetting
from nodes.facts.models import FeatureMemory, NodeFacts
from nodes.registry.models import Node
from nodes.secret import Secret
from nodes.signals import CLUSTER_CHANGED

_OFF = cluster_log_services.FEATURES_OFF, "Switched off the features that do not go with clustering"
_RESTORED = cluster_log_services.FEATURES_RESTORED, "Gave back the features' switches"


@transaction.atomic
def remember(*, node_id: int, job_number: int, switches: Sequence[FeatureSetting]) -> None:
    """Keep the values that are about to be changed; call it before the first write. Saying it again is fine."""
    for switch in switches:
        FeatureMemory.objects.update_or_create(
            node_id=node_id,
            feature=switch.feature,
            path=switch.path,
            section=switch.section,
            key=switch.key,
            restored_at=None,
            defaults={
                "value": Secret(switch.value or ""),
                "off": switch.off,
                "switched_at": timezone.now(),
                "job_number": job_number,
            },
        )


def remembered(node_id: int) -> list[FeatureMemory]:
    """What was switched off on a node and not given back yet."""
    return list(FeatureMemory.objects.filter(node=node_id, restored_at=None))


@dataclass(frozen=True, slots=True)
class Switched:
    """What a job did: switched `off` or gave back, `changed` any line or found nothing to do, and the switches as they
    were read afterwards."""

    job_number: int
    off: bool
    changed: bool
    read_back: Sequence[FeatureSetting]


@transaction.atomic
def note_switched(*, node: Node, done: Switched) -> None:
    """The switches stand as they should: keep how they do, say what was changed in the cluster log, judge anew. What
    was given back is remembered no longer."""
    NodeFacts.objects.filter(node=node).update(switches=[asdict(switch.shown) for switch in done.read_back])
    if done.changed:
        code, what = _OFF if done.off else _RESTORED
        cluster_log_services.write(node.cluster_id, [Entry(code, what, LogLevel.INFO, node.name, done.job_number)])
    if not done.off:
        FeatureMemory.objects.filter(node=node, restored_at=None).update(restored_at=timezone.now(), value=None)
    CLUSTER_CHANGED.send(sender=None, cluster_id=node.cluster_id)
