"""What workers do to see edits made on secondaries."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from celery import shared_task
from django.dispatch import receiver

from nodes.enums import Health
from nodes.registry.models import Node
from nodes.registry.services.health import LIMIT
from nodes.signals import LOOK_ASKED
from replication.drift.look import RESTS, compare_all
from replication.jobs import wake


@shared_task(name="replication.tasks.compare")
def compare(*asked: int) -> None:
    """Look at the secondaries that are due, and at those that somebody asked for. Doing it twice is fine."""
    RESTS.end(asked)
    compare_all()


@receiver(LOOK_ASKED, dispatch_uid="replication.drift")
def look_again(*, node_ids: Collection[int], **_: Any) -> None:
    """Have those of these nodes looked at that broke a limit: it takes a look at their files to see that they keep it
    again."""
    broken = Node.objects.filter(pk__in=node_ids, health=Health.DEGRADED, health_cause__startswith=LIMIT)
    if found := sorted(broken.values_list("pk", flat=True)):
        wake.compare(found)
