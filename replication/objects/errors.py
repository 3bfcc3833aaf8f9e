"""What can go wrong with stored content; every sentence says what to do."""

from __future__ import annotations

from typing import ClassVar


class StoreError(Exception):
    """The object store cannot do this. `code` is stable, for pages and the API."""

    code: ClassVar[str] = "object_store"


class ObjectLost(StoreError):
    """What was stored is not to be had any more. Putting the same content again mends it."""

    remedy: ClassVar[str] = "Retry the job: it is planned anew, and what a server still holds is read from there again."


class ObjectMissing(ObjectLost):
    """Nothing is stored under the id: it was purged, swept, dropped as damaged, or never put."""

    code = "object_missing"

    def __init__(self, id_: str) -> None:
        self.id = id_
        super().__init__(f"The object {id_[:12]} is not in the store: its retention ended, or it was damaged.")


class ObjectDamaged(ObjectLost):
    """What is stored is not what was put: torn, swapped, changed. Never are wrong bytes handed out instead."""

    code = "object_damaged"

    def __init__(self, what: str, reason: str) -> None:
        self.reason = reason
        super().__init__(f"The stored object {what} is damaged: {reason}.")


class KeyNotHeld(StoreError):
    """It is sealed under a master key that the key file does not hold (or its key's name is damaged)."""

    code = "object_key_missing"

    def __init__(self, what: str) -> None:
        text = f"The stored object {what} cannot be opened: the key file does not hold the key it was sealed under."
        super().__init__(f"{text} Restore the key file from its backup.")


class StoreUnusable(StoreError):
    """The store's name key is gone."""

    code = "object_store_unusable"
