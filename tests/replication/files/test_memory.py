"""No file is held in memory whole, on none of its ways."""

from __future__ import annotations

import dataclasses
import tracemalloc
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import pytest

from nodes.products.profile import MEGABYTE
from nodes.remote.session import RemoteEntry, Written
from replication.files.apply.bundles import Item, bundle_of
from replication.files.apply.keep import keep_found
from replication.files.apply.staging import Staged, stage
from replication.files.core.changes import Change, ChangeKind, Found, Wanted
from replication.files.core.manifest import Manifest
from replication.files.core.paths import RelPath
from replication.files.scan import scan_node, scan_primary
from replication.objects import default_store
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession
from tests.replication.files.rounds import PROFILE, ROOT, Interrupting, Scene

SIZE = 48 * MEGABYTE
HELD = 12 * MEGABYTE
"""The store writes 4 MiB at once, and compresses, seals and reads by 1 MiB."""
PATH = RelPath("App/Userlist.dat")
LONG_AGO = 1_600_000_000 * 10**9
GUARD = Interrupting("", Exception())


class Vast(FakeSession):
    """Files are vast, and nothing of them is anywhere."""

    def list_folder(self, path: str, **options: Any) -> Sequence[RemoteEntry]:
        entries = super().list_folder(path, **options)
        return [dataclasses.replace(one, stat=dataclasses.replace(one.stat, size=SIZE)) for one in entries]

    def read(self, path: str, **_: object) -> Iterator[bytes]:
        for _number in range(SIZE // (32 * 1024)):
            yield bytes(32 * 1024)

    def write_new(self, path: str, chunks: Iterable[bytes], **_: object) -> Written:
        assert sum(map(len, chunks)) == SIZE
        return super().write_new(path, [])


@pytest.fixture
def context() -> Any:
    disk = FakeDisk()
    disk.put(f"{ROOT}/{PATH}", b"", mtime_ns=LONG_AGO)
    return Scene(disk, default_store(), []).context(GUARD, session=Vast(disk))


def held(act: Callable[[], object]) -> int:
    """Bytes that an act held at once, at most."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.django_db
def test_no_vast_file_is_held_whole(context: Any) -> None:
    link, profile, store = context.link, PROFILE, default_store()
    seen: dict[str, Any] = {}

    def scanned() -> None:
        with store.batch() as batch:
            seen["primary"] = scan_primary(
                link, profile, known=Manifest(), scan_ns=2 * LONG_AGO, store=batch, guard=GUARD
            )

    def looked() -> None:
        seen["node"] = scan_node(link, profile, known=Manifest(), scan_ns=2 * LONG_AGO, guard=GUARD)

    assert held(scanned) < HELD
    assert held(looked) < HELD
    state = seen["primary"].manifest.files[PATH]
    assert (state.size, state.sha256) == (SIZE, seen["node"].manifest.files[PATH].sha256)
    wanted = Wanted(state.sha256, SIZE, LONG_AGO)
    update = Change(ChangeKind.UPDATE, PATH, wanted, Found("0" * 64, SIZE, LONG_AGO))
    assert held(lambda: keep_found(context, [update])) < HELD
    assert held(lambda: keep_found(context, [dataclasses.replace(update, found=Found(*seen_of(state)))])) < HELD
    assert held(lambda: stage(context, [update], Staged())) < HELD
    assert held(lambda: bundle_of(store, (Item("0", state.sha256, SIZE, 0),), GUARD)) < HELD


def seen_of(state: Any) -> tuple[str, int, int]:
    """What a plan that knows the content found."""
    return state.sha256, state.size, state.mtime_ns
