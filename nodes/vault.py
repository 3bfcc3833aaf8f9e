"""Secrets at rest, sealed under the keys of one file.

The key file holds Fernet keys, newest first, one a line; all can open, the first seals. The file is made by `./run`
with mode 0600 and is backed up apart from the database. Keys that left it are kept in a file beside it: only a rotation
opens with them, so that nothing is lost that was sealed while they left.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
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
def _read_keys(path: str, version: tuple[int, ...]) -> tuple[bytes, ...]:
    """`version`: what the file system says of the file, so that one that was replaced is read anew."""
    return lines_of(Path(path).read_bytes())


def lines_of(text: bytes) -> tuple[bytes, ...]:
    """The keys in the text of a key file."""
    lines = [line.strip() for line in text.splitlines()]
    return tuple(line for line in lines if line and not line.startswith(b"#"))


def key_lines() -> tuple[bytes, ...]:
    """The keys of the key file, newest first. Raises WrongKey when there is none."""
    path = str(settings.PORTAL_KEY_FILE)
    try:
        # by os: each content that is opened asks so, and a Path made for it took longer than the system
        status = os.stat(path)  # noqa: PTH116
        # the time alone goes by ticks of some milliseconds, and a rotation may write twice within one
        keys = _read_keys(path, (status.st_mtime_ns, status.st_ino, status.st_size))
    except OSError as error:
        raise WrongKey(f"The key file cannot be read: {error.strerror}. Restore it from its backup.") from error
    if not keys:
        raise WrongKey("The key file holds no key. Restore it from its backup.")
    return keys


def retired_file() -> Path:
    """Where keys are kept that left the key file; it need not exist."""
    path = Path(settings.PORTAL_KEY_FILE)
    return path.with_name(path.name + ".old")


def retired_lines() -> tuple[bytes, ...]:
    """The keys that left the key file, latest first. Raises WrongKey where they cannot be read."""
    try:
        return lines_of(retired_file().read_bytes())
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise WrongKey(f"{retired_file()} cannot be read: {error.strerror}.") from error


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


def rotate(token: str) -> str | None:
    """The same value sealed under the newest key, None where that one opens it already. Opens with retired keys, too.
    Raises WrongKey."""
    keys = key_lines()
    try:
        _made_of(keys[:1]).decrypt(token.encode())
    except InvalidToken:
        return _rotated(_made_of(keys + retired_lines()), token)
    return None


def _rotated(box: MultiFernet, token: str) -> str:
    try:
        return box.rotate(token.encode()).decode()
    except InvalidToken as error:
        raise WrongKey("A sealed value does not open with any key, retired ones included.") from error


def master_keys(purpose: str, keys: Sequence[bytes]) -> tuple[bytes, ...]:
    """32-byte keys derived from each of these keys of a key file for one purpose (HKDF-SHA256)."""
    return tuple(
        HKDF(hashes.SHA256(), 32, None, b"clusterportal/" + purpose.encode()).derive(base64.urlsafe_b64decode(key))
        for key in keys
    )
