"""Numbers of things in words."""

import pytest

from nodes.counted import many


@pytest.mark.parametrize(("count", "said"), [(0, "0 files"), (1, "1 file"), (2, "2 files")])
def test_one_is_one(count: int, said: str) -> None:
    assert many(count, "file") == said
