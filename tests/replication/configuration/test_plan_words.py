"""What a page says of a plan's changes."""

from __future__ import annotations

import pytest

from replication.configuration.core.file_plans import FILE_TEXT
from replication.files.core.changes import Change, ChangeKind, Found, Wanted
from replication.files.core.paths import RelPath

WANTED, FOUND = Wanted("a" * 64, 1, 2), Found("a" * 64, 1, 1)


def test_a_file_whose_time_alone_is_set_is_called_so() -> None:
    line = FILE_TEXT.line(Change(ChangeKind.TOUCH, RelPath("App/a.dat"), WANTED, FOUND))
    assert (line.verb, line.label) == ("touch", "Set its time"), "programs know it by the old word"


@pytest.mark.parametrize(
    ("effect", "semaphore", "said"),
    [
        ("none", None, ""),
        ("semaphore", "USERLIST.SEM", "USERLIST.SEM"),
        ("restart-service", None, "counts once its service is restarted"),
        ("restart-server", None, "counts once the mail server is restarted"),
    ],
)
def test_what_must_follow_is_said_in_words(effect: str, semaphore: str | None, said: str) -> None:
    change = Change(ChangeKind.UPDATE, RelPath("App/a.dat"), WANTED, FOUND, semaphore=semaphore, effect=effect)
    assert FILE_TEXT.line(change).detail == said
