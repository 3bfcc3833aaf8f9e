"""Numbers of things in words."""

import pytest

from nodes.counted import many, some


@pytest.mark.parametrize(("count", "said"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_one_is_one(count: int, said: str) -> None:
    assert many(count, "file") == said


@pytest.mark.parametrize(("names", "said"), [([], ""), (["a", "b"], "a, b"), (["a", "b", "c", "d"], "a, b and 2 more")])
def test_some_names_stand_for_all(names: list[str], said: str) -> None:
    assert some(names, 2) == said
