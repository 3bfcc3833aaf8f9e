"""What the kind `replicate` may be asked for."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from replication.configuration.core.configuration import is_deep
from replication.configuration.kind import parse_options


@pytest.mark.parametrize(
    ("asked", "deep"), [({}, False), ({"deep": False}, False), ({"deep": True, "unstable": ["App/a.dat"]}, True)]
)
def test_every_file_is_hashed_anew_where_that_is_asked(asked: dict[str, Any], deep: bool) -> None:
    assert parse_options(asked) == asked
    assert is_deep(parse_options(asked)) is deep


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"deep": 1}, "deep: give true or false."),
        ({"deep": "yes"}, "deep: give true or false."),
        ({"depth": True}, "Unknown option: depth. Those of this kind are deep and unstable."),
        ({"unstable": ["../a"]}, "unstable: give a list of paths relative to the installation folder."),
    ],
)
def test_other_options_are_refused_by_name(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as refused:
        parse_options(asked)
    assert refused.value.message_dict == {"options": [said]}
