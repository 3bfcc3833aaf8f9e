"""Why a job's work stops before it is done, other than by an error of its node. Raised by services and by
`Lease.check`, as `LeaseLost` is."""

from __future__ import annotations

from nodes.leases.errors import Interrupted


class Cancelled(Interrupted):
    """A person cancelled the job."""


class Paused(Interrupted):
    """A person paused the cluster or the node. `node`: it is only the node that is paused."""

    def __init__(self, sentence: str, *, node: bool = False) -> None:
        self.node = node
        super().__init__(sentence)


class WorkerEnding(Interrupted):
    """This worker process was told to end; another one goes on."""


class WritesStopped(Interrupted):
    """Somebody stopped all writes of the portal."""
