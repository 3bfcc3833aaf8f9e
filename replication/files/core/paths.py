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
        return identity(self, folds_case=folds_case)


def identity(text: str, *, folds_case: bool) -> str:
    """`RelPath.key` for any text, such as the path of a problem that is no proper path."""
    return unicodedata.normalize("NFC", text).casefold() if folds_case else str(text)


def folders_above(path: str) -> list[str]:
    """The folders that a path lies in, innermost first; none for a name at the top."""
    parts = path.split("/")
    return ["/".join(parts[:end]) for end in range(len(parts) - 1, 0, -1)]


def path_problem(text: str) -> str | None:
    """Why `text` is no relative path; None if it is one."""
    if not text:
        return "the path is empty"
    if len(text) > MAX_LENGTH:
        return f"the path is longer than {MAX_LENGTH} characters"
    if text.startswith("/"):
        return "the path is not relative"
    if not {"", ".", ".."}.isdisjoint(text.split("/")):
        return "the path has an empty, '.' or '..' part"
    return _character_problem(text)


def _character_problem(text: str) -> str | None:
    if "\0" in text:
        return "the path holds a NUL"
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "the path is not valid Unicode"
    return None
