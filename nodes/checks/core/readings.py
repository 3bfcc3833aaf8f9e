"""What the checks are judged from. "" and None mean: not known. Times in seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from nodes.facts.core import FeatureSetting, ShareAccess


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
class NodeReading:
    """One node. `age`: seconds since version and clock were read, None if never. `clock_offset`: ahead of the portal,
    give or take `clock_uncertainty`. `own_log`: the newest line of each code of its own cluster log; `new_log` and
    `new_part_log`: those of them that came after the last word on its cluster service, and on its part.
    `registration`: digest of its registration key. `host_names`: what it is called, case-folded. `reaches`:
    the shared folders of this node and of the primary; `key_login`: the portal logs in with a key.
    `services`: empty where they are not known."""

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
    which readings count as not known. `clock_limit`: from here on replication halts."""

    native: bool
    nodes: tuple[NodeReading, ...] = ()
    features: tuple[FeatureReading, ...] = ()
    stale_after: float = 900.0
    clock_limit: float = 300.0
    enabled: bool = True

    @property
    def primary(self) -> NodeReading | None:
        """The primary; None without one."""
        return next((node for node in self.nodes if node.primary), None)
