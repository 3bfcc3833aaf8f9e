"""Work in batches: as much as is done between two looks at whether to go on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

AT_ONCE = 256
"""Small requests to a node between two signs of life: a second or two on a slow line."""

Item = TypeVar("Item")


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """The items in their order, `size` at a time, the last batch shorter. Nothing for no items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
