"""The two lanes of `./run test`: nothing twice, nothing left, and what must not meet does not."""

from __future__ import annotations

from tests.lanes import LAST, STORIES, TOGETHER, next_scope, scope_of
from tests.tools import ROOT

WAITING = (
    *(f"{STORIES}{name}" for name in ("test_kills.py", *LAST, "test_soak.py")),
    "tests/accounts/test_login.py::test_one",
    *TOGETHER,
    "tests/nodes/test_api.py::test_two[a::b]",
)


def order_of(*lanes: bool) -> list[str]:
    """What is begun, in which order, if these lanes take their turns; `True` is the first lane."""
    waiting, begun = list(WAITING), []
    for turn in range(len(WAITING)):
        begun.append(next_scope(waiting, first_lane=lanes[turn % len(lanes)]))
        waiting.remove(begun[-1])
    return begun


def test_what_is_shared_stays_in_one_lane() -> None:
    one, two = (f"tests/winlab/test_{name}.py::test_{name}[x::y]" for name in ("lab", "journey"))
    assert scope_of(one) == scope_of(two) in TOGETHER
    assert scope_of(f"{STORIES}test_kills.py::test_death_of[a::b]") == f"{STORIES}test_kills.py"
    assert scope_of(WAITING[-1]) == WAITING[-1]


def test_one_lane_does_everything_stories_first() -> None:
    begun = order_of(True)
    assert sorted(begun) == sorted(WAITING)
    names = ["test_kills.py", "test_soak.py", *LAST]
    assert begun[: len(names)] == [f"{STORIES}{name}" for name in names]
    assert begun[len(names)] in TOGETHER


def test_the_other_lane_helps_with_the_last_stories() -> None:
    begun = order_of(False)
    assert begun[0] in TOGETHER
    assert begun[3 : 3 + len(LAST)] == [f"{STORIES}{name}" for name in reversed(LAST)]
    assert sorted(begun) == sorted(WAITING)


def test_the_last_stories_are_there() -> None:
    """A name that no module has would be a story that is done with the others."""
    assert [name for name in LAST if not (ROOT / STORIES / name).is_file()] == []
