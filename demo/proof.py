"""The demo's own look at the trees, apart from what the portal says: are the configuration files equal on all nodes?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nodes.products.ini import IniError
from nodes.products.ini_render import differing_values
from nodes.products.profile import PathClass, Profile


@dataclass(frozen=True, slots=True)
class Comparison:
    """One secondary against the primary. `own_keys`: ini keys in which it differs; `differing`: files that differ in
    anything else; `extras`: configuration files only it has."""

    equal: int
    own_keys: tuple[str, ...]
    differing: tuple[str, ...]
    extras: tuple[str, ...]


def config_files(root: Path, profile: Profile) -> dict[str, bytes]:
    """Every file that the profile calls configuration, with its content."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and profile.classify(name).path_class is PathClass.CONFIG:
            found[name] = path.read_bytes()
    return found


def compare(primary: Path, secondary: Path, profile: Profile) -> Comparison:
    """Compare byte for byte; an ini file that differs is compared key for key."""
    wanted, actual = config_files(primary, profile), config_files(secondary, profile)
    unequal = [name for name in wanted if actual.get(name) != wanted[name]]
    own: list[str] = []
    differing = [name for name in unequal if name not in actual or not _own_keys(wanted[name], actual[name], own)]
    extras = tuple(sorted(actual.keys() - wanted.keys()))
    return Comparison(len(wanted) - len(unequal), tuple(own), tuple(differing), extras)


def _own_keys(wanted: bytes, actual: bytes, into: list[str]) -> bool:
    try:
        keys = differing_values(wanted, actual)
    except IniError:
        return False
    into.extend(f"[{key.section}] {key.key}" for key in keys)
    return bool(keys)
