r"""Shared folders lie apart, and are short enough for what lies in them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.platforms.unc import UncPath
from nodes.shares.core.rules import (
    WINDOWS_FOLDER,
    clashes,
    macro_problem,
    mail_directory_problem,
    path_problem,
    problems,
    short_name_in,
    short_name_problem,
)
from tests.any_input import few


@dataclass(frozen=True)
class Folder:
    role: str
    label: str
    path: UncPath


def folders(**paths: str) -> list[Folder]:
    return [Folder(role, f"The {role}", UncPath.parse(path)) for role, path in paths.items()]


@pytest.mark.parametrize(
    ("paths", "wrong", "said"),
    [
        ({"users": r"\\f\mail\Users", "locks": r"\\f\mail\LockFiles"}, [], ""),
        ({"users": r"\\f\mail\Users", "locks": r"\\f\mail\Users2"}, [], ""),
        ({"users": r"\\f\mail", "locks": r"\\f\mailbox"}, [], ""),
        ({"users": r"\\f\mail\a", "locks": r"\\g\mail\a"}, [], ""),
        ({"users": r"\\f.a.example\mail\a", "locks": r"\\f.b.example\mail\a"}, [], ""),
        ({"users": r"\\10.1.2.3\mail\a", "locks": r"\\10.1.2.4\mail\a"}, [], ""),
        ({"users": r"\\f\mail\Users", "locks": "//F/MAIL/users/"}, ["locks"], "same folder as The users; give each"),
        ({"users": r"\\f\mail\a", "locks": r"\\f.a.example\mail\a"}, ["locks"], "same folder"),
        ({"users": r"\\f\mail", "locks": r"\\f\mail\LockFiles"}, ["locks"], "locks would lie within The users"),
        ({"users": r"\\f\mail\a\b", "locks": r"\\F.x\Mail\A"}, ["users"], "users would lie within The locks"),
        ({"users": r"\\f\mail", "locks": r"\\f\mail\a", "pem": r"\\f\mail\b"}, ["locks", "pem"], "a folder beside"),
    ],
)
def test_folders_lie_apart(paths: dict[str, str], wrong: list[str], said: str) -> None:
    found = clashes(folders(**paths))
    assert [problem.role for problem in found] == wrong
    assert all(said in problem.text for problem in found)


NAMES = st.sampled_from(["a", "A", "b", "ab"])


@few
@given(st.lists(st.lists(NAMES, max_size=3), min_size=2, max_size=5))
def test_folders_that_pass_share_no_file(chains: list[list[str]]) -> None:
    places = [Folder(str(n), str(n), UncPath("f", "mail", tuple(chain))) for n, chain in enumerate(chains)]
    ways = [tuple(name.lower() for name in chain) for chain in chains]
    overlap = any(one == other[: len(one)] for one, other in permutations(ways, 2))
    assert bool(clashes(places)) == overlap


def test_names_that_the_mail_server_would_replace_are_found() -> None:
    assert "another name than $DOMAIN$" in (macro_problem(UncPath.parse(r"\\f\mail\$DOMAIN$\x")) or "")
    assert macro_problem(UncPath.parse(r"\\f\x$mailboxfirstchars2$y")) is not None
    assert macro_problem(UncPath.parse(r"\\f\mail$\Users$")) is None


@pytest.mark.parametrize(
    ("path", "short"),
    [
        (r"\\SRV\SHARE\MDAEMO~1\Users", "MDAEMO~1"),
        ("//srv/share/md/users~2.old/", "users~2.old"),
        (r"C:\PROGRA~1\MDaemon\Queues", "PROGRA~1"),
        (r"\\f\mail\AB12~123\x", "AB12~123"),
        (r"\\f\mail\A~123456", "A~123456"),
        (r"\\f\MAIL~1\Users", ""),
        (r"\\f\mail\Backup~2024\x", ""),
        (r"\\f\mail\~1", ""),
        (r"\\f\mail\notes~", ""),
        (r"\\f\mail\a~b", ""),
        (r"\\f\mail\a~1.html", ""),
        (r"\\f\mail\a~1.b.c", ""),
        ("", ""),
    ],
)
def test_short_names_are_told(path: str, short: str) -> None:
    assert short_name_in(path) == short
    if path.startswith("\\\\"):
        said = short_name_problem(UncPath.parse(path))
        assert said is None if not short else said and said.startswith(short) and "full name" in said


def test_a_mail_directory_fits_to_the_last_character() -> None:
    folder = r"\\files\mail\Users"
    room = 90 - len(folder + "\\" + "\\")
    assert mail_directory_problem(folder, room) is None
    assert mail_directory_problem(folder + "\\", room) is None
    said = mail_directory_problem(folder, room + 1) or ""
    assert "91 characters" in said and f"account's {room + 1}" in said and "shorter by 1:" in said
    assert mail_directory_problem("\\\\f\\s\\" + "\u00fc" * 41) is None
    assert mail_directory_problem("\\\\f\\s\\" + "\u00fc" * 42) is not None
    assert mail_directory_problem(folder, room + 1, limit=255) is None


def test_a_path_fits_windows_to_the_last_character() -> None:
    share = UncPath("files", "mail")
    path = share.join("a" * (WINDOWS_FOLDER - share.length - 1))
    assert path.length == WINDOWS_FOLDER and path_problem(path) is None
    said = path_problem(share.join("a" * (WINDOWS_FOLDER - share.length))) or ""
    assert "248 characters; Windows makes" in said and "choose shorter names" in said
    assert "with the longest account's folder" in (path_problem(path, 5) or "")
    astral = share.join("\U0001f600" * 118)
    assert astral.length == 249 and path_problem(astral) is not None


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = problems(folders(users=r"\\f\mail\$X$" + r"\long" * 18, locks=r"\\f\mail\$X$"), longest=40)
    assert [problem.role for problem in found] == ["users", "users", "users", "locks"]
    assert problems(folders(users=r"\\files\mail\Users", locks=r"\\files\mail\Locks" + r"\long" * 20), longest=40) == ()
    (short,) = problems(folders(users=r"\\files\mail\MDaemon\Users", locks=r"\\files\mail\MDAEMO~1\Users"))
    assert (short.role, "two paths may be one folder" in short.text) == ("locks", True)
