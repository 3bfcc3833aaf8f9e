"""A new master key: put it first in the key file, seal everything again under it, and only then let the old ones go.

Other processes may go on meanwhile. They read the key file anew once it has changed, but what one of them sealed a
moment before may be committed a moment after its table was gone through. Therefore no key is destroyed: what leaves the
key file is kept beside it, everything is gone through once more after that, and a later rotation opens with it, too.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from cryptography.fernet import Fernet
from django.conf import settings

from accounts.audit import record
from accounts.principals import Principal
from nodes.counted import many
from nodes.credentials.sealed import Turn, places
from nodes.vault import key_lines, retired_file, retired_lines

ROUNDS = 5
"""How often everything is gone through until a round finds nothing to seal again."""


class KeysNeeded(Exception):
    """Something still needs an old key; the text says what, and how much of it."""


def add_key() -> None:
    """Put a new key in front; the old ones still open. Raises WrongKey where there is no readable key file."""
    _write(Path(settings.PORTAL_KEY_FILE), [Fernet.generate_key(), *key_lines()])


def seal_again(principal: Principal) -> list[Turn]:
    """Seal everything under the newest key, in rounds until one finds that all opens with that key alone. Answers what
    the rounds came to, a turn a place. Raises KeysNeeded where something opens with no key, or others go on sealing
    under an old one; WrongKey."""
    rounds = [_round()]
    while any(turn.again for turn in rounds[-1]) and len(rounds) < ROUNDS:
        rounds.append(_round())
    turns = [
        Turn(last.place, last.held, sum(turn.again for turn in turns), last.closed, last.why)
        for *turns, last in map(list, zip(*rounds, strict=True))
    ]
    if sealed := sum(turn.again for turn in turns):
        data = {turn.place: turn.again for turn in turns if turn.again}
        record(principal, "keys.rotate", f"Sealed {sealed} value(s) under the newest key.", data=data)
    _refuse_needed(rounds[-1])
    return turns


def _round() -> list[Turn]:
    return [go_through() for go_through in places()]


def _refuse_needed(last: Sequence[Turn]) -> None:
    if closed := [turn for turn in last if turn.closed]:
        which = "; ".join(f"{turn.closed} of {turn.held} in {turn.place} {turn.why}".strip() for turn in closed)
        raise KeysNeeded(
            f"Sealed values open with no key: {which}. Add the lost key to the key file, as its last line."
        )
    if needed := [turn for turn in last if turn.again]:
        which = "; ".join(f"{turn.again} of {turn.held} in {turn.place}" for turn in needed)
        raise KeysNeeded(f"Others still seal under an old key: {which}. Run it again with --keep-key.")


def retire_old_keys(principal: Principal) -> int:
    """Keep only the newest key in the key file, the others beside it; answers how many went. Call it after
    `seal_again` only. What was sealed under one of them meanwhile is sealed again. Raises as `seal_again`."""
    newest, *old = key_lines()
    if old:
        _write(retired_file(), list(dict.fromkeys([*old, *retired_lines()])))
        _write(Path(settings.PORTAL_KEY_FILE), [newest])
        record(
            principal, "keys.retire", f"Took {many(len(old), 'old key')} out of the key file.", data={"keys": len(old)}
        )
        seal_again(principal)
    return len(old)


def _write(path: Path, keys: Sequence[bytes]) -> None:
    """Replace a file of keys in one step; it is readable by its owner only from the first byte on."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(b"\n".join(keys) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)  # the one file must not be gone from the disk before the other is there
    finally:
        os.close(folder)
