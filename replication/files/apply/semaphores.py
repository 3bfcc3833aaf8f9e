"""Tell the mail server what changed: drop semaphore files, and watch them vanish.

MDaemon polls its App folder, acts on a semaphore and deletes it (source: vendor's knowledge base). One that stays means
a stopped server, which reads everything on its next start; LOCKSEMS.SEM means that somebody paused their processing.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nodes.errors import RemoteFileExists
from nodes.products.profile import Profile
from replication.files.apply.context import Context
from replication.files.core.changes import Change, Wanted
from replication.files.core.manifest import Manifest
from replication.files.core.paths import RelPath

POLL_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5)
"""Pauses between looks; the last one repeats."""


@dataclass(frozen=True, slots=True)
class Told:
    """Semaphores dropped, those that vanished, and whether processing is paused on the node."""

    dropped: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    locked: bool = False


def semaphores_for(changes: Sequence[Change], paths: Sequence[str]) -> tuple[str, ...]:
    """The semaphores that the changes to `paths` call for, each once."""
    done = set(paths)
    return tuple(sorted({change.semaphore for change in changes if change.semaphore and change.path in done}))


def semaphores_owed(
    profile: Profile, *, told: Manifest, wanted: Mapping[RelPath, Wanted], actual: Manifest, folds_case: bool
) -> tuple[str, ...]:
    """The semaphores for files that are as wanted now, but were not when the server was last told (`told`): whoever put
    them there did not live to say so."""
    there = {path.key(folds_case=folds_case): state.sha256 for path, state in actual.files.items()}
    before = {path.key(folds_case=folds_case): state.sha256 for path, state in told.files.items()}
    names = {path.key(folds_case=folds_case) for path in wanted}
    placed = [
        path
        for path, content in wanted.items()
        if there.get(key := path.key(folds_case=folds_case)) == content.sha256 != before.get(key)
    ]
    gone = [path for path in told.files if (key := path.key(folds_case=folds_case)) not in names and key not in there]
    semaphores = {profile.classify(path).semaphore for path in [*placed, *gone]}
    return tuple(sorted(name for name in semaphores if name))


def tell(context: Context, semaphores: Sequence[str]) -> Told:
    """Drop the semaphores and wait until they vanish or the profile's time is over."""
    if not semaphores:
        return Told()
    if _present(context, [context.profile.lock_semaphore]):
        return Told(dropped=(), locked=True)
    for name in semaphores:
        context.guard.check()
        try:
            context.link.session.write_new(_place(context, name), (b"",))
        except RemoteFileExists:
            continue
    context.guard.boundary("semaphores-dropped")
    left = _wait(context, semaphores)
    return Told(dropped=tuple(semaphores), taken=tuple(name for name in semaphores if name not in left))


def _wait(context: Context, semaphores: Sequence[str]) -> frozenset[str]:
    """The semaphores that are still there at the end."""
    context.guard.progress(phase="waiting for the mail server to take the semaphores")
    deadline = time.monotonic() + context.profile.semaphore_wait_seconds
    turn = 0
    left = _present(context, semaphores)
    while left and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS[min(turn, len(POLL_SECONDS) - 1)])
        turn += 1
        context.guard.progress()
        context.guard.check()
        left = _present(context, semaphores)
    return left


def _present(context: Context, semaphores: Sequence[str]) -> frozenset[str]:
    stats = context.link.session.stat_many([_place(context, name) for name in semaphores])
    return frozenset(name for name, stat in zip(semaphores, stats, strict=True) if stat is not None)


def _place(context: Context, name: str) -> str:
    return context.remote(f"{context.profile.semaphore_folder}/{name}")
