"""Files that a plan changes line by line: as they are and as they shall be, what is shown of that, and their steps."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass

from nodes.products.ini import IniDocument, IniItem
from nodes.products.masking import is_secret, masked
from nodes.products.profile import Profile
from replication.files.core.changes import Change, ChangeKind, Found, Wanted
from replication.files.core.paths import RelPath
from replication.objects import default_store

_SECOND = 10**9


@dataclass(frozen=True, slots=True)
class Edit:
    """One file as it is and as it shall be. `plain`: what changes is known to be no secret, whatever it is called."""

    path: RelPath
    before: bytes
    after: bytes
    plain: bool = False

    @property
    def diff(self) -> tuple[str, ...]:
        """The keys that change, and no others: other lines of the file may be secret. What looks like a secret itself
        is masked, unless it is known to be none."""
        before, after = (IniDocument.parse(content).items() for content in (self.before, self.after))
        changed = [pair for pair in zip(before, after, strict=True) if pair[0].value != pair[1].value]
        return (
            f"--- {self.path}",
            f"+++ {self.path}",
            *(line for pair in changed for line in _hunk(*pair, plain=self.plain)),
        )


def _hunk(old: IniItem, new: IniItem, *, plain: bool) -> tuple[str, str, str]:
    hidden = not plain and is_secret(old.section, old.key, old.value, new.value)
    was, becomes = (masked(one.value) if hidden else one.value for one in (old, new))
    return f"@@ -{old.line} +{new.line} @@ [{old.section}]", f"-{old.key}={was}", f"+{new.key}={becomes}"


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
