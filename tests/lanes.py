"""Which lane of `./run test` does what, so that both end at about the same time."""

from __future__ import annotations

from collections.abc import Sequence

from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

STORIES = "tests/journeys/"
TOGETHER = ("tests/winlab/",)
"""Folders whose tests share what can be had once at a time: one lane does all of them."""

LAST = ("test_postgresql.py", "test_watch_hour.py")
"""Stories with a portal of their own that mind no other story beside them: the other lane helps out with these, the
last one first."""


class Lanes(LoadScopeScheduling):
    """The first lane does the stories, which mostly wait for servers, one after the other; the others do the rest. Who
    has done its own takes of the other's."""

    def _split_scope(self, nodeid: str) -> str:
        return scope_of(nodeid)

    def _assign_work_unit(self, node: WorkerController) -> None:
        chosen = next_scope(list(self.workqueue), first_lane=node is self.nodes[0])
        self.workqueue.move_to_end(chosen, last=False)
        super()._assign_work_unit(node)


def scope_of(nodeid: str) -> str:
    """What is done in one lane, one test after the other: a module of stories, a folder of TOGETHER, else a test."""
    if nodeid.startswith(STORIES):
        return nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid)


def next_scope(waiting: Sequence[str], *, first_lane: bool) -> str:
    """What a lane does next, of the scopes that nobody has begun."""
    stories = sorted((scope for scope in waiting if scope.startswith(STORIES)), key=_turn)
    rest = [scope for scope in waiting if not scope.startswith(STORIES)]
    rest.sort(key=lambda scope: scope not in TOGETHER)
    if first_lane:
        return (stories or rest)[0]
    return rest[0] if rest else stories[-1]


def _turn(story: str) -> tuple[int, str]:
    name = story.removeprefix(STORIES)
    return (LAST.index(name) + 1 if name in LAST else 0, name)
