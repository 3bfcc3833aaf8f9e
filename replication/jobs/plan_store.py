"""Plans in the object store, and the last few in memory: every target of a job reads the same one."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.bounded import Bounded
from replication.jobs.core.plan import Plan
from replication.jobs.core.plan_json import PlanCodec, digest
from replication.objects import default_store

_RECENT: Bounded[str, Plan] = Bounded(4)
"""The last few plans of this process, by their objects."""


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """Where a plan lies, and the digest that approving signs."""

    object_id: str
    digest: str


def store_plan(codec: PlanCodec, plan: Plan) -> StoredPlan:
    """Put a plan into the store."""
    data = codec.dump(plan)
    object_id = default_store().put(data)
    _RECENT.keep(object_id, plan)
    return StoredPlan(object_id, digest(data))


def load_plan(codec: PlanCodec, object_id: str) -> Plan:
    """A plan by its object. Raises what the store raises, OutdatedPlan, and ValueError for a damaged one."""
    known = _RECENT.get(object_id)
    if known is not None:
        return known
    plan = codec.load(default_store().get(object_id))
    _RECENT.keep(object_id, plan)
    return plan
