"""Reads a product profile from TOML. Every mistake is told with file, entry and remedy; nothing is half-loaded."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any, TypeVar, cast, get_type_hints

from nodes.products.errors import ProfileError
from nodes.products.patterns import pattern_problem
from nodes.products.profile import (
    Effect,
    FeatureRule,
    FolderRule,
    Profile,
    RegistryKey,
    Rule,
    Ruling,
    Source,
)

__all__ = ["ProfileError", "load_profile", "profile_names"]

_SHIPPED = Path(__file__).parent
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SEMAPHORE = re.compile(r"[A-Z0-9]{1,40}\.SEM")
_WRITTEN_SOURCES = (Source.GUIDE, Source.VENDOR, Source.COMMUNITY, Source.ASSUMED, Source.PORTAL)

_TEXTS = ("label", "semaphore_folder", "lock_semaphore", "fallback_semaphore")
_TIMING = {
    "stable_seconds": (0.0, 60.0),
    "settle_seconds": (0.0, 600.0),
    "settle_retries": (0, 20),
    "semaphore_wait_seconds": (0.0, 3600.0),
    "watch_seconds": (0.2, 3600.0),
}
_BRAKES = {
    "churn_per_hour": (1, 100_000),
    "shrink_share": (0.0, 1.0),
    "change_share": (0.0, 1.0),
    "least_files": (1, 100_000),
    "clock_limit_seconds": (1.0, 86_400.0),
}
_SIZES = {"file_mb": (1, 65_536), "total_mb": (1, 1_048_576)}
_LIMITS = {"group": (0, 1000)}
_KEYS = {"path_class": "class"}

_EMPTY: Mapping[str, Any] = {"rules": (), "folders": (), "registry": (), "features": ()}
_Choice = TypeVar("_Choice", bound=StrEnum)
_Read = TypeVar("_Read")


def profile_names(folder: str = "") -> tuple[str, ...]:
    """The profiles there are: the shipped ones and those in a folder of the operator's."""
    folders = [_SHIPPED, *([Path(folder)] if folder else [])]
    return tuple(
        sorted({path.stem for place in folders for path in place.glob("*.toml") if _NAME.fullmatch(path.stem)})
    )


def load_profile(name: str, folder: str = "") -> Profile:
    """The profile of that name, from `folder` if it is there, else the shipped one; the same one again as long as no
    file changed. Raises ProfileError."""
    files = _files(folder)
    known = _LOADED.get((name, folder))
    if known is not None and known[0] == files:
        return known[1]
    profile = Profile(name=name, **_content(name, folder, ()))
    if len(_LOADED) >= LOADED_MOST:
        _LOADED.clear()
    _LOADED[name, folder] = (files, profile)
    return profile


_Files = frozenset[tuple[str, int, int, int, int]]
_LOADED: dict[tuple[str, str], tuple[_Files, Profile]] = {}
"""What was read last, with all files there were: which of them count, only reading tells."""
LOADED_MOST = 32


def _files(folder: str) -> _Files:
    """Every profile's file by what of it tells that it changed."""
    found = set()
    for place in (str(_SHIPPED), folder) if folder else (str(_SHIPPED),):
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if entry.name.endswith(".toml"):
                        stat = entry.stat()
                        found.add((entry.path, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino))
        except OSError:
            continue  # reading them says what is wrong
    return frozenset(found)


def _content(name: str, folder: str, above: tuple[Path, ...]) -> dict[str, Any]:
    """Arguments of a Profile: the file's own over those of the profile it extends. `above`: the files that led here."""
    path = _file_of(name, folder, above)
    table = _Table(str(path), "", _toml(path))
    base_name = table.text("extends", "")
    content = _content(base_name, folder, (*above, path)) if base_name else dict(_EMPTY)
    content.update(_scalars(table))
    rules = tuple(rule for found in table.entries("path", _rules) for rule in found)
    folders = table.entries("folder", _folder)
    registry = table.entries("registry", lambda entry: entry.read(RegistryKey))
    features = table.entries("feature", _feature)
    table.finish()
    codes = {rule.code for rule in features}
    content["features"] = (*(rule for rule in content["features"] if rule.code not in codes), *features)
    roles = {rule.role for rule in folders}
    content["rules"] = (*rules, *content["rules"])
    content["folders"] = (*(rule for rule in content["folders"] if rule.role not in roles), *folders)
    content["registry"] = (*registry, *content["registry"])
    if not content.get("label"):
        table.fail("label", "is missing", "give the product a name to show")
    return content


def _file_of(name: str, folder: str, above: tuple[Path, ...]) -> Path:
    """The profile's file; a file that extends its own name means the shipped one."""
    if _NAME.fullmatch(name):
        places = [*([Path(folder)] if folder else []), _SHIPPED]
        for path in (place / f"{name}.toml" for place in places):
            if path.is_file() and path not in above:
                return path
    if any(path.stem == name for path in above):
        raise ProfileError(f"{above[-1]}: extends: {name!r} leads back here; extend a profile that stands by itself.")
    known = ", ".join(profile_names(folder))
    raise ProfileError(f"There is no profile {name[:80]!r}; use one of: {known}.")


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ProfileError(f"{path}: no valid TOML: {error}. Mend that line.") from error
    except UnicodeDecodeError as error:
        raise ProfileError(f"{path}: not UTF-8 at byte {error.start}. Save the file as UTF-8.") from error
    except OSError as error:
        raise ProfileError(f"{path}: cannot be read: {error.strerror}. Give the portal's user access.") from error


class _Table:
    """A TOML table that is read key by key; what nobody asked for is a mistake."""

    def __init__(self, file: str, entry: str, content: Mapping[str, Any]) -> None:
        self._file = file
        self._entry = entry
        self._content = dict(content)
        self._asked: set[str] = set()

    def fail(self, key: str, problem: str, remedy: str) -> None:
        """Raise ProfileError for a key."""
        place = f"{self._entry}: {key}" if self._entry else key
        raise ProfileError(f"{self._file}: {place}: {problem}; {remedy}.")

    def given(self, readers: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
        """The values of those keys that are there."""
        self._asked.update(readers)
        return {key: read(key) for key, read in readers.items() if key in self._content}

    def _value(self, key: str, kind: type | tuple[type, ...], default: Any, wanted: str) -> Any:
        self._asked.add(key)
        value = self._content.get(key, default)
        if value is None:
            self.fail(key, "is missing", f"give {wanted}")
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            self.fail(key, f"{str(value)[:60]!r} is not {wanted}", f"give {wanted}")
        return value

    def text(self, key: str, default: str | None = None) -> str:
        """A text; required where there is no default."""
        return str(self._value(key, str, default, "a text"))

    def flag(self, key: str) -> bool:
        """true or false; false where absent."""
        return bool(self._value(key, bool, False, "true or false"))

    def number(self, key: str, limits: tuple[float, float], default: float | None = None) -> Any:
        """A number within limits; a whole one if the limits are."""
        whole = isinstance(limits[0], int)
        wanted = f"a {'whole ' if whole else ''}number from {limits[0]} to {limits[1]}"
        value = self._value(key, int if whole else (int, float), default, wanted)
        if not limits[0] <= value <= limits[1]:
            self.fail(key, f"{value} is out of range", f"give {wanted}")
        return value if whole else float(value)

    def choice(self, key: str, kind: type[_Choice], default: str | None = None) -> _Choice:
        """One of a few words."""
        allowed = _WRITTEN_SOURCES if kind is Source else tuple(kind)
        word = self.text(key, default)
        if word not in list(allowed):
            self.fail(key, f"there is no {word!r}", f"use one of: {', '.join(allowed)}")
        return kind(word)

    def texts(self, key: str) -> list[str]:
        """A list of at least one text."""
        values = self._value(key, list, None, "a list of texts")
        if not values or not all(isinstance(value, str) for value in values):
            self.fail(key, "is not a list of texts", "give at least one text in [ ]")
        return list(values)

    def table(self, key: str) -> _Table:
        """A table; empty where absent."""
        return _Table(self._file, f"[{key}]", self._value(key, dict, {}, "a table"))

    def entries(self, key: str, read: Callable[[_Table], _Read]) -> tuple[_Read, ...]:
        """What the entries `[[key]]` say, named by their number."""
        entries = self._value(key, list, [], f"entries written as [[{key}]]")
        if not all(isinstance(entry, dict) for entry in entries):
            self.fail(key, "is not a list of tables", f"write each entry as [[{key}]]")
        found: list[_Read] = []
        for number, content in enumerate(entries, 1):
            entry = _Table(self._file, f"[[{key}]] number {number}", content)
            found.append(read(entry))
            entry.finish()
        return tuple(found)

    def read(self, kind: type[_Read], **known: Any) -> _Read:
        """A dataclass from the keys that its fields name, but for those that are `known`."""
        kinds = get_type_hints(kind)
        for field in fields(cast(Any, kind)):
            if field.name not in known:
                default = None if field.default is MISSING else field.default
                known[field.name] = self._field(_KEYS.get(field.name, field.name), kinds[field.name], default)
        return kind(**known)

    def _field(self, key: str, kind: type, default: Any) -> Any:
        if kind is bool:
            return self.flag(key)
        if kind is int:
            return self.number(key, _LIMITS[key], default)
        return self.text(key, default) if kind is str else self.choice(key, kind, default)

    def finish(self) -> None:
        """Raise ProfileError for a key that nothing reads."""
        for key in self._content.keys() - self._asked:
            self.fail(key, "is not known", f"use only: {', '.join(sorted(self._asked))}")


def _scalars(table: _Table) -> dict[str, Any]:
    """Texts and numbers that the file gives; what it leaves out comes from elsewhere."""
    found: dict[str, Any] = table.given(dict.fromkeys(_TEXTS, table.text))
    for key in ("lock_semaphore", "fallback_semaphore"):
        if found.get(key) and not _SEMAPHORE.fullmatch(found[key]):
            table.fail(key, f"{found[key]!r} is no semaphore's name", "write it like RELOADCACHE.SEM")
    if "semaphore_folder" in found and pattern_problem(found["semaphore_folder"]):
        table.fail("semaphore_folder", "is no relative folder", "write it like App")
    for name, limits in (("timing", _TIMING), ("brakes", _BRAKES), ("limits", _SIZES)):
        numbers = table.table(name)
        found.update(numbers.given({key: partial(numbers.number, limits=limits[key]) for key in limits}))
        numbers.finish()
    routing = table.table("routing")
    found.update(routing.given({"routing_since": routing.text}))
    if "routing_since" in found:
        found["routing_source"] = routing.choice("source", Source)
    routing.finish()
    return found


def _rules(entry: _Table) -> list[Rule]:
    """One rule a pattern."""
    patterns = entry.texts("patterns")
    for pattern in patterns:
        problem = pattern_problem(pattern)
        if problem:
            entry.fail("patterns", f"{pattern[:80]!r}: {problem}", "or take it out")
    ruling = _ruling(entry)
    note = entry.text("note", "")
    return [Rule(pattern, ruling, note) for pattern in patterns]


def _ruling(entry: _Table) -> Ruling:
    semaphore = entry.text("semaphore", "")
    if semaphore and not _SEMAPHORE.fullmatch(semaphore):
        entry.fail("semaphore", f"{semaphore!r} is no semaphore's name", "write it like USERLIST.SEM")
    effect = entry.choice("effect", Effect, Effect.SEMAPHORE if semaphore else Effect.NONE)
    if bool(semaphore) != (effect == Effect.SEMAPHORE):
        entry.fail("effect", f"{effect.value!r} does not go with the semaphore", "give either a semaphore or an effect")
    return entry.read(Ruling, semaphore=semaphore or None, effect=effect)


def _folder(entry: _Table) -> FolderRule:
    rule = entry.read(FolderRule)
    if pattern_problem(rule.default) or set("*?") & set(rule.default):
        entry.fail("default", f"{rule.default[:80]!r} is no relative folder", "write it like Public Folders")
    return rule


def _feature(entry: _Table) -> FeatureRule:
    rule = entry.read(FeatureRule)
    given = [bool(part) for part in (rule.path, rule.section, rule.key, rule.off)]
    if any(given) and not all(given):
        entry.fail("key", "is half given", "give path, section, key and off together, or none of them")
    return rule
