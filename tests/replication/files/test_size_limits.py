"""Files that are too large: named, left as they are, and never read further than the limit."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from accounts.errors import Refused
from nodes.connection.connect import NodeLink
from nodes.errors import FileTooLarge
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.products.loading import load_profile
from nodes.products.profile import MEGABYTE, Profile
from replication.files.apply.keep import keep_found
from replication.files.core.changes import Change, ChangeKind, Found
from replication.files.core.compare import Handling, compare
from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath
from replication.files.scan import Scan, scan_node, scan_primary
from replication.objects import default_store
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession
from tests.replication.files.rounds import ROOT, Interrupting, Scene, wanted

LONG_AGO = 1_600_000_000 * 10**9
NOW = LONG_AGO + 3600 * 10**9
BIG, SMALL, THIRD = RelPath("App/big.dat"), RelPath("App/small.dat"), RelPath("App/third.dat")
GUARD = Interrupting("", Exception())
PROFILE = dataclasses.replace(
    load_profile("mdaemon").with_overrides([("App/**", "config")]), file_mb=1, total_mb=2, stable_seconds=0.0
)


class Telling(FakeSession):
    """Counts the bytes that were read, and gives `lied` bytes more of each file than it listed."""

    lied = 0
    given = 0

    def read(self, path: str, *, most: int, **_: object) -> Iterator[bytes]:
        given = 0
        for chunk in (*super().read(path, most=most), *[bytes(4096)] * (self.lied // 4096)):
            given += len(chunk)
            if given > most:
                raise FileTooLarge(path)
            self.given += len(chunk)
            yield chunk


@pytest.fixture
def disk() -> FakeDisk:
    disk = FakeDisk()
    disk.put(f"{ROOT}/{BIG}", bytes(MEGABYTE + 1), mtime_ns=LONG_AGO)
    disk.put(f"{ROOT}/{SMALL}", bytes(10), mtime_ns=LONG_AGO)
    return disk


def link_to(session: FakeSession) -> NodeLink:
    return NodeLink(session, platform_named("posix"), ROOT, Capabilities(), 1, "mx1")


def scanned(session: FakeSession, known: Manifest | None = None, profile: Profile = PROFILE) -> Scan:
    known = known or Manifest()
    return scan_primary(link_to(session), profile, known=known, scan_ns=NOW, store=default_store(), guard=GUARD)


@pytest.mark.django_db
def test_a_file_over_the_limit_is_named_and_not_read(disk: FakeDisk) -> None:
    session = Telling(disk)

    found = scanned(session).manifest

    assert list(found.files) == [SMALL]
    assert [(one.path, one.code) for one in found.problems] == [(BIG, "too_large")]
    assert found.problems[0].detail.startswith("it has 1.0 MB, over the profile's limit of 1.0 MB a file")
    assert session.given == 10


@pytest.mark.django_db
def test_a_file_that_grew_over_the_limit_stays_as_it_was_last_known(disk: FakeDisk) -> None:
    before = FileState(7, LONG_AGO - 1, "0" * 64)

    found = scanned(FakeSession(disk), Manifest({BIG: before})).manifest

    assert found.files[BIG] == dataclasses.replace(before, stale=True)
    assert found.unlisted == (BIG,)


@pytest.mark.django_db
def test_what_has_the_very_size_of_the_limit_is_replicated(disk: FakeDisk) -> None:
    disk.put(f"{ROOT}/{BIG}", bytes(MEGABYTE), mtime_ns=LONG_AGO)

    found = scanned(FakeSession(disk)).manifest

    assert (sorted(found.files), found.problems) == ([BIG, SMALL], ())


@pytest.mark.django_db
def test_a_file_that_gives_more_than_it_lists_is_read_no_further_than_the_limit(disk: FakeDisk) -> None:
    session = Telling(disk)
    session.lied = 64 * MEGABYTE

    found = scanned(session).manifest

    assert (found.files, [(one.path, one.code) for one in found.problems]) == (
        {},
        [(SMALL, "too_large"), (BIG, "too_large")],
    )
    assert session.given <= MEGABYTE + 4096


@pytest.mark.django_db
def test_more_than_all_may_have_together_is_refused_before_anything_is_read(disk: FakeDisk) -> None:
    for name in "abc":
        disk.put(f"{ROOT}/App/{name}.dat", bytes(MEGABYTE - ord(name)), mtime_ns=LONG_AGO)
    session = Telling(disk)

    with pytest.raises(Refused) as refused:
        scanned(session)

    assert refused.value.code == "config_too_large"
    assert "4 config files have 3.0 MB" in refused.value.text
    assert "App/a.dat (1023.9 KB), App/b.dat" in refused.value.text
    assert session.given == 0


@pytest.mark.django_db
def test_more_than_all_may_have_together_is_refused_also_where_the_listing_did_not_tell(disk: FakeDisk) -> None:
    for number in range(8):
        disk.put(f"{ROOT}/App/{number}.dat", b"%d" % number, mtime_ns=LONG_AGO)
    session = Telling(disk)
    session.lied = MEGABYTE // 2

    with pytest.raises(Refused, match="over the profile's limit"):
        scanned(session)

    assert session.given < 4 * MEGABYTE


def test_a_secondarys_file_over_the_limit_is_named_and_left_alone(disk: FakeDisk) -> None:
    session = Telling(disk)

    found = scan_node(link_to(session), PROFILE, known=Manifest(), scan_ns=NOW, guard=GUARD).manifest
    delta = compare(
        wanted={BIG: wanted(b"new"), SMALL: wanted(b"new")},
        baseline=None,
        actual=found,
        ruling=lambda _: Handling(),
        folds_case=False,
    )

    assert [(one.path, one.code) for one in found.problems] == [(BIG, "too_large")]
    assert ([change.path for change in delta.changes], delta.problems) == ([SMALL], ())
    assert session.given == 10


@pytest.mark.django_db
def test_what_grew_since_it_was_looked_at_is_not_replaced(disk: FakeDisk) -> None:
    session = Telling(disk)
    scene = Scene(disk, default_store(), [])
    context = dataclasses.replace(scene.context(GUARD, session=session), profile=PROFILE)
    change = Change(ChangeKind.UPDATE, BIG, wanted(b"new"), Found("0" * 64, 7, LONG_AGO))

    with pytest.raises(FileTooLarge):
        keep_found(context, [change])

    assert session.given <= MEGABYTE + 64 * 1024
