"""What the checks are judged from. "" and None mean: not known. Times in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from nodes.facts.core import FeatureSetting, ShareAccess
from nodes.platforms.unc import UncPath
from nodes.shares.core.layout import SharedPlace


class Standing(StrEnum):
    """How a check, or one node under it, stands."""

    PASS = "pass"  # noqa: S105 - a word for a verdict
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Said:
    """What a person attested: `value`, and who and when as words for people."""

    value: str
    by: str
    at: str


@dataclass(frozen=True, slots=True)
class RunsAs:
    """A service of the mail server by its shown name, and the account it runs under, as the system names it. `name`:
    what the system's own commands call the service."""

    service: str
    account: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class KeptFolder:
    """Where a node's own files say that it keeps a folder; `known`: a line of theirs says so, and not the default."""

    role: str
    path: str
    known: bool


@dataclass(frozen=True, slots=True)
class FolderTest:
    """What the last share test found of one folder from one node. `state`, `reason`: words of `CellState` and
    `CellReason`. `age` in seconds. `as_service`: whether it ran as the account of the node's services, None where that
    is not known; `after_word`: it came after what a person last attested of that account. `clock_offset`: seconds that
    the file server is ahead of the portal."""

    role: str
    path: str
    state: str
    age: float
    reason: str = ""
    text: str = ""
    login: str = ""
    as_service: bool | None = None
    after_word: bool = True
    clock_offset: float | None = None


@dataclass(frozen=True, slots=True)
class Waiting:
    """Messages that wait somewhere; `oldest`: seconds that the oldest waits, None where that is not known."""

    messages: int = 0
    oldest: float | None = None


@dataclass(frozen=True, slots=True)
class QueuesRead:
    """A node's mail queues. `age`: seconds since they were read, None if never. `shared`: it works in the queues that
    all nodes share. `left`: what lies in the folder that it worked in before. `error`: why the last try failed."""

    place: str
    shared: bool
    age: float | None
    waiting: Waiting = Waiting()
    left_place: str = ""
    left: Waiting = Waiting()
    error: str = ""


@dataclass(frozen=True, slots=True)
class NodeReading:
    """One node. `age`: seconds since version and clock were read, None if never. `clock_offset`: ahead of the portal,
    give or take `clock_uncertainty`. `own_log`: the newest line of each code of its own cluster log; `new_log` and
    `new_part_log`: those of them that came after the last word on its cluster service, and on its part.
    `registration`: digest of its registration key. `host_names`: what it is called, case-folded. `reaches`:
    the shared folders of this node and of the primary; `key_login`: the portal logs in with a key.
    `services`: empty where they are not known. `away`: it does not answer. `outside`: a secondary that has not joined,
    or has left. `kept`: where it keeps its folders; `mounts`: where it mounts which share; `tests`: what the last share
    test found from it; `queues`: None where nobody read them."""

    name: str
    primary: bool = False
    windows: bool = False
    age: float | None = None
    version: str = ""
    time_zone: str = ""
    clock_offset: float | None = None
    clock_uncertainty: float = 0.0
    peer_address: str = ""
    disk_free: int | None = None
    disk_total: int | None = None
    registration: str = ""
    service: Said | None = None
    part: Said | None = None
    account: Said | None = None
    own_log: Mapping[str, str] = field(default_factory=dict)
    new_log: Mapping[str, str] = field(default_factory=dict)
    new_part_log: Mapping[str, str] = field(default_factory=dict)
    host_names: frozenset[str] = frozenset()
    switches: tuple[FeatureSetting, ...] = ()
    reaches: tuple[ShareAccess, ...] = ()
    key_login: bool = False
    services: tuple[RunsAs, ...] = ()
    away: bool = False
    outside: bool = False
    kept: tuple[KeptFolder, ...] = ()
    mounts: Mapping[UncPath, str] = field(default_factory=dict)
    tests: tuple[FolderTest, ...] = ()
    queues: QueuesRead | None = None

    def with_facts(self, **facts: Any) -> NodeReading:
        """The same node with what was read from it."""
        return replace(self, **facts)


@dataclass(frozen=True, slots=True)
class FeatureReading:
    """A feature that does not go with clustering; `known`: where its switch is was said by the profile or a person;
    `note`: why not, else."""

    code: str
    label: str
    known: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class ClusterReading:
    """A cluster. `native`: MDaemon's own service replicates. `enabled`: clustering is. `stale_after`: seconds after
    which readings count as not known. `clock_limit`: from here on replication halts. `places`: where the folders that
    all nodes share shall lie, as far as somebody said; `routing`: multi-node mail routing shall be on; `routing_since`:
    the version that brought it, "" where none did. `portal_tests`: what the last share test found from the portal
    itself."""

    native: bool
    nodes: tuple[NodeReading, ...] = ()
    features: tuple[FeatureReading, ...] = ()
    stale_after: float = 900.0
    clock_limit: float = 300.0
    enabled: bool = True
    places: tuple[SharedPlace, ...] = ()
    routing: bool = False
    routing_since: str = ""
    portal_tests: tuple[FolderTest, ...] = ()

    @property
    def primary(self) -> NodeReading | None:
        """The primary; None without one."""
        return next((node for node in self.nodes if node.primary), None)
