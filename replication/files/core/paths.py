"""RelPath: a file's place below a node's installation folder, checked once and then trusted.

Always with `/`, never absolute, never with `..`, `.` or empty parts, never with NUL. Names that one platform cannot
hold (a colon on Windows) are that platform's to refuse (`Platform.name_problem`).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable

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


def folders_of(paths: Iterable[str], most: int) -> set[str]:
    """Every folder that some of the paths lie in, however deep; the search ends where they are more than `most`."""
    found: set[str] = set()
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder and folder not in found:
            found.add(folder)
            folder = folder.rpartition("/")[0]
        if len(found) > most:
            break
    return found


def emptied_folders(
    folders: Iterable[str], *, written: Iterable[str], held: Iterable[str], before: Iterable[str], folds_case: bool
) -> list[str]:
    """Of the folders that were listed, those that came with files which replication wrote (`written`), in which no file
    is left (`held`: all that is known to be there), and which were not there before it (`before`)."""

    def keys(names: Iterable[str]) -> set[str]:
        return {identity(name, folds_case=folds_case) for name in names}

    def above(paths: Iterable[str]) -> set[str]:
        return keys({folder for path in paths for folder in folders_above(path)})

    ours = above(written) - above(held) - keys(before)
    return [folder for folder in folders if identity(folder, folds_case=folds_case) in ours]


def not_ours(folders: Collection[str], before: Collection[str] | None, *, folds_case: bool) -> Collection[str]:
    """Of the folders that were listed, those that were there before replication; all where that is not known (None)."""
    if before is None:
        return folders
    keys = {identity(folder, folds_case=folds_case) for folder in before}
    return [folder for folder in folders if identity(folder, folds_case=folds_case) in keys]


def path_problem(text: str) -> str | None:
    """Why `text` is no relative path; None if it is one."""
    if not text:
        return "the path is empty"
    if len(text) > MAX_LENGTH:
        return f"the path is longer than {MAX_LENGTH} characters"
    if text.startswith("/"):
        return "the path is not relative"
    # a few searches instead of a list and a set for each of many thousand paths
    may_be_odd = text[0] == "." or text[-1] == "/" or "//" in text or "/." in text
    if may_be_odd and not {"", ".", ".."}.isdisjoint(text.split("/")):
        return "the path has an empty, '.' or '..' part"
    return _character_problem(text)


def _character_problem(text: str) -> str | None:
    if "\0" in text:
        return "the path holds a NUL"
    if text.isascii():
        return None
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "the path is not valid Unicode"
    return None
