"""Jobs of the portal, as an operator's program asks for them, approves their plans and waits for their ends."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from demo.client import Api, Json

ENDED = {"succeeded", "failed", "cancelled", "halted"}
JOB_SECONDS = 180.0


class Unproven(Exception):
    """The demo did not show what it promises; the text says what was wrong."""


@dataclass(frozen=True, slots=True)
class Ran:
    """A job that succeeded, and how long it took from the request to the proof, in seconds."""

    job: Json
    seconds: float


@dataclass(frozen=True, slots=True)
class Jobs:
    """The jobs of one cluster. `tell`: says a line to whoever watches."""

    api: Api
    cluster: int
    tell: Callable[[str], None]

    def ask(self, kind: str, reason: str, *, dry_run: bool = False, options: Mapping[str, Any] | None = None) -> Json:
        """Ask for one. Raises ApiRefused."""
        body = {"kind": kind, "cluster": self.cluster, "dry_run": dry_run, "reason": reason, "options": options or {}}
        return self.api.post("jobs", body, idempotency_key=secrets.token_hex(8))

    def wait(self, job: Json, states: set[str] = ENDED) -> Json:
        """The job, once it is in one of `states`. Raises Unproven where it did not succeed."""
        found = self.api.wait(
            f"jobs/{job['id']}", lambda now: now["state"] in states, seconds=JOB_SECONDS, what=f"job {job['id']}"
        )
        if found["state"] in {"failed", "halted", "cancelled"}:
            raise Unproven(f"job {job['id']} {found['state']}: {_why(found)}")
        return found

    def run(self, kind: str, reason: str, options: Mapping[str, Any] | None = None) -> Ran:
        """From the request to the proof; its plan is approved where it asks for that."""
        started = time.monotonic()
        job = self.wait(self.ask(kind, reason, options=options), ENDED | {"awaiting_approval"})
        if job["state"] == "awaiting_approval":
            self.tell(f"Approved the plan of job {job['id']} by its digest {job['plan_digest'][:16]}...")
            self.api.post(f"jobs/{job['id']}/approve", {"digest": job["plan_digest"]})
            job = self.wait(job)
        return Ran(job, time.monotonic() - started)


def _why(job: Json) -> str:
    targets = [target["error"] for target in job["targets"] if target["error"]]
    return " ".join(filter(None, [job["error"], *targets])) or "see its events in the console"
