"""How long the names of a cluster's accounts are: each mail directory ends with one."""

from __future__ import annotations

from nodes.bounded import Bounded
from nodes.clusters.models import Cluster
from nodes.products.userlist import read_accounts
from replication.configuration.models import Snapshot
from replication.configuration.selectors.history import newest_snapshot
from replication.files.core.manifest import FileState
from replication.files.core.tree import Lookup, TreeDamaged
from replication.objects import Store, StoreError, default_store

_LISTS = tuple(f"App/{name}" for name in ("Userlist.dat", "UserList.dat", "userlist.dat", "USERLIST.DAT"))
"""A tree has the primary's spelling."""

_LARGEST = 16 * 1024 * 1024
"""Bytes of a list that is read for a page: a hundred thousand accounts' and more are left to the job that applies."""

_KNOWN: Bounded[str, int] = Bounded(1000)
"""By tree: what its list was found to say, so that no list is opened twice for what somebody types."""


def longest_mailbox(cluster: Cluster) -> int:
    r"""Bytes of the cluster's longest `domain\mailbox`, by the primary's last snapshot; 0 where that is not known."""
    snapshot = newest_snapshot(cluster.pk)
    if snapshot is None:
        return 0
    known = _KNOWN.get(snapshot.root)
    if known is None:
        try:
            known = _read(snapshot)
        except (StoreError, TreeDamaged, OSError):  # the list may be past its time
            return 0
        _KNOWN.keep(snapshot.root, known)
    return known


def _read(snapshot: Snapshot) -> int:
    store = default_store()
    found = _list_in(store, snapshot.root)
    return read_accounts(store.get(found.sha256)).size if found and found.size <= _LARGEST else 0


def _list_in(store: Store, root: str) -> FileState | None:
    lookup = Lookup(_LISTS, store.get)
    return next((found for path in _LISTS if (found := lookup.find(root, path))), None)
