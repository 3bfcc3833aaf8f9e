"""Secrets at rest, sealed under the keys of one file.

The key file holds Fernet keys, newest first, one a line; all can open, the first seals. `rotate` re-seals under
the newest. The file is made by `./run` with mode 0600 and is backed up apart from the database.
"""

from __future__ import annotations

import base64
import os
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings

from nodes.secret import Secret


class WrongKey(Exception):
    """A sealed value cannot be opened with the keys of the key file."""


@lru_cache(maxsize=4)
def _read_keys(path: str, modified_ns: int) -> tuple[bytes, ...]:
    lines = [line.strip() for line in Path(path).read_bytes().splitlines()]
    return tuple(line for line in lines if line and not line.startswith(b"#"))


def key_lines() -> tuple[bytes, ...]:
    """The keys of the key file, newest first. Raises WrongKey when there is none."""
    path = str(settings.PORTAL_KEY_FILE)
    try:
        # by os: each content that is opened asks so, and a Path made for it took longer than the system
        keys = _read_keys(path, os.stat(path).st_mtime_ns)  # noqa: PTH116
    except OSError as error:
        raise WrongKey(f"The key file cannot be read: {error.strerror}. Restore it from its backup.") from error
    if not keys:
        raise WrongKey("The key file holds no key. Restore it from its backup.")
    return keys


def _box() -> MultiFernet:
    return _made_of(key_lines())


@lru_cache(maxsize=4)
def _made_of(keys: tuple[bytes, ...]) -> MultiFernet:
    return MultiFernet([Fernet(key) for key in keys])


def seal(secret: Secret) -> str:
    """Encrypt under the newest key."""
    return _box().encrypt(secret.reveal().encode()).decode()


def open_sealed(token: str) -> Secret:
    """Decrypt with any of the keys. Raises WrongKey."""
    try:
        return Secret(_box().decrypt(token.encode()).decode())
    except InvalidToken as error:
        raise WrongKey("A sealed value does not open with the keys of the key file.") from error


def rotate(token: str) -> str:
    """The same value sealed under the newest key. Raises WrongKey."""
    try:
        return _box().rotate(token.encode()).decode()
    except InvalidToken as error:
        raise WrongKey("A sealed value does not open with the keys of the key file.") from error


def master_keys(purpose: str) -> tuple[bytes, ...]:
    """32-byte keys derived from each key of the file for one purpose (HKDF-SHA256), newest first."""
    return tuple(
        HKDF(hashes.SHA256(), 32, None, b"clusterportal/" + purpose.encode()).derive(base64.urlsafe_b64decode(key))
        for key in key_lines()
    )
