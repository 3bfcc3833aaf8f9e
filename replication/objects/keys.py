"""The store's keys. Master keys wrap; one name key, made with the store, names.

Each object has a data key of its own, wrapped (AES-256-GCM) by the newest master key together with a context that
binds it to its place. The name key makes file names that do not tell what they hold (HMAC-SHA256); it outlives
rotation, kept wrapped in the store's file `names.key`.
"""

from __future__ import annotations

import hmac
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from nodes import vault
from replication.objects.disk import Disk
from replication.objects.errors import KeyNotHeld, ObjectDamaged, StoreUnusable

Masters = Callable[[], Sequence[bytes]]
"""Answers the master keys of now, 32 bytes each, newest first."""

ID_SIZE, NONCE_SIZE, KEY_SIZE = 8, 12, 32
WRAPPED_SIZE = ID_SIZE + NONCE_SIZE + KEY_SIZE + 16
NAME_KEY_FILE = "names.key"
NAME_KEY_HEAD = b"CPNK\x01"


class VaultMasters:
    """The master keys of the portal's key file, derived anew only when that file has changed."""

    def __init__(self) -> None:
        self._state: tuple[tuple[bytes, ...], tuple[bytes, ...]] = ((), ())

    def __call__(self) -> Sequence[bytes]:
        """Raises WrongKey where the key file cannot be read."""
        lines = vault.key_lines()
        if lines != self._state[0]:
            self._state = (lines, vault.master_keys("objects"))
        return self._state[1]


@dataclass(frozen=True, slots=True)
class _Master:
    id: bytes
    box: AESGCM


class KeyRing:
    """Wraps data keys under the newest master key and opens them with whichever sealed them."""

    def __init__(self, masters: Masters) -> None:
        self._masters = masters
        self._opened: tuple[tuple[bytes, ...], tuple[_Master, ...]] = ((), ())

    def wrap(self, key: bytes, context: bytes) -> bytes:
        """`key` sealed under the newest master key; opens only with the same `context`."""
        newest = self._now()[0]
        nonce = os.urandom(NONCE_SIZE)
        return newest.id + nonce + newest.box.encrypt(nonce, key, context)

    def unwrap(self, wrapped: bytes, context: bytes, *, what: str) -> bytes:
        """The key again. Raises KeyNotHeld, ObjectDamaged; `what` names the object in their sentences."""
        id_, nonce = wrapped[:ID_SIZE], wrapped[ID_SIZE : ID_SIZE + NONCE_SIZE]
        master = next((master for master in self._now() if master.id == id_), None)
        if master is None:
            raise KeyNotHeld(what, "the key file does not hold the key it was sealed under")
        try:
            return master.box.decrypt(nonce, wrapped[ID_SIZE + NONCE_SIZE :], context)
        except InvalidTag as error:
            raise ObjectDamaged(what, "its head was changed or belongs to another object") from error

    def is_newest(self, wrapped: bytes) -> bool:
        """Whether it is sealed under the newest master key."""
        return wrapped[:ID_SIZE] == self._now()[0].id

    def _now(self) -> tuple[_Master, ...]:
        keys = tuple(self._masters())
        if keys != self._opened[0]:
            self._opened = (keys, tuple(_Master(_key_id(key), AESGCM(key)) for key in keys))
        return self._opened[1]


def _key_id(master: bytes) -> bytes:
    return hmac.digest(master, b"clusterportal object store key id", "sha256")[:ID_SIZE]


class Names:
    """Object ids to file names, and the file that holds the key for it."""

    def __init__(self, disk: Disk, ring: KeyRing) -> None:
        self._disk = disk
        self._ring = ring
        self._key = self._load() or self._make()

    def name(self, id_: str) -> bytes:
        """The 32 bytes an object is named by. Raises ValueError where `id_` is no SHA-256 in lower-case hex."""
        if len(id_) != 64 or not set(id_) <= set("0123456789abcdef"):
            raise ValueError(f"no object id: {id_[:80]!r}")
        return hmac.digest(self._key, id_.encode(), "sha256")

    def rewrap(self) -> bool:
        """Seal the name key under the newest master key; True if it was not."""
        wrapped = self._disk.read(NAME_KEY_FILE)[len(NAME_KEY_HEAD) :]
        if self._ring.is_newest(wrapped):
            return False
        self._disk.write(NAME_KEY_FILE, NAME_KEY_HEAD + self._ring.wrap(self._key, NAME_KEY_HEAD))
        return True

    def _load(self) -> bytes | None:
        try:
            data = self._disk.read(NAME_KEY_FILE)
        except FileNotFoundError:
            return None
        if len(data) != len(NAME_KEY_HEAD) + WRAPPED_SIZE or not data.startswith(NAME_KEY_HEAD):
            raise ObjectDamaged(NAME_KEY_FILE, "it has not the form of a name key")
        return self._ring.unwrap(data[len(NAME_KEY_HEAD) :], NAME_KEY_HEAD, what=NAME_KEY_FILE)

    def _make(self) -> bytes:
        if not self._disk.is_empty():
            text = f"The object store holds objects but its {NAME_KEY_FILE} is gone. Restore it from a backup."
            raise StoreUnusable(text)
        data = NAME_KEY_HEAD + self._ring.wrap(os.urandom(KEY_SIZE), NAME_KEY_HEAD)
        # another process may have been first; then its key is the store's
        self._disk.write_if_absent(NAME_KEY_FILE, data)
        key = self._load()
        if key is None:
            raise StoreUnusable(f"The object store's {NAME_KEY_FILE} vanished while it was made. Try again.")
        return key
