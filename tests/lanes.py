"""Which lane of `./run test` does what, so that all end at about the same time."""

from __future__ import annotations

from collections.abc import Sequence

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

STORIES = "tests/journeys/"
TOGETHER = ("tests/winlab/",)
"""Folders whose tests share what can be had once at a time: one lane does all of them."""

LONG = (
    *TOGETHER,
    f"{STORIES}test_kills.py",
    f"{STORIES}test_watch.py",
    f"{STORIES}test_join_leave.py",
    f"{STORIES}test_brakes.py",
    f"{STORIES}test_postgresql.py",
    f"{STORIES}test_watch_hour.py",
    f"{STORIES}test_retention.py",
    f"{STORIES}test_features.py",
    f"{STORIES}test_canaries.py",
    f"{STORIES}test_soak.py",
    f"{STORIES}test_hostile_cluster.py",
    f"{STORIES}test_bench.py",
    "tests/browser/test_look.py",
    "tests/run/test_journey.py",
    "tests/replication/test_deaths.py",
    "tests/replication/jobs/test_races.py",
    "tests/run/test_backup.py",
    "tests/faces/test_access_table.py",
    "tests/faces/test_schema_holds.py",
    "tests/hostile/test_replication.py",
)
"""Begun first, or one lane would be busy with it when the others have nothing left to do."""


class Lanes(LoadScopeScheduling):
    """The last lane does what is no story; the others do the stories, which mostly wait for servers. Who has done its
    own takes of the others'."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        chosen = next_scope(list(self.workqueue), stories=node is not self.nodes[-1])
        self.workqueue.move_to_end(chosen, last=False)
        super()._assign_work_unit(node)


def scope_of(nodeid: str) -> str:
    """What is done in one lane, one test after the other: a folder of TOGETHER, else a module, whose tests share what
    takes long to make."""
    return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.partition("::")[0])


def next_scope(waiting: Sequence[str], *, stories: bool) -> str:
    """What a lane does next, of the scopes that nobody has begun. `stories`: it does these first."""
    own = [scope for scope in waiting if scope.startswith(STORIES) is stories]
    return min(own or waiting, key=_turn)


def _turn(scope: str) -> tuple[int, str]:
    return (LONG.index(scope) if scope in LONG else len(LONG), scope)
