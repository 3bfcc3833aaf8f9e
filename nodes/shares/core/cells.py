"""What a test of a shared folder came to, as a value. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CellFound:
    """What was found of one folder from one node; `node_id` None: from the portal. `state` and `reason` are words of
    `CellState` and `CellReason`; `steps`: seconds by step; `latency_ms`: of a small question to the file server;
    `clock_offset`: seconds that it is ahead of the portal; `login`: as whom it was tried; `volume`: on
    what the share lies on a system that mounts it."""

    cluster_id: int
    node_id: int | None
    role: str
    path: str
    state: str
    job_number: int
    reason: str = ""
    text: str = ""
    steps: Mapping[str, float] = field(default_factory=dict)
    latency_ms: float | None = None
    disk_free: int | None = None
    disk_total: int | None = None
    clock_offset: float | None = None
    login: str = ""
    is_service_account: bool | None = None
    volume: str = ""
