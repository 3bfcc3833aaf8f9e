"""Values that begin with a folder's place get another one there, and keep the rest."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.shared_paths.core.places import NotThere, moved_value, what_follows

USERS = "C:\\MDaemon\\Users"
SHARED = "\\\\files\\mail\\Users"


@pytest.mark.parametrize(
    ("value", "old", "new", "moved"),
    [
        (USERS, USERS, SHARED, SHARED),
        (f"{USERS}\\", USERS, SHARED, f"{SHARED}\\"),
        (f'"{USERS}\\"', USERS, SHARED, f'"{SHARED}\\"'),
        (f'"{USERS}"', USERS, SHARED, f'"{SHARED}"'),
        (f"{USERS}\\$DOMAIN$\\$MAILBOX$\\", USERS, SHARED, f"{SHARED}\\$DOMAIN$\\$MAILBOX$\\"),
        (f"{USERS}\\$MAILBOXFIRSTCHARS4$\\x", USERS, SHARED, f"{SHARED}\\$MAILBOXFIRSTCHARS4$\\x"),
        (f"{USERS}\\example.com\\", USERS, SHARED, f"{SHARED}\\example.com\\"),
        ("c:/mdaemon//USERS/.\\$DOMAIN$\\", USERS, SHARED, f"{SHARED}\\$DOMAIN$\\"),
        (f"{USERS}\\..\\Users\\", USERS, SHARED, f"{SHARED}\\"),
        (f"{USERS}\\a\\b\\..\\", USERS, SHARED, f"{SHARED}\\a\\b\\..\\"),
        (f"{SHARED}\\$DOMAIN$\\", SHARED.upper(), USERS, f"{USERS}\\$DOMAIN$\\"),
        ("/srv/md/Users/$DOMAIN$/", "/srv/md/Users", "/mnt/mail/Users", "/mnt/mail/Users/$DOMAIN$/"),
        (f"{SHARED}\\$DOMAIN$\\", SHARED, "/mnt/mail/Users", "/mnt/mail/Users/$DOMAIN$/"),
        ("/srv/md/Users/$DOMAIN$/", "/srv/md/Users", SHARED, f"{SHARED}\\$DOMAIN$\\"),
    ],
)
def test_what_follows_the_folder_is_kept(value: str, old: str, new: str, moved: str) -> None:
    assert moved_value(value, old, new) == moved


@pytest.mark.parametrize(
    ("value", "old"),
    [
        ("", USERS),
        ("C:\\MDaemon", USERS),
        ("C:\\MDaemon\\Users2\\", USERS),
        ("C:\\MDaemon\\Users\\..\\Other", USERS),
        ("C:\\MDaemon\\Users\\a\\..\\..\\Other", USERS),
        ("D:\\C:\\MDaemon\\Users", USERS),
        ("$C$\\MDaemon\\Users", USERS),
        ("/srv/MD/Users", "/srv/md/Users"),
        ("/srv/md/Users2", "/srv/md/Users"),
        (f"{USERS}\\" + "x" * 1000, USERS),
    ],
)
def test_a_value_that_does_not_begin_with_the_folder_is_refused(value: str, old: str) -> None:
    with pytest.raises(NotThere):
        moved_value(value, old, SHARED)


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\\/\0$\"'\r\n\t "), min_size=1, max_size=8).filter(
    lambda name: name.strip(". ") and ":" not in name
)
BELOW = st.lists(NAMES | st.sampled_from(["$DOMAIN$", "$MAILBOX$", "$MAILBOXFIRSTCHARS2$"]), max_size=3)


@st.composite
def places(draw: st.DrawFn, style: str = "") -> str:
    style = style or draw(st.sampled_from(["drive", "unc", "posix"]))
    names = draw(st.lists(NAMES, min_size=2, max_size=4))
    if style == "posix":
        return "/" + "/".join(names)
    return "\\".join([r"D:" if style == "drive" else r"\\srv", *names])


@given(places(), places(), BELOW, st.sampled_from(["", "\\"]), st.sampled_from(["", '"']))
def test_a_value_moved_there_and_back_is_what_it_was(
    old: str, new: str, below: list[str], end: str, quote: str
) -> None:
    sign = "/" if old.startswith("/") else "\\"
    follows = "".join(sign + name for name in below) + (sign if end else "")
    value = f"{quote}{old}{follows}{quote}"
    moved = moved_value(value, old, new)
    assert moved_value(moved, new, old) == value
    assert len(what_follows(moved, new)) == len(what_follows(value, old)) == len(follows + quote)
