"""Whether a node finds the shared folders; asking is stopped like any other question."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from nodes.connection.connect import NodeLink
from nodes.connection.reader import Reader
from nodes.errors import LimitBroken
from nodes.facts.share_access import try_shares
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.platforms.unc import UncPath
from nodes.products.profile import FolderPath
from nodes.remote.session import Progress, RemoteEntry
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession


class Endless(FakeSession):
    """What a link leads to is listed for ever."""

    def list_folder(self, path: str, *, progress: Progress | None = None) -> Sequence[RemoteEntry]:
        for _ in range(1000):
            if progress is not None:
                progress(0)
        return ()


def test_a_link_that_lists_for_ever_is_left_when_the_time_is_up() -> None:
    disk = FakeDisk()
    disk.put_link("/srv/mail", "/shared/mail")
    link = NodeLink(Endless(disk), platform_named("posix"), "/srv", Capabilities(), 1, "mx")
    asked: list[int] = []

    def alive() -> None:
        asked.append(1)
        if len(asked) > 10:
            raise LimitBroken("It took too long.")

    place = FolderPath("mail", "mail", "/srv/mail", "", "", "", "test")
    with pytest.raises(LimitBroken):
        try_shares(Reader(link, alive=alive), [place])


def test_a_place_on_a_share_is_looked_for_where_a_posix_node_mounts_it() -> None:
    disk = FakeDisk()
    disk.put_folder("/mnt/mail/Users")
    reader = Reader(NodeLink(FakeSession(disk), platform_named("posix"), "/srv", Capabilities(), 1, "mx"))
    users = FolderPath("users", "Mail folders", "\\\\files\\mail\\Users", "", "", "", "test")
    (there,) = try_shares(reader, [users], {UncPath.parse("\\\\FILES\\mail"): "/mnt/mail"})
    assert (there.found, there.why) == (True, "")
    (unknown,) = try_shares(reader, [users])
    assert unknown.found is None
    assert "mount point" in unknown.why
