"""Rendering: kept keys have the node's values, everything else is the primary's bytes."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.products.ini import IniDocument, IniEdit, IniError
from nodes.products.ini_render import DifferingKey, IniKey, KeyConflict, differing_values, key_conflicts, render
from nodes.products.ini_text import ANSI, UTF8, charset_of
from tests.nodes.products.plain_edit import PlainEdit, plainly_rendered
from tests.nodes.products.samples import utf16
from tests.steps import assert_linear, steps

PRIMARY = b"; primary\r\n[Domain]\r\nHostName=one\r\nIP = 10.0.0.1 \r\nPort=25\r\n\r\n[Special]\r\nX=Yes\r\n"
OWN = b"[domain]\nhostname=two\nip=10.0.0.2\nport=25\n[Reg]\nKey=SECRET-2\n[Special]\nX=No"


def test_keys_compare_without_case():
    assert IniKey("Domain", "IP") == IniKey("DOMAIN", "ip")
    assert len({IniKey("A", "b"), IniKey("a", "B")}) == 1
    assert IniKey("A", "b") != ("A", "b")


def differing_keys(primary: bytes, own: bytes) -> tuple[IniKey, ...]:
    return tuple(IniKey(one.section, one.key) for one in differing_values(primary, own))


def test_differing_values_say_what_both_files_have():
    found = differing_values(b"[A]\r\nx=1\r\ny=2\r\n[B]\r\nz=1\r\nz=2\r\n", b"[a]\nX=1\nY=3\nq=4\n")
    assert found == (
        DifferingKey("A", "y", "2", "3"),
        DifferingKey("B", "z", "1\n2", None),
        DifferingKey("a", "q", None, "4"),
    )


def test_differing_keys_are_told_in_the_primarys_spelling():
    keys = differing_keys(PRIMARY, OWN)
    assert [(key.section, key.key) for key in keys] == [
        ("Domain", "HostName"),
        ("Domain", "IP"),
        ("Special", "X"),
        ("Reg", "Key"),
    ]
    assert differing_keys(PRIMARY, PRIMARY) == ()


def test_kept_keys_stay_the_nodes_and_the_rest_is_the_primarys():
    kept = [IniKey("DOMAIN", "HOSTNAME"), IniKey("Domain", "IP"), IniKey("reg", "key")]
    assert render(PRIMARY, OWN, kept) == (
        b"; primary\r\n[Domain]\r\nHostName=two\r\nIP = 10.0.0.2 \r\nPort=25\r\n\r\n[Special]\r\nX=Yes\r\n"
        b"[Reg]\r\nKey=SECRET-2\r\n"
    )


def test_a_kept_key_that_the_node_lacks_is_taken_out():
    assert render(b"[A]\r\nx=1\r\ny=2\r\n", b"[A]\r\ny=2\r\n", [IniKey("A", "x")]) == b"[A]\r\ny=2\r\n"


def test_duplicates_of_a_kept_key_are_the_nodes():
    kept = [IniKey("A", "x")]
    assert render(b"[A]\nx=1\nx=2\nx=3\n", b"[A]\nx=7\n", kept) == b"[A]\nx=7\n"
    assert render(b"[A]\nx=1\ny=0\n", b"[A]\nx=7\nx=8\n", kept) == b"[A]\nx=7\ny=0\nx=8\n"


@pytest.mark.parametrize(("own", "kept"), [(None, [IniKey("Domain", "IP")]), (OWN, [])])
def test_without_a_file_or_a_key_to_keep_the_primarys_bytes_are_given_on(own: bytes | None, kept: list[IniKey]):
    assert render(PRIMARY, own, kept) is PRIMARY


def test_unmarked_files_are_mixed_byte_for_byte():
    primary, own = b"[A]\r\nx=\xfc\r\ny=1\r\n", b"[A]\r\nx=\xc3\xbc\r\ny=\xc3\xbc\r\n"
    assert render(primary, own, [IniKey("A", "y")]) == b"[A]\r\nx=\xfc\r\ny=\xc3\xbc\r\n"
    assert render(b"[A]\r\nx=1\r\n", own, [IniKey("A", "x")]) == b"[A]\r\nx=\xc3\xbc\r\n"


def test_values_pass_between_encodings_as_text():
    primary = utf16("[A]\r\nx=1\r\ny=2\r\n", "utf-16-le")
    assert render(primary, b"[A]\r\nx=\xfc\r\n", [IniKey("A", "x")]) == utf16("[A]\r\nx=\xfc\r\ny=2\r\n", "utf-16-le")
    assert differing_keys(utf16("[A]\r\nx=\xfc\r\n", "utf-16-be"), b"[A]\nx=\xfc") == ()
    own = utf16("[A]\r\nx=\u4e2d\r\n", "utf-16-le")
    with pytest.raises(IniError, match="cannot hold"):
        render(b"[A]\r\nx=1\r\n", own, [IniKey("A", "x")])


def test_a_file_that_is_no_ini_is_refused():
    for broken in (b"[A\r\n", b"\0"):
        with pytest.raises(IniError):
            render(broken, OWN, [IniKey("A", "x")])
        with pytest.raises(IniError):
            differing_keys(PRIMARY, broken)
        with pytest.raises(IniError):
            key_conflicts(PRIMARY, broken, [])


def test_conflicts_are_told_key_by_key():
    conflicts = key_conflicts(
        b"[A]\r\nx=1\r\ny=2\r\nz=3\r\nd=1\r\nd=2\r\n", b"[A]\r\nX=9\r\ny=8\r\nnew=5\r\nd=1\r\n", [IniKey("a", "Y")]
    )
    assert conflicts == (
        KeyConflict("A", "x", "1", "9"),
        KeyConflict("A", "z", "3", None),
        KeyConflict("A", "d", "2", None),
        KeyConflict("A", "new", None, "5"),
    )


def test_a_second_value_of_a_kept_key_never_comes_before_the_first():
    """Of several equal keys Windows reads the first; a section may stand in a file twice."""
    rendered = render(b"[b]\r\n[A]\r\n[b]\r\nb=", b"[b]\r\nb=\r\nb=0", [IniKey("b", "b")])
    assert rendered == b"[b]\r\n[A]\r\n[b]\r\nb=\r\nb=0"


NAMES = st.sampled_from(["A", "b", "B", "Key", "key two"])
VALUES = st.text(st.characters(codec="cp1252", exclude_characters="\0\r\n"), max_size=6)
ITEMS = st.builds("{}={}".format, NAMES, VALUES)
LINES = st.one_of(ITEMS, st.builds("[{}]".format, NAMES), st.sampled_from(["", "; note", "flag", "  A =  v "]))
FILES = st.lists(LINES, max_size=10)
NEWLINES = st.sampled_from(["\r\n", "\n"])
MARKS = st.sampled_from(
    [
        ("cp1252", b""),
        ("utf-8", codecs.BOM_UTF8),
        ("utf-16-le", codecs.BOM_UTF16_LE),
        ("utf-16-be", codecs.BOM_UTF16_BE),
    ]
)
KEPT = st.frozensets(st.builds(IniKey, st.one_of(NAMES, st.just("")), NAMES), max_size=6)


def file(lines: list[str], newline: str, mark: tuple[str, bytes]) -> bytes:
    return mark[1] + newline.join(lines).encode(mark[0])


@given(FILES, FILES, NEWLINES, MARKS, KEPT)
def test_render_keeps_the_kept_and_gives_the_rest(ours, theirs, newline, mark, kept):
    primary, own = file(ours, newline, mark), file(theirs, "\r\n", mark)
    rendered = render(primary, own, kept)
    assert render(rendered, own, kept) == rendered
    assert not set(differing_keys(rendered, own)) & kept
    assert set(differing_keys(rendered, primary)) <= kept
    assert key_conflicts(rendered, rendered, []) == ()
    if not kept & {*differing_keys(primary, own)}:
        assert rendered == primary


@given(FILES, FILES, NEWLINES, MARKS, KEPT)
def test_lines_that_are_no_kept_key_are_the_primarys_in_their_order(ours, theirs, newline, mark, kept):
    primary, own = file(ours, newline, mark), file(theirs, newline, mark)
    assert other_lines(render(primary, own, kept), kept) == other_lines(primary, kept)


LAYOUTS = st.lists(
    st.sampled_from(
        ["[A]", "[a]", "[b]", "[]", "x=1", "X=2", "y=3", "z", ";c", "", "x= 4 ", "[ B ]"],
    ),
    max_size=14,
)
FEW_KEYS = st.frozensets(st.builds(IniKey, st.sampled_from(["A", "b", "", "new"]), st.sampled_from("XyZw")), max_size=8)
ANY_NEWLINES = st.sampled_from(["\r\n", "\n", "\r"])


def with_endings(lines: list[str], endings: list[str], last: bool) -> bytes:
    text = "".join(line + endings[number % len(endings)] for number, line in enumerate(lines))
    return (text if last else text.rstrip("\r\n")).encode()


@given(LAYOUTS, LAYOUTS, st.lists(ANY_NEWLINES, min_size=1, max_size=3), st.booleans(), FEW_KEYS)
def test_render_does_what_going_through_the_file_for_each_change_would(ours, theirs, endings, last, kept):
    primary, own = with_endings(ours, endings, last), with_endings(theirs, ["\n"], True)
    assert render(primary, own, kept) == plainly_rendered(primary, own, kept)


CHANGES = st.lists(
    st.tuples(st.sampled_from(["A", "b", "", "new"]), st.sampled_from("xYz"), st.sampled_from([None, "1", "7"])),
    max_size=12,
)


@given(LAYOUTS, st.lists(ANY_NEWLINES, min_size=1, max_size=2), st.booleans(), CHANGES, st.data())
def test_changes_in_any_order_do_what_going_through_the_file_would(lines, endings, last, changes, data):
    document = IniDocument.parse(with_endings(lines, endings, last))
    edit, plain = IniEdit(document), PlainEdit(document)
    for section, key, value in changes:
        nth = data.draw(st.integers(0, len(plain.places(section, key))))
        if value is None:
            edit.delete(section, key, nth)
            plain.delete(section, key, nth)
        else:
            edit.set(section, key, value, nth)
            plain.set(section, key, value, nth)
    assert edit.document()._all == tuple(plain.lines)


def own_keys(size: int) -> tuple[bytes, bytes, list[IniKey]]:
    """A node keeps every second key and has as many that the primary has not."""
    names = [f"k{number}" for number in range(size)]
    primary = "[A]\n" + "".join(f"{name}=1\n" for name in names)
    own = "[A]\n" + "".join(f"{name}=2\nown{name}=3\n" for name in names[::2])
    return primary.encode(), own.encode(), [IniKey("A", prefix + name) for name in names for prefix in ("", "own")]


def sections(size: int) -> tuple[bytes, bytes, list[IniKey]]:
    """As many sections, and as many that only the node has."""
    primary = "".join(f"[s{number}]\nx=1\n;\n" for number in range(size))
    own = "".join(f"[s{number}]\ny=2\n[own{number}]\nx=2\n" for number in range(size))
    kept = [IniKey(f"{name}{number}", key) for number in range(size) for name in ("s", "own") for key in "xy"]
    return primary.encode(), own.encode(), kept


def fewer_duplicates(size: int) -> tuple[bytes, bytes, list[IniKey]]:
    return b"[A]\n" + b"x=1\n" * size + b";\n" * size, b"[A]\nx=2\n", [IniKey("A", "x")]


def more_duplicates(size: int) -> tuple[bytes, bytes, list[IniKey]]:
    return b"[A]\n[b]\n[A]\nx=1\n", b"[A]\n" + b"x=2\n" * size, [IniKey("A", "x")]


def nameless(size: int) -> tuple[bytes, bytes, list[IniKey]]:
    """Keys before any header, taken from as many sections without a name."""
    primary = "".join(f"[]\nk{number}=1\n[A]\n" for number in range(size))
    own = "".join(f"own{number}=1\n" for number in range(size))
    return primary.encode(), own.encode(), [IniKey("", name + str(n)) for n in range(size) for name in ("k", "own")]


@pytest.mark.parametrize("shape", [own_keys, sections, fewer_duplicates, more_duplicates, nameless])
@pytest.mark.parametrize("work", [render, key_conflicts, lambda primary, own, _: differing_values(primary, own)])
def test_a_file_twice_as_long_takes_twice_the_steps(shape, work):
    assert_linear(lambda given: work(*given), shape)


def test_one_giant_line_takes_no_more_steps_than_a_short_one():
    def line(size: int) -> tuple[bytes, bytes, list[IniKey]]:
        return b"[A]\nx=" + b"a=]" * size, b"[A]\nx" + b" =[" * size, [IniKey("A", "x")]

    few, many = (steps(render, *line(size)) for size in (10, 100_000))
    assert few == many


def other_lines(data: bytes, kept: frozenset[IniKey]) -> list[str]:
    """The lines without kept keys, without blank lines, and without headers: some are added for kept keys."""
    document = IniDocument.parse(data, ANSI if charset_of(data) == UTF8 else None)
    text = document.charset.decode(data[len(document.charset.mark) :])
    spared = {item.line for item in document.items() if IniKey(item.section, item.key) in kept}
    lines = text.replace("\r\n", "\n").split("\n")
    return [line for number, line in enumerate(lines, 1) if number not in spared and line and line[0] != "["]
