r"""Where a node really keeps its folders, read from MDaemon.ini.

The names of the keys are not public, so they are not guessed: a key is a folder's key because of the value it holds. A
value that is the folder's default place, or another absolute path whose last name is the folder's, counts
(`\\srv\mail\Users\$DOMAIN$\$MAILBOX$\` is the folder Users). A key found on a node earlier is believed again, also
after the folder got another name.
"""

from __future__ import annotations

import ntpath
import posixpath
import re
from collections.abc import Sequence

from nodes.products.ini import IniDocument, IniItem
from nodes.products.profile import FolderPath, FolderRule, Profile, Source
from nodes.typed_json import TypedJson

__all__ = ["MACRO", "MAX_FOLDER", "FolderPath", "PathText", "effective_folders", "folders_from"]

MOST_PLACES = 20
"""So many places of one folder are told; which one it is, an operator has to decide anyhow."""

MAX_FOLDER = 1000
"""No folder's place is written in more characters."""

MACRO = re.compile(r"\$[A-Z]+\d*\$", re.I)
"""What the server fills in, such as `$MAILBOX$`."""

_FOLDERS: TypedJson[tuple[FolderPath, ...]] = TypedJson(tuple[FolderPath, ...])
_ABSOLUTE = {
    "windows": re.compile(r"[A-Za-z]:[\\/]|\\\\[^\\/]|//[^\\/]"),
    # on a share too: MDaemon.ini may have been written on Windows
    "posix": re.compile(r"/|\\\\[^\\/]"),
}


def folders_from(column: object) -> tuple[FolderPath, ...]:
    """The folders that a JSON column keeps. Raises ValueError naming the place of a wrong value."""
    return _FOLDERS.convert(column)


class PathText:
    """Path text of one platform: what is absolute, what is equal, what lies inside. A path on a share is spelled by
    Windows' rules wherever it stands."""

    def __init__(self, platform_name: str, root: str = "") -> None:
        self._windows = platform_name == "windows"
        self._absolute = _ABSOLUTE["windows" if self._windows else "posix"]
        self._root = root

    def folder_in(self, value: str) -> str:
        """The absolute path at the start of a value, up to its first macro; "" where there is none."""
        text = value.strip("\"' \t")
        if len(text) > MAX_FOLDER or not self._absolute.match(text) or "\0" in text:
            return ""
        macro = MACRO.search(text)
        if macro:
            text = text[: macro.start()]
            text = text[: max(text.rfind("\\"), text.rfind("/")) + 1]
        return self.plain(text)

    def by_windows_rules(self, path: str) -> bool:
        """Whether case does not count in a path, and both separators do."""
        return self._windows or path.startswith("\\\\")

    def plain(self, path: str) -> str:
        """A path without doubled or trailing separators and '.' parts."""
        module = ntpath if self.by_windows_rules(path) else posixpath
        plain = module.normpath(path) if path else ""
        return plain.rstrip("\\") if plain.startswith("\\\\") else plain  # normpath spares a share's last one

    def default(self, relative: str) -> str:
        """A relative folder of the profile as an absolute path."""
        return self.plain((ntpath if self._windows else posixpath).join(self._root, *relative.split("/")))

    def same(self, left: str, right: str) -> bool:
        """Whether two paths are one place."""
        return self.identity(left) == self.identity(right)

    def last_names(self, path: str, count: int) -> list[str]:
        """The last names of a path, folded."""
        return re.split(r"[\\/]" if self.by_windows_rules(path) else "/", path.casefold())[-count:]

    def inside(self, path: str) -> str:
        """The path relative to the root with `/`; "" outside or at the root."""
        separator = "\\" if self._windows else "/"
        root = self.identity(self._root).rstrip("\\/").split(separator)  # by parts: folding may make one longer
        parts = self.plain(path).split(separator)
        is_inside = self.identity(path).split(separator)[: len(root)] == root and len(parts) > len(root)
        return "/".join(parts[len(root) :]) if is_inside else ""

    def identity(self, path: str) -> str:
        """What all spellings of one place share."""
        plain = self.plain(path)
        return plain.casefold() if self.by_windows_rules(path) else plain


def effective_folders(
    ini: IniDocument,
    install_root: str,
    platform_name: str,
    profile: Profile,
    known: Sequence[FolderPath] = (),
) -> tuple[FolderPath, ...]:
    """Where each of the profile's folders lies. `known`: what was found before, whose keys are looked at before values
    are; those that a person confirmed, whose source is the operator, before all else.

    A role appears more than once (at most MOST_PLACES times) where the file names several places for it: an operator
    has to decide. Where it names none, the default place is answered with the source of the profile's entry.
    """
    paths = PathText(platform_name, install_root)
    places = [(item, folder) for item in ini.items() if (folder := paths.folder_in(item.value))]
    found: list[FolderPath] = []
    for rule in profile.folders:
        default = paths.default(rule.default)
        learned = [folder for folder in known if folder.role == rule.role and folder.key]
        hit = _by_key(rule, learned, places) or _by_value(rule, default, places, paths)
        for path, item, source in hit or [(default, None, rule.source)]:
            section, key = (item.section, item.key) if item else ("", "")
            inside = paths.inside(path)
            found.append(FolderPath(rule.role, rule.label, path, default, section, key, source.value, inside))
    return tuple(found)


_Place = tuple[IniItem, str]
_Hit = list[tuple[str, IniItem | None, Source]]


def _by_key(rule: FolderRule, learned: Sequence[FolderPath], places: Sequence[_Place]) -> _Hit:
    """The value of a key that is known by a person's word, by evidence or from before, the first in this order."""
    said = [(one.section, one.key, Source.OPERATOR) for one in learned if one.source == Source.OPERATOR]
    evident = [(rule.section, rule.key, rule.key_source)] if rule.key else []
    found = [(one.section, one.key, Source.DISCOVERED) for one in learned if one.source != Source.OPERATOR]
    for section, key, source in (*said, *evident, *found):
        wanted = section.casefold(), key.casefold()
        for item, folder in places:
            if (item.section.casefold(), item.key.casefold()) == wanted:
                return [(folder, item, source)]
    return []


def _by_value(rule: FolderRule, default: str, places: Sequence[_Place], paths: PathText) -> _Hit:
    """Values that are the default place; else the distinct ones that end in the folder's name."""
    names = rule.default.casefold().split("/")
    at_default = [(item, folder) for item, folder in places if paths.same(folder, default)]
    if at_default:
        return [(default, at_default[0][0], Source.DISCOVERED)]
    distinct: dict[str, tuple[str, IniItem | None, Source]] = {}
    for item, folder in places:
        if paths.last_names(folder, len(names)) == names:
            distinct.setdefault(paths.identity(folder), (folder, item, Source.DISCOVERED))
            if len(distinct) == MOST_PLACES:
                break
    return list(distinct.values())
