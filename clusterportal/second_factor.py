"""Secrets of second factors at rest: sealed like every other secret of the portal."""

from __future__ import annotations

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.dispatch import receiver

from nodes.secret import Secret
from nodes.signals import KEYS_CHANGED
from nodes.vault import open_sealed, rotate, seal

SEALED = ("secret", "seed")
"""What the library encrypts of a second factor: of a time-based one, of recovery codes."""


class SealedSecondFactor(DefaultMFAAdapter):
    """The library stores what `encrypt` gives; a stolen database yields no codes."""

    def encrypt(self, text: str) -> str:
        """Seal under the newest key."""
        return seal(Secret(text))

    def decrypt(self, encrypted_text: str) -> str:
        """Open. Raises WrongKey."""
        return open_sealed(encrypted_text).reveal()


@receiver(KEYS_CHANGED, dispatch_uid="clusterportal.second_factors")
@transaction.atomic
def seal_second_factors_again(**_: object) -> None:
    """Seal every second factor under the newest key. Raises WrongKey, and nothing changes."""
    for row in Authenticator.objects.select_for_update():
        row.data |= {name: rotate(row.data[name]) for name in SEALED if name in row.data}
        row.save(update_fields=["data"])
