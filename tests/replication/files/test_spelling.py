"""Files of nodes that do not tell case apart go by the primary's names."""

from __future__ import annotations

import pytest

from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath
from replication.files.core.spelling import Spelling

KNOWN = Spelling(["App/mdaemon.INI", "App/Deep/er/bottom.dat"])


@pytest.mark.parametrize(
    ("found", "spelled"),
    [
        ("APP/MDaemon.ini", "App/mdaemon.INI"),
        ("app/deep", "App/Deep"),
        ("app/DEEP/ER/New.dat", "App/Deep/er/New.dat"),
        ("app", "App"),
        ("Other/File", "Other/File"),
        ("", ""),
    ],
)
def test_as_much_of_a_path_as_is_known_is_spelled_so(found: str, spelled: str):
    assert KNOWN.of(found) == spelled


@pytest.mark.parametrize(
    ("known", "other"), [("stra\u00dfe", "STRASSE"), ("\u00e4", "a\u0308"), ("\ufb01le", "file"), ("a", "b")]
)
def test_more_than_case_is_another_name(known: str, other: str):
    assert Spelling([known]).of(other) == other


def test_two_files_never_get_one_name():
    one, two = FileState(1, 0, "1"), FileState(2, 0, "2")
    found = Manifest({RelPath("App/MDaemon.ini"): one, RelPath("app/mdaemon.ini"): two, RelPath("app/x"): one})
    assert KNOWN.manifest(found).files == {"App/MDaemon.ini": one, "app/mdaemon.ini": two, "App/x": one}


def test_without_names_everything_stays():
    found = Manifest({RelPath("A"): FileState(1, 0, "1"), RelPath("a"): FileState(1, 0, "1")})
    assert Spelling().manifest(found) == found
