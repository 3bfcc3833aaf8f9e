"""One spelling of each name, for nodes whose system does not tell upper and lower case apart.

Such a node may hold `App/MDaemon.ini` where the primary has `App/mdaemon.INI`. To everything that looks a file up by
its path, be it a proof, a decision on its keys or a plan, it must be one file under one name: the primary's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeVar

from replication.files.core.manifest import Manifest
from replication.files.core.paths import RelPath

Value = TypeVar("Value")


class Spelling:
    """How known files, and the folders they lie in, are spelled. Without names everything stays as it is.

    Only case may differ, letter by letter: Windows takes composed and decomposed letters, or "ss" and a sharp s, for
    different names.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._known: dict[str, str] = {}
        for name in names:
            part = str(name)
            while part and part.lower() not in self._known:
                self._known[part.lower()] = part
                part = part.rpartition("/")[0]

    def of(self, path: str) -> str:
        """The path as it is known, or as much of it as is."""
        head, rest = path, ""
        while head:
            known = self._known.get(head.lower())
            if known is not None:
                return known + rest
            head, _, last = head.rpartition("/")
            rest = f"/{last}{rest}"
        return path

    def keys(self, found: Mapping[RelPath, Value]) -> dict[RelPath, Value]:
        """The same values under the known names; where two would get one name, both keep theirs."""
        if not self._known:
            return dict(found)
        names = {path: RelPath(self.of(path)) for path in found}
        wanted = Counter(names.values())
        return {names[path] if wanted[names[path]] == 1 else path: value for path, value in found.items()}

    def manifest(self, found: Manifest) -> Manifest:
        """The same files under the known names."""
        return replace(found, files=self.keys(found.files))
