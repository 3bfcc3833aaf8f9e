"""What is a relative path, and what is none."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from replication.files.core.paths import path_problem

TEXTS = st.lists(st.sampled_from(["a", ".", "..", "", "a.b", ".a", "a.", "...", "\u00e4", "/"]), max_size=5)


@given(TEXTS.map("/".join))
@example("a//b")
@example("a/.")
@example("./a")
@example(".a/..b/c")
def test_every_odd_part_is_found_and_no_other_taken_for_one(text: str) -> None:
    parts = text.split("/")
    is_proper = bool(text) and not {"", ".", ".."} & set(parts)
    assert (path_problem(text) is None) == is_proper


@pytest.mark.parametrize("text", ["a\0b", "a\udc80", "\u00e4\0", "x" * 4097])
def test_what_no_node_can_hold_is_no_path(text: str) -> None:
    assert path_problem(text)
