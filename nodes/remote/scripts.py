"""The portal's scripts on a node: in a folder of the login's own, brought only when a person asks for it.

A login's home folder is closed to other users of the node, so that nobody can exchange a script between the moment it
is compared and the moment it runs. A script that is missing or differs from the portal's is not used.
"""

from __future__ import annotations

from dataclasses import dataclass

from nodes.errors import ChangedWhileRead, FileTooLarge, RemoteBusy, RemoteDenied, RemoteFileMissing
from nodes.platforms.base import Platform
from nodes.remote.session import FileKind, Session

FOLDER = ".clusterportal"
"""Below the login's home folder."""

MOST_NAMED = 100


@dataclass(frozen=True, slots=True)
class ScriptsSeen:
    """What lies in the portal's folder on a node. `files`: names of scripts of any version, MOST_NAMED at most.
    `whole`: all those that the portal would bring now are there, unchanged."""

    files: tuple[str, ...] = ()
    whole: bool = False


def seen(session: Session, platform: Platform) -> ScriptsSeen:
    """Which of the portal's scripts the node holds. Changes nothing. Raises the session's errors."""
    folder = _folder(session)
    try:
        names = _names(session, folder)
    except RemoteFileMissing:
        return ScriptsSeen()
    return ScriptsSeen(tuple(sorted(names)[:MOST_NAMED]), _all_there(session, platform, folder))


def prepared(session: Session, platform: Platform) -> Platform:
    """The platform's driver, using the scripts if the node holds all of them as they should be."""
    if not platform.scripts():
        return platform
    folder = _folder(session)
    return platform.with_scripts(folder) if _all_there(session, platform, folder) else platform


def bring(session: Session, platform: Platform) -> tuple[str, ...]:
    """Put the scripts on the node and take those of other versions away; answer the names of those that are new. Raises
    the session's errors."""
    wanted = platform.scripts()
    folder = _folder(session)
    session.make_folders(folder)
    missing = [name for name, content in wanted.items() if not _holds(session, f"{folder}/{name}", content)]
    _remove(session, folder, [*(set(_names(session, folder)) - set(wanted)), *missing])
    for name in missing:
        session.write_new(f"{folder}/{name}", [wanted[name]])
        if not _holds(session, f"{folder}/{name}", wanted[name]):
            raise RemoteBusy(f"{name} is another than was written; look at the node's antivirus.")
    return tuple(missing)


def take_away(session: Session) -> tuple[str, ...]:
    """Remove the scripts and their folder; answer the names of those that were there."""
    folder = _folder(session)
    try:
        names = _names(session, folder)
    except RemoteFileMissing:
        return ()
    _remove(session, folder, names)
    session.remove_folder(folder)
    return tuple(names)


def _all_there(session: Session, platform: Platform, folder: str) -> bool:
    return all(_holds(session, f"{folder}/{name}", content) for name, content in platform.scripts().items())


def _folder(session: Session) -> str:
    return f"{session.home().rstrip('/')}/{FOLDER}"


def _names(session: Session, folder: str) -> list[str]:
    """The names of the portal's scripts in the folder; whatever else lies there is never touched."""
    entries = session.list_folder(folder)
    return [entry.name for entry in entries if entry.stat.kind is FileKind.FILE and entry.name.endswith(".ps1")]


def _remove(session: Session, folder: str, names: list[str]) -> None:
    for outcome in session.remove_many([f"{folder}/{name}" for name in names]):
        if outcome is not None:
            raise outcome


def _holds(session: Session, path: str, content: bytes) -> bool:
    """Whether a file is exactly this; it is read no further than that takes."""
    try:
        facts = session.stat(path)
        if facts is None or facts.kind is not FileKind.FILE or facts.size != len(content):
            return False
        return b"".join(session.read(path, most=len(content))) == content
    except (ChangedWhileRead, FileTooLarge, RemoteDenied, RemoteFileMissing, RemoteBusy):
        return False
