"""Keys of shared folders are found by the value that they hold, and shown as people may see them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.products.ini import IniDocument
from nodes.products.masking import MASK
from replication.shared_paths.core.keys import MOST_OF_A_FOLDER, Candidate, Finder, Holds, Sought, Typed
from replication.shared_paths.core.places import moved_value, what_follows
from replication.shared_paths.core.values import ROUTING

INI = "App/MDaemon.ini"
USERS = Sought(
    "users",
    "Mail folders",
    ((Holds.WANTED, "\\\\files\\mail\\Users"), (Holds.TODAY, "D:\\Boxes"), (Holds.DEFAULT, "C:\\MDaemon\\Users")),
)
KEYS = Sought("keys", "Private keys", ((Holds.TODAY, "C:\\MDaemon\\PEM"), (Holds.DEFAULT, "C:\\MDaemon\\PEM")))
QUEUES = Sought("queues", "Queues", ((Holds.TODAY, "C:\\MDaemon\\Queues"),))
FOLDERS = (USERS, KEYS, QUEUES)


def look(text: str, *named: Typed, folders: tuple[Sought, ...] = FOLDERS, platform: str = "windows"):
    return Finder(platform, folders).look(INI, IniDocument.parse(text.encode("cp1252")), named)


def found(text: str, *named: Typed) -> list[Candidate]:
    return list(look(text, *named).candidates)


def test_a_key_is_told_with_its_line_and_what_it_holds() -> None:
    (mail,) = found("; x\r\n[Dirs]\r\nMail = D:\\Boxes\\$DOMAIN$\\$MAILBOX$\\\r\nOther=D:\\Else\r\nn=1\r\n")
    shown = "Mail=D:\\Boxes\\$DOMAIN$\\$MAILBOX$\\"
    assert mail == Candidate("users", INI, "Dirs", "Mail", 3, shown, Holds.TODAY, "D:\\Boxes")


@pytest.mark.parametrize(
    ("value", "holds"),
    [
        ("\\\\FILES\\mail\\users\\", Holds.WANTED),
        ("d:/boxes", Holds.TODAY),
        ('"C:\\MDaemon\\Users\\$MAILBOX$"', Holds.DEFAULT),
    ],
)
def test_what_it_holds_is_where_the_folder_shall_lie_lies_or_lies_by_default(value: str, holds: Holds) -> None:
    assert [one.holds for one in found(f"[S]\r\nk={value}\r\n")] == [holds]


def test_what_leads_into_a_folder_is_told_as_such() -> None:
    (local,) = found("[Directories]\r\nLocal=C:\\MDaemon\\Queues\\Local\\a\\\r\n")
    assert (local.role, local.place, local.below) == ("queues", "C:\\MDaemon\\Queues", "Local/a")


def test_of_equal_keys_only_the_one_that_windows_reads_is_told() -> None:
    assert found("[S]\r\nk=1\r\n[s]\r\nK=D:\\Boxes\r\n") == []
    (first,) = found("[S]\r\nk=D:\\Boxes\r\n[s]\r\nK=C:\\MDaemon\\Users\r\n")
    assert (first.line, first.holds) == (2, Holds.TODAY)


def test_of_what_may_be_secret_only_the_place_is_shown() -> None:
    text = "[S]\r\nKeyPath=C:\\MDaemon\\PEM\\\r\nPassword=D:\\Boxes\\hunter2\r\nSecret=D:\\Boxes\\$MAILBOX$\\\r\n"
    shown = {one.key: one.shown for one in found(text)}
    assert shown["KeyPath"] == "KeyPath=C:\\MDaemon\\PEM\\"
    assert shown["Password"] == f"Password=D:\\Boxes{MASK}"
    (hidden,) = found("[S]\r\nPassword=D:\\Boxes\\hunter2\r\n")
    assert hidden.below == MASK, "where a value leads is a part of it"
    assert shown["Secret"] == "Secret=D:\\Boxes\\$MAILBOX$\\"
    typed = Typed("users", INI, "S", "Pin")
    assert [one.shown for one in found("[S]\r\nPin=4711\r\n", typed)] == [f"Pin={MASK}"]


def test_a_line_is_one_line_of_a_bounded_length() -> None:
    (long,) = found("[S]\r\nk=D:\\Boxes\\\x01" + "x" * 500 + "\r\n")
    assert len(long.shown) == 400
    assert long.shown.isprintable()


def test_one_value_may_be_the_place_of_two_folders() -> None:
    both = (USERS, Sought("public", "Public folders", ((Holds.TODAY, "D:\\Boxes"),)))
    assert [one.role for one in look("[S]\r\nk=D:\\Boxes\r\n", folders=both).candidates] == ["users", "public"]


def test_of_very_many_keys_some_are_told_and_that_there_are_more() -> None:
    lines = "".join(f"k{number}=D:\\Boxes\r\n" for number in range(MOST_OF_A_FOLDER + 1))
    seen = look(f"[S]\r\n{lines}")
    assert len(seen.candidates) == MOST_OF_A_FOLDER
    assert seen.more == {"users"}
    assert look("[S]\r\nk=D:\\Boxes\r\n").more == frozenset()


def test_a_key_that_a_person_named_is_told_as_it_stands_whatever_it_holds() -> None:
    named = Typed("users", INI, "s", "MAIL", by="ann")
    (there,) = found("[S]\r\nMail=E:\\Elsewhere\\$MAILBOX$\\\r\n", named)
    assert (there.section, there.key, there.line, there.typed_by) == ("S", "Mail", 2, "ann")
    assert (there.holds, there.place) == (Holds.OTHER, "E:\\Elsewhere")
    (known,) = found("[S]\r\nMail=D:\\Boxes\\\r\n", named)
    assert (known.holds, known.place, known.typed_by) == (Holds.TODAY, "D:\\Boxes", "ann")


def test_a_key_that_is_not_there_is_missing() -> None:
    named = Typed("users", INI, "S", "Gone")
    seen = look("[S]\r\nMail=1\r\n", named)
    assert (seen.candidates, seen.missing) == ((), (named,))


@pytest.mark.parametrize(("value", "switched"), [("yes", "on"), ("No", "off"), ("maybe", ""), ("", "")])
def test_a_switch_is_told_with_what_it_stands_at(value: str, switched: str) -> None:
    named = Typed(ROUTING, INI, "Cluster", "Multi", "Yes", "No")
    (there,) = found(f"[Cluster]\r\nMulti={value}\r\n", named)
    assert (there.switched, there.on, there.off, there.shown) == (switched, "Yes", "No", f"Multi={value}")


def test_on_a_posix_primary_a_share_counts_too() -> None:
    places = ((Holds.WANTED, "/mnt/mail/Users"), (Holds.WANTED, "\\\\files\\mail\\Users"), (Holds.TODAY, "/srv/Users"))
    text = "[S]\na=/mnt/mail/Users/\nb=\\\\Files\\mail\\Users\\$MAILBOX$\nc=/srv/Users/x/\nd=/SRV/Users\n"
    seen = look(text, folders=(Sought("users", "", places),), platform="posix").candidates
    assert [(one.key, one.holds, one.below) for one in seen] == [
        ("a", Holds.WANTED, ""),
        ("b", Holds.WANTED, ""),
        ("c", Holds.TODAY, "x"),
    ]


PIECES = [
    "D:\\Boxes",
    "\\",
    "/",
    "..",
    ".",
    "$DOMAIN$",
    "$",
    '"',
    " ",
    "x",
    "Users",
    "\\\\files\\mail",
    "C:",
    "key",
    "=",
]
VALUES = st.lists(st.sampled_from(PIECES), max_size=8).map("".join)


@given(st.lists(st.tuples(st.sampled_from(["Mail", "mail", "Password"]), VALUES), max_size=4))
def test_whatever_is_found_can_be_moved_and_moved_back(lines: list[tuple[str, str]]) -> None:
    document = IniDocument.parse("".join(f"{key}={value}\r\n" for key, value in lines).encode())
    values = {item.line: item.value for item in document.items()}
    for one in Finder("windows", FOLDERS).look(INI, document).candidates:
        assert one.shown.isprintable()
        assert len(one.shown) <= 400
        moved = moved_value(values[one.line], one.place, "E:\\New")
        assert what_follows(moved, "E:\\New") == what_follows(values[one.line], one.place)
