"""Which lines of which files change, so that features are switched off or stand as they did before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from nodes.connection.reader import Reader
from nodes.errors import RemoteFileMissing
from nodes.facts.core import FeatureSetting
from nodes.facts.feature_settings import read_switches
from nodes.facts.models import FeatureMemory
from nodes.products.ini import IniDocument, IniEdit
from nodes.products.profile import FeatureRule
from replication.files.core.paths import RelPath
from replication.files.edits import Edit


def switching_off(reader: Reader, rules: Sequence[FeatureRule]) -> list[Edit]:
    """Every switch that is on. Raises NodeError, IniError."""
    on = [switch for switch in read_switches(reader, rules) if switch.is_on]
    return _edited(reader, [(switch, switch.off) for switch in on])


def giving_back(reader: Reader, memories: Sequence[FeatureMemory]) -> list[Edit]:
    """Only switches that still stand as they were switched: what somebody changed since stays, and so do files that are
    gone. Raises NodeError, IniError."""
    wanted = [
        (FeatureSetting(row.feature, row.path, row.section, row.key, row.off, None), row.value.reveal())
        for row in memories
        if row.value is not None
    ]
    return _edited(reader, wanted, only_off=True)


def _edited(reader: Reader, wanted: Sequence[tuple[FeatureSetting, str]], *, only_off: bool = False) -> list[Edit]:
    edits = []
    for path in dict.fromkeys(switch.path for switch, _ in wanted):
        try:
            before = reader.file(path)
        except RemoteFileMissing:
            continue
        edit = IniEdit(IniDocument.parse(before))
        for switch, value in (pair for pair in wanted if pair[0].path == path):
            now = _standing(edit, switch)
            if now.value is not None and (now.is_off or not only_off):
                edit.set(now.section, now.key, value)
        after = edit.document().to_bytes()
        if after != before:
            edits.append(Edit(RelPath(path), before, after))
    return edits


def _standing(edit: IniEdit, switch: FeatureSetting) -> FeatureSetting:
    values = edit.values(switch.section, switch.key)
    return replace(switch, value=values[0] if values else None)
