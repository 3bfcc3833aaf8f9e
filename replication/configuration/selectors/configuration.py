"""Which configuration files a node holds, as last seen or proven. Contents are never read here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from nodes.enums import NodeRole
from nodes.facts.selectors.facts import profile_of
from nodes.registry.models import Node
from nodes.registry.selectors import primary_of
from replication.configuration.models import Baseline, Snapshot
from replication.files.core.manifest import FileState
from replication.files.core.paths import RelPath
from replication.files.core.tree import load
from replication.jobs.selectors.plans import Unreadable
from replication.objects import StoreError, default_store


@dataclass(frozen=True, slots=True)
class ConfigFile:
    """One file. `sha256` is "" for a secret-bearing file: its hash would let a guess be checked."""

    path: str
    size: int
    mtime_ns: int
    sha256: str
    secret: bool


@dataclass(frozen=True, slots=True)
class Configuration:
    """A node's configuration. `source`: snapshot (of the primary) or baseline (proven on a secondary), "" while nothing
    is known. `read_only`: changes are made on `changed_on`."""

    files: tuple[ConfigFile, ...]
    source: str
    at: datetime | None
    read_only: bool
    changed_on: str


def configuration_of(node: Node) -> Configuration:
    """What is known of a node's configuration. Raises Unreadable where the store cannot tell."""
    is_primary = node.role == NodeRole.PRIMARY
    source, root, at = _of_primary(node) if is_primary else _of_secondary(node)
    profile = profile_of(node.cluster)
    files = tuple(
        ConfigFile(path, state.size, state.mtime_ns, "" if secret else state.sha256, secret)
        for path, state in sorted(_files(root).items())
        for secret in (profile.classify(path).secret,)
    )
    primary = node if is_primary else primary_of(node.cluster)
    return Configuration(files, source, at, not is_primary, primary.name if primary else "")


def _of_primary(node: Node) -> tuple[str, str, datetime | None]:
    snapshot = Snapshot.objects.filter(node=node).order_by("-pk").first()
    return ("snapshot", snapshot.root, snapshot.taken_at) if snapshot else ("", "", None)


def _of_secondary(node: Node) -> tuple[str, str, datetime | None]:
    baseline = Baseline.objects.filter(node=node).first()
    return ("baseline", baseline.root, baseline.proven_at) if baseline else ("", "", None)


def _files(root: str) -> Mapping[RelPath, FileState]:
    if not root:
        return {}
    try:
        return load(root, default_store().get).files
    except (StoreError, OSError, ValueError) as error:
        raise Unreadable(f"The list of files cannot be read: {error}") from error
