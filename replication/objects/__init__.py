"""The object store: content of configuration files, trees and plans, addressed by hash, encrypted at rest."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from django.conf import settings

from replication.objects.batch import Batch
from replication.objects.errors import KeyNotHeld, ObjectDamaged, ObjectMissing, StoreError, StoreUnusable
from replication.objects.garbage_collection import Removed
from replication.objects.sealing import StoredObject
from replication.objects.store import Objects, Store
from replication.objects.verify import Checked, Rewrapped

__all__ = [
    "Batch",
    "Checked",
    "KeyNotHeld",
    "ObjectDamaged",
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


def default_store() -> Store:
    """The portal's store, under `objects` in its data folder; one a process."""
    return _store_at(Path(settings.DATA_DIR) / "objects")


@lru_cache(maxsize=4)
def _store_at(root: Path) -> Store:
    return Store(root)
