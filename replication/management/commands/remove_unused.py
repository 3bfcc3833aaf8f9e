"""`manage.py remove_unused`: remove stored objects that nothing refers to any more."""

from __future__ import annotations

from django.conf import settings

from replication.backup import retention
from replication.backup.removal import RemovalCommand


class Command(RemovalCommand):
    """Removes from the object store what no snapshot, node, job or conflict leads to."""

    help = (
        "Remove stored objects that no snapshot, node, job or conflict leads to and that were not used for some days: "
        "what deleted clusters held, streams that were built for sending, the remains of scans that were cut short. "
        "The portal does this once a day by itself."
    )
    days = settings.PORTAL.unused_days
    remove = staticmethod(retention.remove_unused)
