r"""Paths on file servers, as Windows spells them: `\\server\share\folder`. Pure."""

from __future__ import annotations

from dataclasses import dataclass


class UncError(ValueError):
    """A text is no UNC path that nodes can share; the sentence says what is wrong and how to write it."""


@dataclass(frozen=True, slots=True)
class UncPath:
    """A folder on a file server. Made by `parse`, which checks every part; `folders` may be empty: the share itself.
    Equal without regard to case."""

    server: str
    share: str
    folders: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> UncPath:
        r"""From what a person wrote, in any of its spellings. Raises UncError."""
        parts = [part for part in text.replace("/", "\\").split("\\") if part]
        if not text.replace("/", "\\").startswith("\\\\") or len(parts) < 2:
            raise UncError(rf"{text[:200]!r} names no share; write \\server\share or a folder below it.")
        return cls(parts[0], parts[1], tuple(parts[2:]))

    def __str__(self) -> str:
        r"""As Windows spells it, without a separator at the end."""
        return "\\".join(["", "", self.server, self.share, *self.folders])

    @property
    def root(self) -> UncPath:
        """The share."""
        return UncPath(self.server, self.share)

    def join(self, *names: str) -> UncPath:
        """A folder below. Raises UncError for what is no plain name."""
        return UncPath(self.server, self.share, (*self.folders, *names))
