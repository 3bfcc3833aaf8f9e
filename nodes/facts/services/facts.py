"""What was read from a node, and how it is doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime

from django.db import transaction
from django.utils import timezone

from accounts.audit import Subject, record
from accounts.models import Role
from accounts.principals import Principal
from nodes.facts.core import FeatureSetting, ShareAccess
from nodes.facts.models import NodeFacts
from nodes.one_line import one_line
from nodes.platforms.base import Capabilities, ClockReading, Service
from nodes.products.profile import FolderPath
from nodes.products.version import ProductVersion
from nodes.registry.access import take_node
from nodes.registry.models import Node
from nodes.remote.scripts import ScriptsSeen
from nodes.shares.services.cells import judge_accounts


@dataclass(frozen=True, slots=True)
class Facts:
    """What a node said of itself at `read_at`. "" or None where it could not be read; `errors` says why by fact
    (system, version, folders, reaches, clock, disk, own_log, switches, services, scripts). Clock in milliseconds, disk
    in bytes. `scripts` is None, too, where the system needs none."""

    read_at: datetime
    system: str = ""
    host_name: str = ""
    product_version: str = ""
    version_source: str = ""
    time_zone: str = ""
    clock_offset_ms: float | None = None
    clock_uncertainty_ms: float | None = None
    disk_free: int | None = None
    disk_total: int | None = None
    folders: tuple[FolderPath, ...] = ()
    capabilities: Capabilities = field(default_factory=Capabilities)
    errors: Mapping[str, str] = field(default_factory=dict)
    peer_address: str = ""
    own_log: Mapping[str, str] = field(default_factory=dict)
    switches: tuple[FeatureSetting, ...] = ()
    reaches: tuple[ShareAccess, ...] = ()
    services: tuple[Service, ...] = ()
    scripts: ScriptsSeen | None = None


_TEXT_LIMITS = {"system": 200, "host_name": 255, "product_version": 60, "version_source": 60, "time_zone": 100}

LONGEST_TEXT = 2000
"""Characters of a text among the facts that has no column of its own: a path, a value of an ini file."""


def _fit(value: object) -> object:
    """A value whose texts may be kept: databases refuse some characters, and pages must not obey any."""
    if isinstance(value, str):
        return one_line(value, LONGEST_TEXT)
    if isinstance(value, Mapping):
        return {_fit(key): _fit(one) for key, one in value.items()}
    return [_fit(one) for one in value] if isinstance(value, list | tuple) else value


@transaction.atomic
def record_facts(*, node_id: int, facts: Facts) -> NodeFacts:
    """Keep the facts as the node's present ones."""
    columns: dict[str, object] = {name: one_line(getattr(facts, name), limit) for name, limit in _TEXT_LIMITS.items()}
    numbers = ("read_at", "clock_offset_ms", "clock_uncertainty_ms", "disk_free", "disk_total")
    columns |= {name: getattr(facts, name) for name in numbers}
    columns["folders"] = _fit([asdict(folder) for folder in facts.folders])
    columns["capabilities"] = asdict(facts.capabilities)
    columns["measured_at"] = facts.read_at
    columns["peer_address"] = facts.peer_address
    columns["own_log"] = _fit(facts.own_log)
    columns["switches"] = _fit([asdict(switch.shown) for switch in facts.switches])
    columns["reaches"] = _fit([asdict(reach) for reach in facts.reaches])
    columns["services"] = _fit([asdict(service) for service in facts.services])
    columns["scripts"] = _fit({**asdict(facts.scripts), "tried": True}) if facts.scripts else None
    columns["errors"] = {name: one_line(reason, 500) for name, reason in facts.errors.items()}
    row, _ = NodeFacts.objects.update_or_create(node_id=node_id, defaults=columns)
    judge_accounts(node_id, [one["account"] for one in row.services])
    return row


@dataclass(frozen=True, slots=True)
class Measures:
    """What a plan goes by and must be fresh: version, clock, and what the node's own cluster log shows."""

    version: ProductVersion | None
    clock: ClockReading | None
    own_log: Mapping[str, str]


def record_measures(node: Node, measures: Measures) -> NodeFacts:
    """Keep them beside the other facts; `node.facts` is the row as it is then."""
    version, clock = measures.version, measures.clock
    now = timezone.now()
    columns: dict[str, object] = {
        "measured_at": now,
        "product_version": one_line(version.text, 60) if version else "",
        "version_source": one_line(version.source, 60) if version else "",
        "clock_offset_ms": clock.offset_ms if clock else None,
        "clock_uncertainty_ms": clock.uncertainty_ms if clock else None,
        "own_log": _fit(measures.own_log),
    }
    facts: NodeFacts | None = getattr(node, "facts", None)
    if facts is not None and NodeFacts.objects.filter(pk=facts.pk).update(**columns):
        for name, value in columns.items():
            setattr(facts, name, value)
        return facts
    # never read before: as old as can be, so that the whole reading comes next
    create = {**columns, "read_at": datetime.fromtimestamp(0, UTC)}
    node.facts, _ = NodeFacts.objects.update_or_create(node=node, defaults=columns, create_defaults=create)
    return node.facts


@transaction.atomic
def note_refresh(principal: Principal, *, node_id: int) -> Node:
    """Record that somebody asked to read a node's facts now. Needs an operator."""
    node = take_node(principal, node_id, Role.OPERATOR)
    text = f"Asked {node.name} for its facts."
    record(principal, "node.refresh", text, cluster=node.cluster, subject=Subject.of(node))
    return node
