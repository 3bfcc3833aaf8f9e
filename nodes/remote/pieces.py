"""Cutting and joining bytes into pieces of one size, without copying the rest of a large value again and again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def pieces(data: bytes | Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of exactly `size`, the last one shorter. Nothing for no bytes."""
    gathered = bytearray()
    for chunk in (data,) if isinstance(data, bytes) else data:
        view, start = memoryview(chunk), 0
        while start < len(view):
            taken = min(size - len(gathered), len(view) - start)
            gathered += view[start : start + taken]
            start += taken
            if len(gathered) == size:
                yield bytes(gathered)
                gathered.clear()
    if gathered:
        yield bytes(gathered)
