"""Which lines of which files change, so that features are switched off or stand as they did before."""

from __future__ import annotations

import difflib
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from nodes.connection.reader import Reader
from nodes.errors import RemoteFileMissing
from nodes.facts.core import FeatureSetting
from nodes.facts.feature_settings import read_switches
from nodes.facts.models import FeatureMemory
from nodes.products.ini import IniDocument
from nodes.products.profile import FeatureRule, PathClass, Profile
from replication.files.core.changes import (
    Change,
    ChangeKind,
    Found,
    Wanted,
)
from replication.files.core.manifest import Problem
from replication.files.core.paths import RelPath
from replication.objects import default_store

_SECOND = 10**9


@dataclass(frozen=True, slots=True)
class Edit:
    """One file as it is and as it shall be."""

    path: RelPath
    before: bytes
    after: bytes

    @property
    def diff(self) -> tuple[str, ...]:
        """The lines that change, and no others: other lines of the file may be secret."""
        before, after = (content.decode("latin-1").splitlines() for content in (self.before, self.after))
        lines = difflib.unified_diff(before, after, self.path, self.path, n=0, lineterm="")
        return tuple(lines)


def switching_off(reader: Reader, rules: Sequence[FeatureRule]) -> list[Edit]:
    """Every switch that is on. Raises NodeError, IniError."""
    on = [switch for switch in read_switches(reader, rules) if switch.is_on]
    return _edited(reader, [(switch, switch.off) for switch in on])


def giving_back(reader: Reader, memories: Sequence[FeatureMemory]) -> list[Edit]:
    """Only switches that still stand as they were switched: what somebody changed since stays, and so do files that are
    gone. Raises NodeError, IniError."""
    wanted = [
        (FeatureSetting(row.feature, row.path, row.section, row.key, row.off, None), row.value) for row in memories
    ]
    return _edited(reader, wanted, only_off=True)


def _edited(reader: Reader, wanted: Sequence[tuple[FeatureSetting, str]], *, only_off: bool = False) -> list[Edit]:
    edits = []
    for path in dict.fromkeys(switch.path for switch, _ in wanted):
        try:
            before = reader.file(path)
        except RemoteFileMissing:
            continue
        document = IniDocument.parse(before)
        for switch, value in (pair for pair in wanted if pair[0].path == path):
            now = _standing(document, switch)
            if now.value is not None and (now.is_off or not only_off):
                document = document.set(now.section, now.key, value)
        if document.to_bytes() != before:
            edits.append(Edit(RelPath(path), before, document.to_bytes()))
    return edits


def _standing(document: IniDocument, switch: FeatureSetting) -> FeatureSetting:
    value = document.get(switch.section, switch.key)
    return FeatureSetting(switch.feature, switch.path, switch.section, switch.key, switch.off, value)


def changes_of(edits: Sequence[Edit], profile: Profile) -> tuple[tuple[Change, ...], tuple[Problem, ...]]:
    """Each edit as a step, its content in the store; a file that is no configuration is a problem instead."""
    changes, problems = [], []
    for edit in edits:
        ruling = profile.classify(edit.path)
        if ruling.path_class != PathClass.CONFIG:
            text = f"It is {ruling.path_class} by the profile and is never written."
            problems.append(Problem(edit.path, "not_config", text))
            continue
        default_store().put(edit.after, secret=ruling.secret)
        wanted = Wanted(digest(edit.after), len(edit.after), time.time_ns() // _SECOND * _SECOND, shared=False)
        found = Found(digest(edit.before), len(edit.before), 0)
        changes.append(
            Change(ChangeKind.UPDATE, edit.path, wanted, found, ruling.group, ruling.semaphore, str(ruling.effect))
        )
    return tuple(changes), tuple(problems)


def digest(content: bytes) -> str:
    """How a file's content is compared."""
    return hashlib.sha256(content).hexdigest()
