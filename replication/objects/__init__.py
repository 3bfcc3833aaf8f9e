"""The object store: content of configuration files, trees and plans, addressed by hash, encrypted at rest."""

from __future__ import annotations

from functools import lru_cache

from replication.objects.batch import Batch
from replication.objects.errors import KeyNotHeld, ObjectDamaged, ObjectLost, ObjectMissing, StoreError, StoreUnusable
from replication.objects.garbage_collection import Removed
from replication.objects.sealing import StoredObject
from replication.objects.store import Objects, Store
from replication.objects.verify import Checked, Rewrapped

__all__ = [
    "Batch",
    "Checked",
    "KeyNotHeld",
    "ObjectDamaged",
    "ObjectLost",
    "ObjectMissing",
    "Objects",
    "Removed",
    "Rewrapped",
    "Store",
    "StoreError",
    "StoreUnusable",
    "StoredObject",
    "default_store",
]


@lru_cache(maxsize=1)
def default_store() -> Store:
    """The portal's store; one a process."""
    return Store()
