"""Secrets of second factors at rest: sealed like every other secret of the portal."""

from __future__ import annotations

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator

from nodes.credentials.sealed import TokenColumn, register_place
from nodes.secret import Secret
from nodes.vault import open_sealed, seal

register_place(TokenColumn(Authenticator, "data", ("secret", "seed", "migrated_codes")))
"""What the library encrypts of a second factor: of a time-based one, of recovery codes, of codes another one made."""


class SealedSecondFactor(DefaultMFAAdapter):
    """The library stores what `encrypt` gives; a stolen database yields no codes."""

    def encrypt(self, text: str) -> str:
        """Seal under the newest key."""
        return seal(Secret(text))

    def decrypt(self, encrypted_text: str) -> str:
        """Open. Raises WrongKey."""
        return open_sealed(encrypted_text).reveal()
