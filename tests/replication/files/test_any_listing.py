"""Whatever a node lists is sorted, refused, or named as a problem; and what is kept of it is a tree again."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.command import CommandResult
from nodes.connection.connect import NodeLink
from nodes.errors import LimitBroken, NodeError, OutputUnreadable
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities, ListedFile, Listing
from nodes.platforms.posix_output import FIND_RECORDS
from nodes.products.loading import load_profile
from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath, folders_of, path_problem
from replication.files.core.sheet import Sheet, walked
from replication.files.core.tree import build, load
from replication.files.listing import MAX_DEPTH, Sorted, config_moved, list_tree, sort_out
from tests.any_input import few
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession
from tests.steps import assert_linear

PROFILE = load_profile("mdaemon")
SEGMENTS = st.sampled_from([
    "App", "app", "Templates", "a.dat", "Domains.dat", "MDaemon.ini", "Logs", "x" * 300, "\x1b[2J", "\u202eini",
    "\u00e9", "e\u0301", "CON", "a:b", "..", ".", "", ".cp~1.2.3", "\t", "\r\n", "-rf", "*", "$(x)", "\ud800",
])  # fmt: skip
PATHS = st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join) | st.sampled_from(
    ["Templates/" * 100 + "a.dat", "/etc/a.dat"]
)
NUMBERS = st.sampled_from([0, 1, 5, 2**31, 2**63, 2**64 - 1, 10**19])
FILES = st.builds(
    ListedFile,
    PATHS,
    st.sampled_from(["file", "file", "folder", "link", "other"]),
    NUMBERS,
    NUMBERS | st.sampled_from([-1, -(10**24), 10**24]),
    st.none() | NUMBERS,
    st.none() | st.just(b"\xff"),
)
LISTINGS = st.builds(
    Listing,
    st.lists(FILES, max_size=8).map(tuple),
    st.lists(PATHS, max_size=2).map(tuple),
    st.lists(PATHS, max_size=2).map(tuple),
)


def manifest_of(found: Sorted) -> Manifest:
    return Manifest(
        files={path: FileState(file.size, file.mtime_ns, "0" * 64, None) for path, file in found.config.items()}
    )


@few
@given(LISTINGS)
def test_any_listing_is_sorted_into_a_tree_or_refused(listing: Listing) -> None:
    try:
        found = sort_out(listing, PROFILE)
    except NodeError as error:
        assert isinstance(error, OutputUnreadable)
        return
    assert all(path_problem(path) is None for path in found.config)
    tree = build(manifest_of(found))
    assert load(tree.root, tree.objects.__getitem__).files == manifest_of(found).files


@few
@given(LISTINGS, LISTINGS)
def test_any_two_listings_are_compared_or_read_whole(before: Listing, now: Listing) -> None:
    sheets = walked(before), walked(now)
    if None in sheets:
        return
    then, here = sheets
    assert then is not None
    assert here is not None
    moved = here.moved_since(then)
    if moved is not None:
        config_moved(moved, PROFILE, str)


@few
@given(st.lists(st.binary(max_size=30), max_size=6), st.lists(st.binary(max_size=30), max_size=6), PATHS)
def test_any_records_are_compared_or_read_whole(before: list[bytes], now: list[bytes], path: str) -> None:
    end = FIND_RECORDS.end
    sheets = [
        Sheet(b"".join(record.replace(end, b"") + end for record in records), FIND_RECORDS) for records in (before, now)
    ]
    sheets[1].moved_since(sheets[0])
    for sheet in sheets:
        try:
            sheet.entry(path.encode("utf-8", "replace").decode())
            list(sheet.entries())
        except OutputUnreadable:
            continue


def test_a_name_is_no_file_and_a_folder_at_once() -> None:
    files = tuple(ListedFile(path, "file", 1, 1) for path in ("Templates/a", "Templates/a/b"))
    with pytest.raises(OutputUnreadable, match=r"'Templates/a' as a file and as a folder"):
        sort_out(Listing(files), PROFILE)


def deep(count: int, depth: int = MAX_DEPTH) -> Listing:
    """Files that share no folder but the first."""
    return Listing(
        tuple(
            ListedFile(f"Templates/{number}" + "/a" * (depth - 3) + "/a.dat", "file", 1, 1) for number in range(count)
        )
    )


def test_files_in_more_folders_than_there_may_be_names_are_refused(settings) -> None:
    settings.PORTAL = replace(settings.PORTAL, listing_names=1000)
    assert len(sort_out(deep(10), PROFILE).config) == 10
    with pytest.raises(LimitBroken, match="more than 1,000 names"):
        sort_out(deep(100), PROFILE)
    assert [problem.code for problem in sort_out(deep(1, MAX_DEPTH + 1), PROFILE).problems] == ["bad_name"]


def test_twice_the_files_take_twice_the_steps() -> None:
    flat = [
        Listing(tuple(ListedFile(f"Templates/{one}.dat", "file", 1, one) for one in range(size)))
        for size in (200, 400, 800)
    ]
    by_size = {len(listing.files): listing for listing in flat}
    assert_linear(lambda listing: sort_out(listing, PROFILE), by_size.__getitem__)
    assert_linear(lambda listing: build(manifest_of(sort_out(listing, PROFILE))), deep, (20, 40))
    assert_linear(lambda listing: folders_of((RelPath(file.path) for file in listing.files), 10**6), deep, (20, 40))


@pytest.mark.parametrize("moved", [0, 1, 5])
def test_comparing_takes_steps_by_what_moved_and_pieces(moved: int) -> None:
    def sheets(size: int) -> tuple[Sheet, Sheet]:
        files = [ListedFile(f"Templates/{one}.dat", "file", 1, one) for one in range(size)]
        again = [ListedFile(file.path, "file", 2, 1) if one < moved else file for one, file in enumerate(files)]
        before, now = walked(Listing(tuple(files))), walked(Listing(tuple(again)))
        assert before is not None
        assert now is not None
        return before, now

    assert_linear(lambda both: both[1].moved_since(both[0]), sheets)


class Nobody:
    """The guard of whoever holds nothing."""

    def __getattr__(self, _: str) -> Any:
        return lambda *_, **__: None


@pytest.mark.parametrize("answer", [
    CommandResult(0, b"f\t1\t1.000000000\t1.000000000\ta\0" * 1001, b""),
    CommandResult(1, b"", b"find: 'a': Permission denied\n" * 1001),
])  # fmt: skip
def test_names_and_complaints_are_counted_before_they_are_read(settings, answer: CommandResult) -> None:
    """Each becomes a value, and a row of the findings."""
    settings.PORTAL = replace(settings.PORTAL, listing_names=1000)
    session = FakeSession(FakeDisk(), commands=lambda *_: answer)
    link = NodeLink(session, platform_named("posix"), "/srv", Capabilities(can_list=True), 1, "mx")
    with pytest.raises(LimitBroken, match="more than 1,000 names"):
        list_tree(link, PROFILE, cast("Any", Nobody()))
