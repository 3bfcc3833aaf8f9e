"""Which lines of which files change, so that features are switched off or stand as they did before."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from nodes.connection.reader import Reader
from nodes.errors import RemoteFileMissing
from nodes.facts.core import FeatureSetting
from nodes.facts.feature_settings import read_switches
from nodes.facts.models import FeatureMemory
from nodes.products.ini import IniDocument, IniEdit, IniItem
from nodes.products.masking import is_secret, masked
from nodes.products.profile import FeatureRule, Profile
from replication.files.core.changes import (
    Change,
    ChangeKind,
    Found,
    Wanted,
)
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
        """The keys that change, and no others: other lines of the file may be secret. What looks like a secret itself
        is masked."""
        before, after = (IniDocument.parse(content).items() for content in (self.before, self.after))
        changed = [pair for pair in zip(before, after, strict=True) if pair[0].value != pair[1].value]
        return (f"--- {self.path}", f"+++ {self.path}", *(line for pair in changed for line in _hunk(*pair)))


def _hunk(old: IniItem, new: IniItem) -> tuple[str, str, str]:
    hidden = is_secret(old.section, old.key, old.value, new.value)
    was, becomes = (masked(one.value) if hidden else one.value for one in (old, new))
    return f"@@ -{old.line} +{new.line} @@ [{old.section}]", f"-{old.key}={was}", f"+{new.key}={becomes}"


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


def changes_of(edits: Sequence[Edit], profile: Profile) -> tuple[Change, ...]:
    """Each edit as a step, its content in the store."""
    changes = []
    for edit in edits:
        ruling = profile.classify(edit.path)
        default_store().put(edit.after, secret=ruling.secret)
        wanted = Wanted(digest(edit.after), len(edit.after), time.time_ns() // _SECOND * _SECOND, shared=False)
        found = Found(digest(edit.before), len(edit.before), 0)
        changes.append(
            Change(ChangeKind.UPDATE, edit.path, wanted, found, ruling.group, ruling.semaphore, str(ruling.effect))
        )
    return tuple(changes)


def digest(content: bytes) -> str:
    """How a file's content is compared."""
    return hashlib.sha256(content).hexdigest()
