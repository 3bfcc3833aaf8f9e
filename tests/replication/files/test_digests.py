"""How many files one command hashes."""

from __future__ import annotations

from typing import Any

import pytest

from nodes.connection.connect import NodeLink
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.products.loading import load_profile
from replication.files import digests
from replication.files.core.paths import RelPath
from replication.files.digests import HASH_BATCH, SMALL_BATCH, SMALL_BATCH_BYTES, UNKNOWN, by_hashing

NOBODY: Any = None
FILES = 2 * SMALL_BATCH
MEAN = SMALL_BATCH_BYTES // (2 * HASH_BATCH)
"""Bytes of files of which one command hashes twice as many as of large ones."""


@pytest.mark.parametrize(
    ("sizes", "at_once"),
    [
        (UNKNOWN, HASH_BATCH),
        ([100] * FILES, SMALL_BATCH),
        ([0] * FILES, HASH_BATCH),
        ([MEAN] * FILES, 2 * HASH_BATCH),
        ([2 * MEAN, 0] * SMALL_BATCH, 2 * HASH_BATCH),
        ([1 << 30] * FILES, HASH_BATCH),
    ],
)
def test_a_command_hashes_as_many_files_as_are_small(
    sizes: list[int | None], at_once: int, monkeypatch: pytest.MonkeyPatch
):
    asked: list[int] = []

    def hashed(link: object, folder: str, paths: list[str], guard: object) -> dict[str, str]:
        asked.append(len(paths))
        return dict.fromkeys(paths, "0" * 64)

    monkeypatch.setattr(digests, "hash_on_node", hashed)
    link = NodeLink(NOBODY, platform_named("posix"), "/srv", Capabilities(can_hash=True), 1, "mx1")
    paths = [RelPath(f"{number}") for number in range(FILES)]
    found = by_hashing(link, load_profile("mdaemon"), NOBODY, sizes=sizes)(paths)
    assert asked == [at_once] * (FILES // at_once)
    assert found.keys() == set(paths)
