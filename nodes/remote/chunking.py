"""Cutting and joining bytes, without copying the rest of a large value again and again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def cut(data: bytes | Iterable[bytes], largest: int) -> Iterator[bytes]:
    """The same bytes in pieces of at most `largest`. Small ones pass as they come, so that nothing waits for more."""
    for chunk in (data,) if isinstance(data, bytes) else data:
        for start in range(0, len(chunk), largest):
            yield chunk[start : start + largest]


def pieces(data: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The same bytes in pieces of exactly `size`, the last one shorter. Nothing for no bytes."""
    gathered = bytearray()
    for chunk in cut(data, size):
        missing = size - len(gathered)
        gathered += chunk[:missing]
        if len(gathered) == size:
            yield bytes(gathered)
            gathered[:] = chunk[missing:]
    if gathered:
        yield bytes(gathered)
