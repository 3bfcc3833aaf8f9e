"""Plans in the object store, and the last few in memory: every target of a job reads the same one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from replication.jobs.core.plan import Plan
from replication.jobs.core.plan_json import PlanCodec, digest
from replication.objects import default_store

KEPT = 4
"""Plans kept in memory by one process."""

_LOCK = threading.Lock()
_RECENT: OrderedDict[str, Plan] = OrderedDict()


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """Where a plan lies, and the digest that approving signs."""

    object_id: str
    digest: str


def store_plan(codec: PlanCodec, plan: Plan) -> StoredPlan:
    """Put a plan into the store."""
    data = codec.dump(plan)
    object_id = default_store().put(data)
    _remember(object_id, plan)
    return StoredPlan(object_id, digest(data))


def load_plan(codec: PlanCodec, object_id: str) -> Plan:
    """A plan by its object. Raises what the store raises, OutdatedPlan, and ValueError for a damaged one."""
    with _LOCK:
        if object_id in _RECENT:
            _RECENT.move_to_end(object_id)
            return _RECENT[object_id]
    plan = codec.load(default_store().get(object_id))
    _remember(object_id, plan)
    return plan


def _remember(object_id: str, plan: Plan) -> None:
    with _LOCK:
        _RECENT[object_id] = plan
        _RECENT.move_to_end(object_id)
        while len(_RECENT) > KEPT:
            _RECENT.popitem(last=False)
