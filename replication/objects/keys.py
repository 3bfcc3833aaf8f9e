"""The store's keys. Master keys wrap; one name key, made with the store, names.

Each object has a data key of its own, wrapped (AES-256-GCM) by the newest master key together with a context that
binds it to its place. The name key makes names that do not tell what they hold (HMAC-SHA256); it outlives rotation,
kept wrapped in a row of its own.
"""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import transaction

from nodes import vault
from replication.objects.errors import KeyNotHeld, ObjectDamaged, StoreUnusable
from replication.objects.models import NameKey, StoredContent

Masters = Callable[[], Sequence[bytes]]
"""Answers the master keys of now, 32 bytes each, newest first."""

ID_SIZE, NONCE_SIZE, KEY_SIZE = 8, 12, 32
WRAPPED_SIZE = ID_SIZE + NONCE_SIZE + KEY_SIZE + 16
THE_KEY, THE_ROW = "name key", 1
_ID = re.compile("[0-9a-f]{64}")
CONTEXT = b"CPNK\x02"


class VaultMasters:
    """The master keys of the portal's key file, derived anew only when that file has changed. `retired`: and those
    that left it, by which a rotation opens."""

    def __init__(self, *, retired: bool = False) -> None:
        self._retired = retired
        self._state: tuple[tuple[bytes, ...], tuple[bytes, ...]] = ((), ())

    def __call__(self) -> Sequence[bytes]:
        """Raises WrongKey where the key file cannot be read."""
        lines = vault.key_lines() + (vault.retired_lines() if self._retired else ())
        if lines != self._state[0]:
            self._state = (lines, vault.master_keys("objects", lines))
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
            raise KeyNotHeld(what)
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
    """Object ids to names, and the row that holds the key for it."""

    def __init__(self, ring: KeyRing) -> None:
        self._ring = ring
        self._known: bytes | None = None

    def name(self, id_: str) -> bytes:
        """The 32 bytes an object is named by. Raises ValueError where `id_` is no SHA-256 in lower-case hex."""
        if not _ID.fullmatch(id_):
            raise ValueError(f"no object id: {id_[:80]!r}")
        return hmac.digest(self._key(), id_.encode(), "sha256")

    def prove(self) -> None:
        """Raise KeyNotHeld where the key file is not the one that the store is sealed under."""
        self._load()

    def rewrap(self) -> bool | None:
        """Seal the name key under the newest master key; True if it was not, None where there is none. Raises
        KeyNotHeld, ObjectDamaged."""
        wrapped = self._wrapped()
        if wrapped is None:
            return None
        key = self._ring.unwrap(wrapped, CONTEXT, what=THE_KEY)
        if self._ring.is_newest(wrapped):
            return False
        return bool(NameKey.objects.filter(pk=THE_ROW).update(wrapped=self._ring.wrap(key, CONTEXT)))

    def _key(self) -> bytes:
        if self._known is not None:
            return self._known
        key = self._load() or self._make()
        # a transaction that fails takes the key along that was made in it
        transaction.on_commit(partial(setattr, self, "_known", key))
        return key

    def _wrapped(self) -> bytes | None:
        wrapped = NameKey.objects.filter(pk=THE_ROW).values_list("wrapped", flat=True).first()
        return None if wrapped is None else bytes(wrapped)

    def _load(self) -> bytes | None:
        wrapped = self._wrapped()
        if wrapped is None:
            return None
        if len(wrapped) != WRAPPED_SIZE:
            raise ObjectDamaged(THE_KEY, "it has not the form of a key")
        return self._ring.unwrap(wrapped, CONTEXT, what=THE_KEY)

    def _make(self) -> bytes:
        if StoredContent.objects.filter(name__isnull=False).exists():
            if key := self._load():
                return key  # another was first, and has put something since
            raise StoreUnusable("The object store holds contents but its name key is gone. Restore a backup.")
        row = NameKey(pk=THE_ROW, wrapped=self._ring.wrap(os.urandom(KEY_SIZE), CONTEXT))
        # another process may have been first; then its key is the store's
        NameKey.objects.bulk_create([row], ignore_conflicts=True)
        key = self._load()
        if key is None:
            raise StoreUnusable("The object store's name key vanished while it was made. Try again.")
        return key
