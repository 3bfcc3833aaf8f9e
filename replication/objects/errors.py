"""What can go wrong with stored content; every sentence says what to do."""

from __future__ import annotations

from typing import ClassVar


class StoreError(Exception):
    """The object store cannot do this. `code` is stable, for pages and the API."""

    code: ClassVar[str] = "object_store"


class ObjectMissing(StoreError):
    """Nothing is stored under the id: it was purged, swept, dropped as damaged, or never put."""

    code = "object_missing"

    def __init__(self, id_: str) -> None:
        self.id = id_
        super().__init__(f"The object {id_[:12]} is not in the store: its retention ended, or it was damaged.")


class ObjectDamaged(StoreError):
    """What is stored is not what was put: torn, swapped, changed. Never are wrong bytes handed out instead."""

    code = "object_damaged"

    def __init__(self, what: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The stored object {what} is damaged: {reason}.")


class KeyNotHeld(ObjectDamaged):
    """It is sealed under a master key that the key file does not hold (or its key's name is damaged)."""

    code = "object_key_missing"


class StoreUnusable(StoreError):
    """The store's name key is gone."""

    code = "object_store_unusable"
