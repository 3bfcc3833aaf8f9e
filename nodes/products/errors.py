"""What can be wrong with a product profile or an ini file; each message names the place and the remedy."""

from __future__ import annotations


class ProfileError(Exception):
    """A profile, or a pattern or class given for one, cannot be used."""


class IniError(Exception):
    """A file is no ini text, or a change cannot be written into it. `line` counts from 1, None: no line is meant."""

    def __init__(self, message: str, line: int | None = None) -> None:
        self.line = line
        super().__init__(message if line is None else f"line {line}: {message}")
