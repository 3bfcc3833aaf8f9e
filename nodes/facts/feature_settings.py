"""How the switches of the incompatible features stand in a node's files. Nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence

from nodes.connection.reader import Reader
from nodes.errors import RemoteFileMissing
from nodes.facts.core import EVERY_SECTION, FeatureSetting
from nodes.products.ini import IniDocument, IniError, IniItem
from nodes.products.profile import FeatureRule
from nodes.validators import MAX_INI_NAME

MAX_SWITCHES = 10_000
"""Switches of one feature in one file: a server has some thousand domains at most."""


def switches_in(rule: FeatureRule, ini: IniDocument | None) -> list[FeatureSetting]:
    """A feature's switches in a file; one without a value where the key is nowhere. `ini` None: there is no file.
    Raises IniError for more than anybody has."""
    items = ini.items() if ini else ()
    found: dict[tuple[str, str], FeatureSetting] = {}
    for item in items:
        in_section = rule.section == EVERY_SECTION or item.section.casefold() == rule.section.casefold()
        place = (item.section.casefold(), item.key.casefold())
        # of several equal keys Windows reads the first
        if in_section and place[1] == rule.key.casefold() and place not in found:
            _check_kept(rule, item, len(found))
            found[place] = FeatureSetting(rule.code, rule.path, item.section, item.key, rule.off, item.value)
    return list(found.values()) or [FeatureSetting(rule.code, rule.path, rule.section, rule.key, rule.off, None)]


def _check_kept(rule: FeatureRule, item: IniItem, before: int) -> None:
    """Raise IniError where a node has more, or longer, switches than are kept."""
    if before == MAX_SWITCHES:
        raise IniError(f"{rule.path} has more than {MAX_SWITCHES} switches of one feature.", item.line)
    if max(len(item.section), len(item.key)) > MAX_INI_NAME:
        raise IniError(f"the names of a switch in {rule.path} are longer than {MAX_INI_NAME} characters.", item.line)


def read_switches(reader: Reader, rules: Sequence[FeatureRule]) -> tuple[FeatureSetting, ...]:
    """Every known switch, each file read once. Raises NodeError, IniError."""
    known = [rule for rule in rules if rule.key]
    files = {path: _parsed(reader, path) for path in dict.fromkeys(rule.path for rule in known)}
    return tuple(switch for rule in known for switch in switches_in(rule, files[rule.path]))


def _parsed(reader: Reader, path: str) -> IniDocument | None:
    try:
        return IniDocument.parse(reader.file(path))
    except RemoteFileMissing:
        return None
