"""The ini editor: the bytes of the value change, no other."""

from __future__ import annotations

import codecs

import pytest
from configupdater import ConfigUpdater
from hypothesis import assume, given
from hypothesis import strategies as st

from nodes.products import ini
from nodes.products.ini import IniDocument, IniEdit, IniError
from nodes.products.ini_text import charset_of
from tests.nodes.products.samples import SAMPLES, Sample, utf16


def after_set(document: IniDocument, section: str, key: str, value: str, nth: int = 0) -> IniDocument:
    edit = IniEdit(document)
    edit.set(section, key, value, nth)
    return edit.document()


def after_delete(document: IniDocument, section: str, key: str, nth: int = 0) -> IniDocument:
    edit = IniEdit(document)
    edit.delete(section, key, nth)
    return edit.document()


def values_of(document: IniDocument, section: str, key: str) -> tuple[str, ...]:
    return IniEdit(document).values(section, key)


def value_of(document: IniDocument, section: str, key: str, nth: int = 0) -> str | None:
    return dict(enumerate(values_of(document, section, key))).get(nth)


every_sample = pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)


@every_sample
def test_the_change_is_exact(sample: Sample):
    changed = after_set(IniDocument.parse(sample.before), *sample.change)
    assert changed.to_bytes() == sample.after
    section, key, value = sample.change
    assert value_of(IniDocument.parse(sample.after), section.upper(), key.swapcase()) == value


@every_sample
def test_what_is_only_read_is_given_back(sample: Sample):
    assert IniDocument.parse(sample.before).to_bytes() == sample.before


@every_sample
def test_setting_every_value_to_itself_changes_nothing(sample: Sample):
    document = IniDocument.parse(sample.before)
    for item in document.items():
        for nth, value in enumerate(values_of(document, item.section, item.key)):
            assert after_set(document, item.section, item.key, value, nth).to_bytes() == sample.before


@pytest.mark.parametrize("sample", [sample for sample in SAMPLES if sample.oracle], ids=lambda sample: sample.name)
def test_another_editor_agrees_where_it_is_exact(sample: Sample):
    charset = charset_of(sample.before)
    text = charset.decode(sample.before[len(charset.mark) :])
    oracle = ConfigUpdater(
        allow_no_value=True, delimiters=("=",), comment_prefixes=(";", "#"), space_around_delimiters=False
    )
    oracle.optionxform = str  # type: ignore[method-assign, assignment]
    oracle.read_string(text.replace("\r\n", "\n"))
    section, key, value = sample.change
    oracle[section][key].value = value
    newline = "\r\n" if "\r\n" in text else "\n"
    assert charset.mark + charset.encode(str(oracle).replace("\n", newline)) == sample.after


def test_items_tell_section_key_value_and_line():
    document = IniDocument.parse(b"top=0\r\n[ A ]\r\n; x\r\n  Key Name = v w \r\nflag\r\n[b]\r\nflag=\r\n")
    told = [(item.section, item.key, item.value, item.line) for item in document.items()]
    assert told == [("", "top", "0", 1), ("A", "Key Name", "v w", 4), ("A", "flag", "", 5), ("b", "flag", "", 7)]


def test_the_nth_duplicate_is_reached_and_one_more_is_added():
    document = IniDocument.parse(b"[A]\r\nx=1\r\n[B]\r\n[a]\r\nX=2\r\n")
    assert values_of(document, "a", "x") == ("1", "2")
    assert value_of(document, "A", "x", 2) is None
    assert after_set(document, "A", "x", "9", 1).to_bytes() == b"[A]\r\nx=1\r\n[B]\r\n[a]\r\nX=9\r\n"
    assert after_set(document, "A", "x", "9", 2).to_bytes() == b"[A]\r\nx=1\r\n[B]\r\n[a]\r\nX=2\r\nx=9\r\n"
    with pytest.raises(IniError, match="stands 2 times"):
        after_set(document, "A", "x", "9", 3)


@pytest.mark.parametrize(
    ("before", "section", "after"),
    [
        (b"", "A", b"[A]\r\nx=1\r\n"),
        (b"", "", b"x=1\r\n"),
        (b"[A]", "A", b"[A]\r\nx=1"),
        (b"[A]\n", "a", b"[A]\nx=1\n"),
        (b"[A]\ny=2", "A", b"[A]\ny=2\nx=1"),
        (b"[A]\r\ny=2\r\n; end\r\n\r\n[B]\r\n", "A", b"[A]\r\ny=2\r\nx=1\r\n; end\r\n\r\n[B]\r\n"),
        (b"[A]\r\n\r\n[B]\r\nz=1\r\n[A]\r\ny=2\r\n", "A", b"[A]\r\nx=1\r\n\r\n[B]\r\nz=1\r\n[A]\r\ny=2\r\n"),
        (b"[A]\r\ny=2\r\n", "New", b"[A]\r\ny=2\r\n[New]\r\nx=1\r\n"),
        (b"[A]\r\ny=2", "New", b"[A]\r\ny=2\r\n[New]\r\nx=1"),
        (b"[A]\r\ny=2\r\n", "", b"x=1\r\n[A]\r\ny=2\r\n"),
        (b"z=0\r\n\r\n[A]\r\ny=2\r\n", "", b"z=0\r\nx=1\r\n\r\n[A]\r\ny=2\r\n"),
        (utf16("[A]\r\n", "utf-16-be"), "A", utf16("[A]\r\nx=1\r\n", "utf-16-be")),
    ],
)
def test_a_key_is_added_at_the_end_of_its_section(before: bytes, section: str, after: bytes):
    changed = after_set(IniDocument.parse(before), section, "x", "1")
    assert changed.to_bytes() == after
    assert value_of(changed, section, "X") == "1"


def test_a_key_is_deleted_with_its_line_only():
    document = IniDocument.parse(b"[A]\r\nx=1\r\n;c\r\nX=2\r\ny=3")
    assert after_delete(document, "a", "X", 1).to_bytes() == b"[A]\r\nx=1\r\n;c\r\ny=3"
    assert after_delete(document, "a", "y").to_bytes() == b"[A]\r\nx=1\r\n;c\r\nX=2\r\n"
    assert after_delete(document, "a", "none") == document


def test_a_bare_key_gets_its_sign():
    document = IniDocument.parse(b"[A]\nflag \nx=1\n")
    assert after_set(document, "A", "flag", "").to_bytes() == b"[A]\nflag \nx=1\n"
    assert after_set(document, "A", "flag", "on").to_bytes() == b"[A]\nflag=on \nx=1\n"


@pytest.mark.parametrize("value", ["a\nb", "a\rb", "a\0b", " a", "a\t"])
def test_values_that_would_not_be_read_back_are_refused(value: str):
    document = IniDocument.parse(b"[A]\nx=1\n")
    for key in ("x", "new"):
        with pytest.raises(IniError, match=rf"\[A\] {key}"):
            after_set(document, "A", key, value)


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("A", ""),
        ("A", "a=b"),
        ("A", ";x"),
        ("A", "#x"),
        ("A", "[x]"),
        ("A", " x"),
        ("A", "x\n"),
        ("A\nB", "x"),
        (" A", "x"),
    ],
)
def test_names_that_would_not_be_read_back_are_refused(section: str, key: str):
    with pytest.raises(IniError, match="no name of a key"):
        after_set(IniDocument.parse(b"[A]\nx=1\n"), section, key, "1")


def test_text_the_encoding_cannot_hold_is_refused():
    with pytest.raises(IniError, match="cp1252 cannot hold character 2 of 3") as caught:
        after_set(IniDocument.parse(b"[A]\r\nx=1\r\n"), "A", "x", "a\u4e2db")
    assert "\u4e2d" not in str(caught.value)
    with pytest.raises(IniError, match="cannot hold"):
        after_set(IniDocument.parse(utf16("[A]\r\nx=1\r\n", "utf-16-le")), "A", "x", "\ud800")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[A]\r\nx=1\r\n[B\r\n", "line 3: the section begun there has no closing"),
        (b"[A]\nx=\0\n", "line 2: a NUL"),
        ("[A]\r\nx=1\r\n".encode("utf-16-le"), "line 1: a NUL"),
        (codecs.BOM_UTF8 + b"[A]\nx=\xff\n", "line 2: not valid UTF-8"),
        (codecs.BOM_UTF16_LE + b"[\0A\0]", "not valid UTF-16-LE"),
        (codecs.BOM_UTF16_LE + b"[\0A\0]\0\n\0\x00\xd8", "line 2: not valid UTF-16-LE"),
    ],
)
def test_what_is_no_ini_is_refused_with_the_line(data: bytes, message: str):
    with pytest.raises(IniError, match=message):
        IniDocument.parse(data)


LINES = [
    "[A]",
    "[b]",
    " [A] ",
    "x=1",
    "X = 2 ",
    "  y=",
    "flag",
    "; c",
    "# [z",
    "",
    "\t",
    "k k==\xfc",
    "z=\x0b\x85",
    "[]",
]
endings = st.sampled_from(["\r\n", "\n", "\r"])
texts = st.lists(st.tuples(st.one_of(st.sampled_from(LINES), st.text(max_size=12)), endings), max_size=12).map(
    lambda pairs: "".join(line + ending for line, ending in pairs)
)
marked = st.sampled_from([("cp1252", b""), ("utf-8", b""), ("utf-8", codecs.BOM_UTF8)]) | st.sampled_from(
    [("utf-16-le", codecs.BOM_UTF16_LE), ("utf-16-be", codecs.BOM_UTF16_BE)]
)
VALUES = st.text(st.characters(codec="cp1252", exclude_characters="\0\r\n"), max_size=12).map(
    lambda text: text.strip(" \t")
)


def parsed(text: str, charset: tuple[str, bytes]) -> tuple[IniDocument, bytes]:
    """A document and its bytes; examples that are no ini are dropped."""
    try:
        data = charset[1] + text.encode(charset[0])
        return IniDocument.parse(data), data
    except (UnicodeEncodeError, IniError):
        assume(False)
        raise


@given(st.binary(max_size=60))
def test_any_bytes_are_given_back_or_refused(data: bytes):
    try:
        document = IniDocument.parse(data)
    except IniError:
        return
    assert document.to_bytes() == data


@given(texts, marked, st.data())
def test_set_of_get_is_the_identity(text: str, charset: tuple[str, bytes], data: st.DataObject):
    document, before = parsed(text, charset)
    assume(document.items())
    item = data.draw(st.sampled_from(document.items()))
    for nth, value in enumerate(values_of(document, item.section, item.key)):
        assert after_set(document, item.section, item.key, value, nth).to_bytes() == before


@given(texts, marked, VALUES, st.data())
def test_exactly_one_line_differs(text: str, charset: tuple[str, bytes], value: str, data: st.DataObject):
    document, _ = parsed(text, charset)
    assume(document.items())
    at = data.draw(st.integers(0, len(document.items()) - 1))
    item = document.items()[at]
    same = [other for other in document.items() if (other.section.casefold(), other.key.casefold()) == folded(item)]
    changed = after_set(document, item.section, item.key, value, same.index(item))
    before, after = lines(document), lines(changed)
    assert len(before) == len(after)
    assert [number for number, pair in enumerate(zip(before, after, strict=True), 1) if pair[0] != pair[1]] in (
        [],
        [item.line],
    )
    assert changed.items()[at].value == value
    assert IniDocument.parse(changed.to_bytes(), document.charset).items() == changed.items()


@given(texts, marked, VALUES)
def test_an_added_key_is_read_back_and_its_deletion_restores_the_rest(
    text: str, charset: tuple[str, bytes], value: str
):
    document, _ = parsed(text, charset)
    assume(value_of(document, "New", "Key") is None)
    added = after_set(document, "New", "Key", value)
    assert value_of(IniDocument.parse(added.to_bytes(), document.charset), "new", "KEY") == value
    assert after_delete(added, "New", "Key").items() == document.items()


def folded(item: object) -> tuple[str, str]:
    return item.section.casefold(), item.key.casefold()  # type: ignore[attr-defined]


def lines(document: IniDocument) -> list[str]:
    body = document.charset.decode(document.to_bytes()[len(document.charset.mark) :])
    return body.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def test_a_section_has_no_name_of_many_characters():
    assert IniDocument.parse(b"[" + b"s" * ini.MAX_SECTION + b"]\nx=1").items()
    with pytest.raises(IniError, match="line 2: the section begun there has a name of more than 1000"):
        IniDocument.parse(b"\n[" + b"s" * (ini.MAX_SECTION + 1) + b"]\nx=1")


def test_more_lines_than_an_ini_file_has_are_refused(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(ini, "MAX_LINES", 3)
    assert len(IniDocument.parse(b"[A]\nx=1\ny=2").items()) == 2
    with pytest.raises(IniError, match="line 4: more than 3 lines"):
        IniDocument.parse(b"[A]\nx=1\ny=2\n\n")
