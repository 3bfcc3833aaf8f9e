"""RelPath: a file's place below a node's installation folder, checked once and then trusted.

Always with `/`, never absolute, never with `..`, `.` or empty parts, never with NUL. Names that one platform cannot
hold (a colon on Windows) are that platform's to refuse (`Platform.name_problem`).
"""

from __future__ import annotations

import unicodedata

MAX_LENGTH = 4096
"""Longest relative path in characters; PATH_MAX on Linux, well above Windows' practical limits."""


class RelPath(str):
    """A relative path. Compares, sorts and hashes as its text; `key` is what identity means on a folding system."""

    __slots__ = ()

    def __new__(cls, text: str) -> RelPath:
        """Check and make. Raises ValueError with the reason."""
        problem = path_problem(text)
        if problem:
            raise ValueError(f"{problem}: {text[:200]!r}")
        return super().__new__(cls, text)

    @property
    def name(self) -> str:
        """The last part."""
        return self.rpartition("/")[2]

    @property
    def folder(self) -> str:
        """What precedes the last part; "" at the top."""
        return self.rpartition("/")[0]

    def key(self, *, folds_case: bool) -> str:
        """What two spellings of one file share: NFC, and case-folded where the system folds case."""
        text = unicodedata.normalize("NFC", self) if folds_case else str(self)
        return text.casefold() if folds_case else text


def path_problem(text: str) -> str | None:
    """Why `text` is no relative path; None if it is one."""
    if not text:
        return "the path is empty"
    if len(text) > MAX_LENGTH:
        return f"the path is longer than {MAX_LENGTH} characters"
    if "\0" in text:
        return "the path holds a NUL"
    if text.startswith("/"):
        return "the path is not relative"
    if any(part in ("", ".", "..") for part in text.split("/")):
        return "the path has an empty, '.' or '..' part"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "the path is not valid Unicode"
    return None
