"""When the key file has a new key, the store's keys are wrapped under it, before an old one may go."""

from __future__ import annotations

from django.dispatch import receiver

from nodes.signals import KEYS_CHANGED
from nodes.vault import WrongKey
from replication.objects import StoreError, default_store

ROUNDS = 5


@receiver(KEYS_CHANGED, dispatch_uid="replication.objects")
def rewrap_objects(**_: object) -> None:
    """Rewrap until nothing is left to do. Raises WrongKey, so that the old keys stay in the file."""
    try:
        # again, for what others put under the former key in the meantime
        for _round in range(ROUNDS):
            report = default_store().rewrap()
            if report.damaged:
                raise WrongKey(f"{len(report.damaged)} stored objects cannot be sealed again. {report.damaged[0]}")
            if not report.objects:
                return
    except StoreError as error:
        raise WrongKey(str(error)) from error
    raise WrongKey("Others still put objects under the former key. Run it again with --keep-key.")
