"""The lanes of `./run test`: nothing twice, nothing left, and what must not meet does not."""

from __future__ import annotations

from tests.lanes import LONG, STORIES, TOGETHER, next_scope, scope_of
from tests.tools import ROOT

ALPHABETIC = (f"{STORIES}test_bad_files.py", f"{STORIES}test_verdicts.py")
WAITING = (*ALPHABETIC, "tests/accounts/test_login.py", *reversed(LONG), "tests/nodes/test_api.py")


def order_of(*lanes: bool) -> list[str]:
    """What is begun, in which order, if these lanes take their turns; `True` does stories first."""
    waiting, begun = list(WAITING), []
    for turn in range(len(WAITING)):
        begun.append(next_scope(waiting, stories=lanes[turn % len(lanes)]))
        waiting.remove(begun[-1])
    return begun


def test_what_is_shared_stays_in_one_lane() -> None:
    one, two = (f"tests/winlab/test_{name}.py::test_{name}[x::y]" for name in ("lab", "journey"))
    assert scope_of(one) == scope_of(two) in TOGETHER
    assert scope_of(f"{STORIES}test_kills.py::test_death_of[a::b]") == f"{STORIES}test_kills.py"
    assert scope_of("tests/nodes/test_api.py::test_two[a::b]") == WAITING[-1]


def test_a_lane_of_stories_goes_on_with_the_rest() -> None:
    begun = order_of(True)
    long = [scope for scope in LONG if scope.startswith(STORIES)]
    assert sorted(begun) == sorted(WAITING)
    assert begun[: len(long) + len(ALPHABETIC)] == [*long, *ALPHABETIC]
    assert begun[len(long) + len(ALPHABETIC)] in TOGETHER


def test_the_lane_of_the_rest_goes_on_with_stories() -> None:
    begun = order_of(False)
    assert sorted(begun) == sorted(WAITING)
    assert begun[0] in TOGETHER
    stories = [scope.startswith(STORIES) for scope in begun]
    assert stories == sorted(stories)


def test_of_several_lanes_none_does_what_another_has_begun() -> None:
    begun = order_of(True, True, False)
    assert sorted(begun) == sorted(WAITING)
    assert [scope.startswith(STORIES) for scope in begun[:6]] == [True, True, False] * 2


def test_what_is_long_is_there() -> None:
    """A name that nothing has would be begun with the others."""
    assert [name for name in LONG if not (ROOT / name).exists()] == []
