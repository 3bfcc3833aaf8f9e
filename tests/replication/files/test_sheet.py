"""Two listings of a node, and in what they differ."""

from __future__ import annotations

import random

import pytest

from nodes.command import CommandResult
from nodes.platforms import platform_named
from nodes.platforms.base import ListedFile, Listing, RecordForm
from nodes.platforms.posix_output import FIND_RECORDS
from nodes.platforms.powershell import TREE_RECORDS, encoded
from replication.files.core.sheet import FEW, MOST_MOVED, PIECE, STEP, WALK_RECORDS, Sheet, walked

SECOND = 1_000_000_000


def found(path: str, size: int = 1, kind: str = "f") -> bytes:
    return f"{kind}\t{size}\t7.000000001\t8.0000000020\t{path}\0".encode()


def scripted(path: str, size: int = 1, kind: str = "f") -> bytes:
    return f"{kind}\t{size}\t621355968070000000\t{encoded(path.replace('/', chr(92)))}\r\n".encode()


def walked_over(path: str, size: int = 1, kind: str = "f") -> bytes:
    return f"{'file' if kind == 'f' else 'folder'}\t{size}\t{7 * SECOND}\t{path}\0".encode()


FORMS = pytest.mark.parametrize(
    ("form", "record"), [(FIND_RECORDS, found), (TREE_RECORDS, scripted), (WALK_RECORDS, walked_over)]
)


@FORMS
def test_only_what_differs_is_read(form: RecordForm, record) -> None:
    before = Sheet(record("App", 9, "d") + record("App/a") + record("App/b") + record("App/c"), form)
    after = Sheet(record("App/c", 2) + record("App", 9, "d") + record("App/a") + record("App/new"), form)
    moved = after.moved_since(before)
    assert moved is not None
    assert {path: file.size for path, file in moved.then.items()} == {"App/b": 1, "App/c": 1}
    assert {path: file.size for path, file in moved.now.items()} == {"App/c": 2, "App/new": 1}


@FORMS
def test_an_entry_is_found_by_its_whole_path(form: RecordForm, record) -> None:
    sheet = Sheet(record("App/a\tb", 1) + record("b", 2) + record("App/b", 3) + record("b/long name", 4), form)
    sizes = {path: (entry := sheet.entry(path)) and entry.size for path in ("b", "App/b", "App/a\tb", "a", "b/long")}
    assert sizes == {"b": 2, "App/b": 3, "App/a\tb": 1, "a": None, "b/long": None}


@FORMS
def test_many_entries_are_found_as_one_is(form: RecordForm, record) -> None:
    names = [f"App/{folder}/a{number}" for folder in ("x", "y\tz", "ä") for number in range(FEW)]
    sheet = Sheet(b"".join(record(name, number) for number, name in enumerate(names)), form)
    wanted = [*names[::2], "a1", "App/y", *names[:1], "z/a1", "App/x"]
    assert len(wanted) > FEW
    found = sheet.entries_at(wanted)
    assert found.keys() == set(names[::2])
    assert found == {path: sheet.entry(path) for path in found}
    assert found["App/x/a2"].size == 2


@FORMS
@pytest.mark.parametrize("seed", range(8))
def test_differences_are_those_of_all_records(form: RecordForm, record, seed: int) -> None:
    chance = random.Random(seed)
    names = [f"App/{'long' * (number % 30)}{number}" for number in range(2000)]
    records = {name: record(name) for name in names}
    order = list(names)
    for name in chance.sample(names, seed * 5):
        order.remove(name)
        if chance.random() < 0.7:  # where a folder lists it last, or first, or anywhere
            order.insert(chance.choice([0, len(order), chance.randrange(len(order))]), name)
            records[name] = record(name, chance.randrange(1, 3))
    order.extend(f"new{number}" for number in range(seed))
    before = Sheet(b"".join(map(record, names)), form)
    after = Sheet(b"".join(records.get(name) or record(name) for name in order), form)
    assert len(before.raw) > 2 * PIECE + STEP
    moved = after.moved_since(before)
    was, now = ({file.path: file for file in sheet.form.parse(sheet.raw).files} for sheet in (before, after))
    differing = {path for path in was.keys() | now.keys() if was.get(path) != now.get(path)}
    assert moved is not None
    assert (moved.then, moved.now) == (
        {path: was[path] for path in differing & was.keys()},
        {path: now[path] for path in differing & now.keys()},
    )


@FORMS
@pytest.mark.parametrize("cut", [0, 1, 2])
def test_what_two_listings_share_at_either_end_is_told_from_what_differs(form: RecordForm, record, cut: int) -> None:
    names = [f"App/{number:04d}" for number in range(3 * STEP // 30)]
    whole = [record(name) for name in names]
    for short in (whole[cut:], whole[: len(whole) - cut], whole[:7] + whole[7 + cut :]):
        less, more = (Sheet(b"".join(records), form) for records in (short, whole))
        gone, come = less.moved_since(more), more.moved_since(less)
        assert gone is not None
        assert come is not None
        assert len(gone.then) == len(come.now) == cut
        assert not gone.now
        assert not come.then


@FORMS
def test_reading_piece_by_piece_comes_to_reading_all(form: RecordForm, record) -> None:
    names = [f"App/{'long' * (number % 40)}{number}" for number in range(3000)]
    raw = b"".join(record(name, number) for number, name in enumerate(names))
    assert len(raw) > 3 * PIECE
    assert tuple(Sheet(raw, form).entries()) == form.parse(raw).files
    assert list(Sheet(b"", form).entries()) == []


@FORMS
def test_a_name_that_is_listed_twice_is_not_understood(form: RecordForm, record) -> None:
    before = Sheet(record("a") + record("b"), form)
    assert Sheet(record("a") + record("b") + record("b", 2), form).moved_since(before) is None
    assert Sheet(record("a") + record("b") + record("b"), form).moved_since(before) is None
    assert Sheet(record("a") + record("b") + record("c") + record("c", 2), form).moved_since(before) is None


@FORMS
def test_many_differences_are_left_to_a_whole_reading(form: RecordForm, record) -> None:
    before = Sheet(record("a"), form)
    few = b"".join(record(f"f{number}") for number in range(MOST_MOVED))
    assert Sheet(record("a") + few, form).moved_since(before) is not None
    assert Sheet(record("a") + few + record("one more"), form).moved_since(before) is None


def test_listings_of_two_forms_are_not_compared() -> None:
    assert Sheet(b"", FIND_RECORDS).moved_since(Sheet(b"", WALK_RECORDS)) is None


def test_names_that_cannot_be_spelled_are_not_understood() -> None:
    before, strange = Sheet(found("a"), FIND_RECORDS), found("a") + found("x").replace(b"x", b"\xff")
    assert Sheet(strange, FIND_RECORDS).moved_since(before) is None
    unreadable = scripted("App", 0, "x")
    assert Sheet(unreadable, TREE_RECORDS).moved_since(Sheet(b"", TREE_RECORDS)) is None


def test_a_walked_listing_is_as_it_was() -> None:
    files = (ListedFile("App", "folder", 4096, 5 * SECOND), ListedFile("App/\tä\n.dat", "file", 3, 6 * SECOND))
    sheet = walked(Listing(files))
    assert sheet is not None
    assert sheet.form.parse(sheet.raw).files == files
    assert walked(Listing(files, unreadable=("App",))) is None
    assert walked(Listing(files, vanished=("App/x",))) is None
    assert walked(Listing((ListedFile("App/?", "file", 1, 1, None, b"App/\xff"),))) is None


@pytest.mark.parametrize(
    ("platform", "result", "is_whole"),
    [
        ("posix", CommandResult(0, found("a"), b""), True),
        ("posix", CommandResult(0, found("a"), b"find: './b': Permission denied\n"), False),
        ("posix", CommandResult(1, found("a"), b""), False),
        ("windows", CommandResult(0, scripted("a") + b"end\r\n", b""), True),
        ("windows", CommandResult(0, b"end\n", b""), True),
        ("windows", CommandResult(0, scripted("a"), b""), False),
        ("windows", CommandResult(0, b"f\t1\t621355968070000000\tblend", b""), False),
        ("windows", CommandResult(97, scripted("a") + b"end\r\n", b""), False),
    ],
)
def test_only_a_whole_listing_without_complaints_is_compared(platform: str, result, is_whole: bool) -> None:
    assert (platform_named(platform).listing_form(result) is not None) is is_whole
