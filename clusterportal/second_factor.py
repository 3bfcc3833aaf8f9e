"""Secrets of second factors at rest: sealed like every other secret of the portal."""

from __future__ import annotations

from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator

from accounts.second_factor import is_demanded
from nodes.credentials.sealed import TokenColumn, register_place
from nodes.secret import Secret
from nodes.vault import open_sealed, seal

register_place(TokenColumn(Authenticator, "data", ("secret", "seed", "migrated_codes")))
"""What the library encrypts of a second factor: of a time-based one, of recovery codes, of codes another one made."""


class SealedSecondFactor(DefaultMFAAdapter):
    """The library stores what `encrypt` gives; a stolen database yields no codes."""

    error_messages = DefaultMFAAdapter.error_messages | {
        "cannot_delete_authenticator": "A second factor is demanded of you. A lost one is removed by an administrator.",
    }

    def encrypt(self, text: str) -> str:
        """Seal under the newest key."""
        return seal(Secret(text))

    def decrypt(self, encrypted_text: str) -> str:
        """Open. Raises WrongKey."""
        return open_sealed(encrypted_text).reveal()

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """Not while it is demanded of its owner."""
        return not is_demanded(authenticator.user)
