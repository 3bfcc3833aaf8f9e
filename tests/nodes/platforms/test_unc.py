r"""Paths on file servers: what may be written, what one spelling comes of it, and that nothing leaves its share."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.platforms import platform_named
from nodes.platforms.unc import LONGEST, UncError, UncPath, folded
from tests.any_input import few, is_fit_to_be_shown
from tests.steps import assert_linear

WINDOWS = platform_named("windows")


@pytest.mark.parametrize(
    ("text", "path"),
    [
        (r"\\files\mail", r"\\files\mail"),
        (r"\\Files.Example.com\Mail\Users", r"\\Files.Example.com\Mail\Users"),
        (r"\\10.1.2.3\mail$", r"\\10.1.2.3\mail$"),
        ("//files/mail/Public Folders/", r"\\files\mail\Public Folders"),
        (r"\\files/mail\\Users//a\ ".strip(), r"\\files\mail\Users\a"),
        (r"\\\\files\\mail\\", r"\\files\mail"),
        (r"\\?\UNC\files\mail\Users", r"\\files\mail\Users"),
        ("//?/unc/files/mail", r"\\files\mail"),
        (' "\\\\files\\mail\\Public Folders" \n', r"\\files\mail\Public Folders"),
        (r"\\fe80--1.ipv6-literal.net\mail", r"\\fe80--1.ipv6-literal.net\mail"),
        (r"\\FE80--1s4.IPV6-literal.net\mail", r"\\FE80--1s4.IPV6-literal.net\mail"),
        (r"\\xn--bro-hoa.example\mail", r"\\xn--bro-hoa.example\mail"),
        ("\\\\files_1\\mail\\B\u00fcro\u3000\u90f5\u4fbf", "\\\\files_1\\mail\\B\u00fcro\u3000\u90f5\u4fbf"),
        (r"\\files\mail\.hidden\a.b\x~1\c;d=e[f]", r"\\files\mail\.hidden\a.b\x~1\c;d=e[f]"),
    ],
)
def test_every_spelling_becomes_one(text: str, path: str) -> None:
    assert str(UncPath.parse(text)) == path


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("", r"write \\server\share"),
        ("files\\mail", r"write \\server\share"),
        ("/srv/mail", r"write \\server\share"),
        (r"\\files", r"write \\server\share"),
        ("\\\\", r"write \\server\share"),
        (r"\\?\UNC\files", r"write \\server\share"),
        (r"\\?\UNC", r"write \\server\share"),
        (r"\\?\C:\mail", "device path; write"),
        (r"\\?\Volume{b75e2c83-0000-0000-0000-602f00000000}\mail", "device path; write"),
        (r"\\?\GLOBALROOT\Device\Mup\files\mail", "device path; write"),
        (r"\\.\C:\mail", "device path; write"),
        (r"\??\UNC\files\mail", "device path; write"),
        (r"C:\mail", "write the share that it stands for"),
        ("z:", "write the share that it stands for"),
        ("smb://files/mail", r"write \\server\share"),
        ("file://files/mail", r"write \\server\share"),
        (r"\\files\mail\..\other", "write the path without it"),
        (r"\\files\.\mail", "write the path without it"),
        (r"\\files\..", "write the path without it"),
        (r"\\files\mail\con", "choose another name"),
        (r"\\files\mail\NUL.txt", "choose another name"),
        (r"\\files\mail\com1", "choose another name"),
        (r"\\files\mail\LPT9", "choose another name"),
        (r"\\files\mail\CONIN$", "choose another name"),
        (r"\\files\aux", "choose another name"),
        (r"\\files\mail\Users.", "choose another name"),
        ("\\\\files\\mail\\Users \\a", "choose another name"),
        ("\\\\files\\mail\\ Users", "choose one without"),
        ("\\\\files\\mail\\Users\u00a0\\a", "choose one without"),
        (r"\\files\mail\a:b", "choose another name"),
        (r"\\files\mail\what?", "choose another name"),
        (r"\\files\mail\*", "choose another name"),
        ("\\\\files\\mail\\a\0b", "type it anew"),
        ("\\\\files\\mail\\a\tb", "type it anew"),
        ("\\\\files\\mail\\a\u202eb", "type it anew"),
        ("\\\\files\\mail\\a\u200bb", "type it anew"),
        ("\\\\files\\mail\\a\ud800b", "type it anew"),
        (r"\\files\mail" + "\\" + "a" * 256, "choose another name"),
        (r"\\files\mail" + r"\folder" * 60, "choose shorter folders"),
        ("\\\\files\\mail" + "\\" * 2000 + "other", r"write \\server\share"),
        (r"\\files\C$\mail", "make a share for the mail"),
        (r"\\files\admin$", "make a share for the mail"),
        (r"\\files\IPC$", "make a share for the mail"),
        (r"\\files\print$", "make a share for the mail"),
        (r"\\dc1\SYSVOL\mail", "make a share for the mail"),
        (r"\\files\a,b", "choose another share"),
        (r"\\files" + "\\" + "s" * 81, "choose a shorter one"),
        (r"\\fe80::1\mail", "write fe80--1.ipv6-literal.net"),
        (r"\\[FE80::1]\mail", "write fe80--1.ipv6-literal.net"),
        (r"\\[fe80::1%4]\mail", "write fe80--1s4.ipv6-literal.net"),
        (r"\\fe80--zz.ipv6-literal.net\mail", "such as fe80--1.ipv6-literal.net"),
        (r"\\fe80--1%eth0.ipv6-literal.net\mail", "such as fe80--1.ipv6-literal.net"),
        (r"\\--.ipv6-literal.net\mail", "such as fe80--1.ipv6-literal.net"),
        (r"\\files:445\mail", "write it without a port"),
        (r"\\files@SSL\DavWWWRoot\mail", "write the server alone"),
        ("\\\\b\u00fcro.example\\mail", "write xn--bro-hoa.example"),
        ("\\\\stra\u00dfe.example\\mail", "write it in Punycode"),
        ("\\\\files\uff0eexample\\mail", "write it in Punycode"),
        (r"\\999.1.1.1\mail", "write four numbers"),
        (r"\\10.1.2\mail", "write four numbers"),
        (r"\\10.01.2.3\mail", "write four numbers"),
        (r"\\2130706433\mail", "write four numbers"),
        (r"\\0x7f000001\mail", "write four numbers"),
        (r"\\0.0.0.0\mail", "write four numbers"),
        (r"\\224.0.0.1\mail", "write four numbers"),
        (r"\\files.\mail", "use letters, digits"),
        (r"\\-files\mail", "use letters, digits"),
        (r"\\fi les\mail", "use letters, digits"),
        (r"\\a..b\mail", "use letters, digits"),
        ("\\\\" + "a" * 64 + r"\mail", "use letters, digits"),
        ("\\\\" + "a." * 127 + r"a\mail", r"write \\server\share"),
        (r"\\nul.example.com\mail", "write the server's address"),
    ],
)
def test_what_is_no_path_names_the_remedy(text: str, remedy: str) -> None:
    with pytest.raises(UncError) as refused:
        UncPath.parse(text)
    sentence = str(refused.value)
    assert remedy in sentence and sentence.endswith(".")
    assert len(sentence) < 400 and is_fit_to_be_shown(sentence)


SERVERS = st.sampled_from(
    ["files", "Files", "files.example.com", "10.1.2.3", "fe80--1.ipv6-literal.net", "xn--bro-hoa"]
)
SHARES = st.sampled_from(["mail", "MAIL", "mail$", "Mail store", "B\u00fcro"])
LETTERS = st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters='<>:"/\\|?*.')
NAMES = st.text(LETTERS, min_size=1).filter(lambda name: WINDOWS.name_problem(name) is None)
PATHS = st.builds(UncPath, SERVERS, SHARES, st.lists(NAMES, max_size=4).map(tuple)).filter(
    lambda path: len(str(path)) < LONGEST / 2
)
PIECES = st.sampled_from(
    ["\\", "/", "\\\\", "..", ".", " ", "?", "UNC", "C:", "C$", "con", "a", "mail", "\0", "\u202e", "\ud800", "$", "[",
     ":", "::1", "fe80--", ".ipv6-literal.net", "xn--", "\u00fc", "\u00df", "\u3002", "\uff0e", "@", "%", '"', "9"]
)  # fmt: skip
TYPED = st.one_of(
    st.text(st.characters(codec=None), max_size=40),
    st.lists(PIECES, max_size=12).map("".join),
    st.lists(PIECES, max_size=12).map("".join).map(r"\\a\b".__add__),
)


@few
@given(TYPED)
def test_whatever_is_typed_is_a_path_or_a_sentence(text: str) -> None:
    try:
        path = UncPath.parse(text)
    except UncError as error:
        assert is_fit_to_be_shown(str(error)) and len(str(error)) < 400
    else:
        assert UncPath.parse(str(path)) == path and str(UncPath.parse(str(path))) == str(path)
        assert WINDOWS.native_path(WINDOWS.sftp_path(str(path))) == str(path)


@few
@given(PATHS, st.sampled_from(["\\", "/", "//", "\\/"]), st.booleans(), st.booleans())
def test_writing_and_reading_undo_each_other(path: UncPath, separator: str, device: bool, closed: bool) -> None:
    text = str(path)
    assert UncPath.parse(text) == path
    spelled = ("\\\\?\\UNC" if device else "\\") + text[1:].replace("\\", separator) + (separator if closed else "")
    assert str(UncPath.parse(spelled)) == text


@few
@given(PATHS, st.lists(NAMES, max_size=3))
def test_what_is_joined_lies_within(path: UncPath, names: list[str]) -> None:
    below = path.join(*names)
    assert below.folders == (*path.folders, *names) and below.root == path.root
    assert below.identity[: len(path.identity)] == path.identity
    above: UncPath | None = below
    for _ in names:
        above = above and above.parent
    assert above == path


@few
@given(PATHS, TYPED)
def test_nothing_that_is_joined_leads_out(path: UncPath, name: str) -> None:
    try:
        below = path.join(name)
    except UncError as error:
        assert is_fit_to_be_shown(str(error))
    else:
        assert below.parent == path and UncPath.parse(str(below)) == below


@few
@given(PATHS)
def test_case_tells_no_folders_apart(path: UncPath) -> None:
    other = UncPath(path.server.swapcase(), path.share.lower(), tuple(map(folded, path.folders)))
    assert other == path and hash(other) == hash(path)


def test_names_are_compared_as_windows_does() -> None:
    assert UncPath.parse("\\\\a\\b\\Stra\u00dfe") != UncPath.parse(r"\\a\b\Strasse")
    assert UncPath.parse("\\\\a\\b\\B\u00dcRO") == UncPath.parse("\\\\A\\B\\b\u00fcro")
    assert UncPath.parse(r"\\files\mail") != UncPath.parse(r"\\files.example\mail")
    assert UncPath.parse(r"\\a\b") != r"\\a\b"


def test_a_share_has_no_parent() -> None:
    share = UncPath.parse(r"\\files\mail")
    assert share.parent is None and share.join("Users").parent == share


def test_each_part_is_checked_however_a_path_is_made() -> None:
    for made in (("..", "b", ()), ("a", "..", ()), ("a", "b", ("..",)), ("a", "b", ("c\\d",)), ("a", "b/c", ())):
        with pytest.raises(UncError):
            UncPath(*made)


def repeated(start: str, piece: str, size: int) -> str:
    return start + piece * size


def test_long_texts_take_no_longer_than_they_are() -> None:
    for piece in ("\\", "\\a", "a", "..\\", "\u00fc", "\\\\?\\UNC", "a.", "-", "["):
        assert_linear(UncPath.parse, partial(repeated, r"\\a\b", piece), expected=(UncError,))
        assert_linear(UncPath.parse, partial(repeated, r"\\", piece), expected=(UncError,))
