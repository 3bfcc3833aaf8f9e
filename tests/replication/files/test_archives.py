"""Many small files of a real node, read by archives: the same as read one by one, and whatever is odd goes that way."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from nodes.connection.connect import NodeLink
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities, ListedFile
from nodes.products.loading import load_profile
from nodes.remote.ssh import SshSession
from replication.files import archives
from replication.files.archives import ARCHIVE_BYTES, LARGEST, in_archives
from replication.files.core.paths import RelPath
from replication.files.digests import Digests
from tests.fakes.store import FakeStore
from tests.journeys.trees import AWKWARD
from tests.sshd import a_session


class Guard:
    def __init__(self) -> None:
        self.check = self.progress = lambda **_: None


@dataclass(slots=True)
class Primary:
    """A node with files; `alone`: those that were left to be read one by one."""

    root: Path
    session: SshSession
    store: Any = field(default_factory=FakeStore)
    alone: list[RelPath] = field(default_factory=list)

    def put(self, **sizes: int) -> None:
        for name, size in sizes.items():
            (self.root / name).write_bytes(os.urandom(size))

    def listed(self) -> dict[RelPath, ListedFile]:
        paths = sorted(path for path in self.root.rglob("*") if path.is_file())
        return {
            RelPath(str(path.relative_to(self.root))): ListedFile(str(path), "file", path.stat().st_size, 0)
            for path in paths
        }

    def read(self, files: dict[RelPath, ListedFile], *, able: bool = True) -> Digests:
        capabilities = Capabilities(can_list=True, can_archive=able)
        link = NodeLink(self.session, platform_named("posix"), str(self.root), capabilities, 1, "mx0")
        guard: Any = Guard()
        return in_archives(self.store, link, load_profile("mdaemon"), guard, otherwise=self._otherwise)(files)

    def _otherwise(self, paths: Sequence[RelPath]) -> Digests:
        self.alone += paths
        return dict.fromkeys(paths, "read alone")

    def holds(self, digests: Digests) -> bool:
        """Whether each digest is its file's, and the store has it."""
        return all(
            digest == hashlib.sha256(content).hexdigest() and self.store.get(digest) == content
            for path, digest in digests.items()
            for content in [(self.root / path).read_bytes()]
            if isinstance(digest, str) and path not in self.alone
        )


@pytest.fixture
def primary(tmp_path: Path) -> Iterator[Primary]:
    (tmp_path / "root").mkdir()
    with a_session(tmp_path / "sshd") as session:
        yield Primary(tmp_path / "root", session)


def test_awkward_names_empty_files_and_second_names_are_read(primary: Primary) -> None:
    for folder in ("", "-x/", "in side/d\u00e9ep" + "p" * 100 + "/"):
        for number, name in enumerate(AWKWARD):
            path = primary.root / f"{folder}{name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"{folder}{name}".encode() * number * 20)
    (primary.root / "twin").hardlink_to(primary.root / AWKWARD[3])
    files = primary.listed()
    digests = primary.read(files)
    assert digests.keys() == files.keys()
    assert not primary.alone
    assert primary.holds(digests)


def test_many_archives_hold_what_one_does_not(primary: Primary, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "ARCHIVE_FILES", 7)
    primary.put(**{f"file{number}": number * 1000 for number in range(50)}, large=LARGEST + 1)
    digests = primary.read(primary.listed())
    assert primary.alone == [RelPath("file9"), RelPath("large")]  # fewer than are worth a command, and what is large
    assert primary.holds(digests)


def test_what_is_not_as_it_was_listed_is_read_alone(primary: Primary) -> None:
    primary.put(a=10, b=10, c=10, d=10, e=10)
    files = primary.listed()
    primary.put(b=11)
    digests = primary.read(files)
    assert primary.alone == [RelPath("b")]
    assert primary.holds(digests)


def test_one_that_cannot_be_read_leaves_the_others_to_be_read_alone(primary: Primary) -> None:
    primary.put(a=10, b=10, c=10, d=10, e=10)
    files = primary.listed()
    (primary.root / "b").unlink()
    assert primary.read(files).keys() == files.keys()
    assert primary.alone == list(files)


def test_a_file_that_became_a_link_is_not_followed(primary: Primary, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"0123456789")
    primary.put(a=10, b=10, c=10, d=10, e=10)
    files = primary.listed()
    (primary.root / "b").unlink()
    (primary.root / "b").symlink_to(tmp_path / "secret")
    primary.read(files)
    assert primary.alone == [RelPath("b")]


@pytest.mark.parametrize("able", [True, False])
def test_few_files_and_those_of_other_nodes_are_read_alone(primary: Primary, *, able: bool) -> None:
    primary.put(**{f"file{number}": 10 for number in range(2 if able else 20)})
    files = primary.listed()
    primary.read(files, able=able)
    assert primary.alone == list(files)


def test_an_answer_larger_than_what_was_listed_is_not_held(primary: Primary) -> None:
    primary.put(a=10, b=10, c=10, d=10)
    files = primary.listed()
    primary.put(d=ARCHIVE_BYTES)
    primary.read(files)
    assert primary.alone == list(files)
