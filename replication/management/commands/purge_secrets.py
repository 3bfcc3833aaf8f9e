"""`manage.py purge_secrets`: remove secret-bearing content whose retention has ended."""

from __future__ import annotations

from django.conf import settings

from replication.backup import retention
from replication.backup.removal import RemovalCommand


class Command(RemovalCommand):
    """Removes from the object store what only secret-bearing files held and nothing in use needs any more."""

    help = (
        "Remove the stored content of secret-bearing files (account lists, passwords, kept conflicts) that was not "
        "used for some days. What a cluster's newest snapshot, a node's proven state, giving a node back what it had "
        "before joining, or an unfinished job needs stays. The portal does this once a day by itself."
    )
    days = settings.PORTAL.secret_days
    remove = staticmethod(retention.purge_secrets)
