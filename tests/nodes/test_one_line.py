"""What others say becomes one line that may be shown and kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nodes.errors import LONGEST, RemoteDenied
from nodes.one_line import one_line
from tests.any_input import few, is_fit_to_be_shown
from tests.steps import assert_linear

ANY = st.text(st.characters(codec=None), max_size=60)


@few
@given(ANY, st.integers(0, 50))
def test_any_text_becomes_one_line(text: str, most: int) -> None:
    line = one_line(text, most)
    assert len(line) <= most
    assert is_fit_to_be_shown(line)
    line.encode()


def test_what_has_a_shape_stays() -> None:
    assert (
        one_line(" M\u00fcnchen\u00a0\u3000\u6771\u4eac \U0001f600 ", 50)
        == "M\u00fcnchen\u00a0\u3000\u6771\u4eac \U0001f600"
    )
    assert one_line("evil\u202etxt.exe\x1b[2J\0\n\ud800", 50) == "evil txt.exe [2J"


def test_a_long_text_is_not_looked_at_beyond_what_is_shown() -> None:
    assert_linear(lambda text: one_line(text, 100), lambda size: "\0" * size, (1000, 2000, 4000))


@few
@given(ANY)
def test_no_error_says_more_than_a_line(text: str) -> None:
    error = RemoteDenied(text * 100)
    assert len(error.detail) <= LONGEST
    assert is_fit_to_be_shown(str(error))
