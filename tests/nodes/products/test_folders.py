"""Effective folders: found by the value a key holds; keys are never guessed."""

from __future__ import annotations

import pytest

from nodes.products.folders import FolderPath, effective_folders, folders_from
from nodes.products.ini import IniDocument
from nodes.products.loading import load_profile

PROFILE = load_profile("mdaemon")


def found(
    text: str, root: str = "C:\\MDaemon", platform: str = "windows", known: tuple[FolderPath, ...] = ()
) -> dict[str, list[FolderPath]]:
    folders = effective_folders(IniDocument.parse(text.encode("cp1252")), root, platform, PROFILE, known)
    return {folder.role: [other for other in folders if other.role == folder.role] for folder in folders}


def test_without_evidence_the_default_places_are_told_with_their_source():
    folders = found("[A]\r\nx=1\r\n")
    assert folders["users"] == [
        FolderPath("users", "Mail folders", "C:\\MDaemon\\Users", "C:\\MDaemon\\Users", "", "", "guide", "Users")
    ]
    assert folders["raw-queue"][0].path == "C:\\MDaemon\\Queues\\Raw"
    assert {len(same) for same in folders.values()} == {1}


@pytest.mark.parametrize(
    "value",
    [
        "C:\\MDaemon\\Users\\",
        "c:\\mdaemon\\USERS",
        '"C:\\MDaemon\\Users"',
        "C:/MDaemon/Users/",
        "C:\\MDaemon\\Users\\$DOMAIN$\\$MAILBOX$\\",
        "C:\\MDaemon\\.\\Users\\\\$MAILBOXFIRSTCHARS4$\\$MAILBOX$",
    ],
)
def test_a_key_is_found_by_the_default_place_it_holds(value: str):
    (users,) = found(f"[Odd Section]\r\nOdd Key = {value}\r\n")["users"]
    assert (users.section, users.key, users.source) == ("Odd Section", "Odd Key", "discovered")
    assert (users.path, users.inside) == ("C:\\MDaemon\\Users", "Users")


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("\\\\srv\\mail$\\Users\\$DOMAIN$\\$MAILBOX$\\", "\\\\srv\\mail$\\Users"),
        ("\\\\srv\\share\\users", "\\\\srv\\share\\users"),
        ("D:\\Mail\\Users\\", "D:\\Mail\\Users"),
    ],
)
def test_a_folder_elsewhere_is_found_by_its_name(value: str, path: str):
    (users,) = found(f"[S]\r\nk={value}\r\n")["users"]
    assert (users.path, users.inside, users.source) == (path, "", "discovered")


@pytest.mark.parametrize(
    "value",
    ["\\\\srv\\mail$\\Users\\$DOMAIN$\\$MAILBOX$\\", "\\\\srv\\mail$\\.\\Users\\\\", '"\\\\srv\\mail$\\Users"'],
)
def test_a_place_on_a_share_counts_on_a_posix_node_too(value: str):
    (users,) = found(f"[S]\r\nk={value}\r\n", "/srv/md", "posix")["users"]
    assert (users.path, users.key, users.inside) == ("\\\\srv\\mail$\\Users", "k", "")


def test_of_a_share_case_does_not_count_on_a_posix_node():
    (users,) = found("[S]\r\na=\\\\srv\\Mail\\USERS\r\nb=\\\\SRV\\mail\\Users\\\r\n", "/srv/md", "posix")["users"]
    assert users.key == "a"
    assert len(found("[S]\r\na=/srv/Users\r\nb=/SRV/Users\r\n", "/srv/md", "posix")["users"]) == 2


def test_what_a_drive_holds_is_no_place_on_a_posix_node():
    (users,) = found("[S]\r\nk=D:\\Users\\\r\n", "/srv/md", "posix")["users"]
    assert (users.path, users.key) == ("/srv/md/Users", "")


def test_a_folder_moved_inside_the_installation_is_told_as_such():
    (public,) = found("[S]\r\nk=C:\\MDaemon\\App\\Public Folders\\\r\n")["public"]
    assert public.inside == "App/Public Folders"
    ruling = PROFILE.with_folders([public]).classify("App/Public Folders/x.grp")
    assert ruling.path_class == "volatile"


def test_the_one_key_with_public_evidence_is_read():
    (raw,) = found("[directories]\r\nRAW=E:\\Spool\\In\\\r\n")["raw-queue"]
    assert (raw.path, raw.section, raw.key, raw.source) == ("E:\\Spool\\In", "directories", "RAW", "community")


def test_a_key_found_before_is_believed_after_the_folder_got_another_name():
    before = found("[S]\r\nMailRoot=C:\\MDaemon\\Users\\\r\n")["users"]
    (users,) = found("[S]\r\nMAILROOT=\\\\srv\\boxes\\$MAILBOX$\r\n", known=tuple(before))["users"]
    assert (users.path, users.key, users.source) == ("\\\\srv\\boxes", "MAILROOT", "discovered")
    (users,) = found("[S]\r\nother=1\r\n", known=tuple(before))["users"]
    assert (users.path, users.key) == ("C:\\MDaemon\\Users", "")


def test_a_key_that_a_person_confirmed_is_believed_before_all_others():
    text = "[S]\r\nMail=C:\\MDaemon\\Users\\\r\nBoxes=\\\\srv\\boxes\\\r\n[Directories]\r\nRaw=E:\\In\r\nIn=F:\\In\r\n"
    found_before = FolderPath("users", "", "", "", "S", "Mail", "discovered")
    confirmed = (
        FolderPath("users", "", "", "", "s", "boxes", "operator"),
        FolderPath("raw-queue", "", "", "", "Directories", "In", "operator"),
    )
    folders = found(text, known=(found_before, *confirmed))
    assert [(one.path, one.key, one.source) for one in folders["users"]] == [("\\\\srv\\boxes", "Boxes", "operator")]
    assert [(one.path, one.source) for one in folders["raw-queue"]] == [("F:\\In", "operator")]


def test_of_several_confirmed_keys_the_first_that_is_there_counts():
    known = tuple(FolderPath("users", "", "", "", "S", key, "operator") for key in ("gone", "Template", "Mail"))
    (users,) = found("[S]\r\nMail=D:\\A\r\nTemplate=D:\\B\\$MAILBOX$\\\r\n", known=known)["users"]
    assert (users.path, users.key) == ("D:\\B", "Template")


def test_several_places_are_all_told():
    users = found("[S]\r\na=D:\\One\\Users\r\nb=d:\\one\\users\\\r\nc=E:\\Two\\Users\r\n")["users"]
    assert [(folder.path, folder.key) for folder in users] == [("D:\\One\\Users", "a"), ("E:\\Two\\Users", "c")]


@pytest.mark.parametrize(
    "value", ["Users", "..\\Users", "C:Users", "x C:\\Other\\Users", "\\Users", "$ROOT$\\Users", ""]
)
def test_values_that_are_no_absolute_path_tell_nothing(value: str):
    (users,) = found(f"[S]\r\nk={value}\r\n")["users"]
    assert users.source == "guide"


def test_posix_nodes_have_posix_paths():
    folders = found("[S]\nk=/srv/md/Users/$DOMAIN$/\nl=/mnt/share/Public Folders\nm=/\n", "/srv/md", "posix")
    assert (folders["users"][0].key, folders["users"][0].inside) == ("k", "Users")
    assert folders["public"][0].path == "/mnt/share/Public Folders"
    assert folders["queues"][0].path == "/srv/md/Queues"
    assert found("[S]\nk=/srv/md/users\n", "/srv/md", "posix")["users"][0].key == "k"


def test_the_installation_folder_itself_never_counts_as_a_folder():
    (users,) = found("[S]\r\nk=C:\\MDaemon\\Users\\..\\\r\n")["users"]
    assert users.key == ""


def test_stored_folders_are_read_and_a_wrong_value_names_its_place():
    kept = {"role": "r", "label": "l", "path": "p", "default_path": "d", "section": "", "key": "", "source": "guide"}
    assert folders_from([kept, kept | {"inside": "i", "of_a_later_version": 1}]) == (
        FolderPath("r", "l", "p", "d", "", "", "guide"),
        FolderPath("r", "l", "p", "d", "", "", "guide", "i"),
    )
    with pytest.raises(ValueError, match=r"Expected `str`, got `int` - at `\$\[1\]\.path`"):
        folders_from([kept, kept | {"path": 5}])
