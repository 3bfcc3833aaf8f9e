"""A new master key: put it first in the key file, seal everything again under it, and only then drop the old ones.

Credentials are sealed again here; whoever else keeps something sealed under the master keys listens to
`nodes.signals.KEYS_CHANGED`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet
from django.conf import settings

from accounts.principals import Principal
from nodes.credentials.services import rotate_all
from nodes.signals import KEYS_CHANGED
from nodes.vault import key_lines


def add_key() -> None:
    """Put a new key in front; the old ones still open. Raises WrongKey where there is no readable key file."""
    _write([Fernet.generate_key(), *key_lines()])


def seal_again(principal: Principal) -> int:
    """Seal everything under the newest key; answers the number of credentials. Raises WrongKey, and whatever a
    listener raises."""
    sealed = rotate_all(principal)
    KEYS_CHANGED.send(sender=None)
    return sealed


def drop_old_keys() -> int:
    """Keep only the newest key; answers how many went. Call it after `seal_again` only."""
    keys = key_lines()
    _write(keys[:1])
    return len(keys) - 1


def _write(keys: Sequence[bytes]) -> None:
    """Replace the key file in one step; it is readable by its owner only from the first byte on."""
    path = Path(settings.PORTAL_KEY_FILE)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(b"\n".join(keys) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
