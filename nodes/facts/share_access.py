"""Whether a node finds the folders that all nodes share. They are looked at; nothing is written there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from nodes.connection.reader import Reader
from nodes.errors import LimitBroken, NodeError, RemoteDenied, RemoteFileMissing, SessionLost
from nodes.facts.core import ShareAccess
from nodes.platforms.base import Platform
from nodes.platforms.unc import UncPath
from nodes.products.profile import FolderPath, Profile
from nodes.remote.session import FileKind
from nodes.shares.spelling import remote_path


def shared_outside(folders: Iterable[FolderPath], profile: Profile) -> tuple[FolderPath, ...]:
    """The folders that nodes share and that lie outside an installation folder, each place once."""
    found = [folder for folder in folders if folder.role in profile.shared_roles and not folder.inside]
    return tuple({folder.path: folder for folder in found}.values())


def try_shares(
    reader: Reader, places: Sequence[FolderPath], mounts: Mapping[UncPath, str] | None = None
) -> tuple[ShareAccess, ...]:
    """Each place, and whether the node finds a folder there. `mounts`: where the node mounts which share. Raises
    SessionLost, LimitBroken."""
    return tuple(_tried(reader, place, mounts or {}) for place in places)


def _tried(reader: Reader, place: FolderPath, mounts: Mapping[UncPath, str]) -> ShareAccess:
    try:
        why = _missing(reader, _spelled(reader.link.platform, place.path, mounts))
    except (SessionLost, LimitBroken):
        raise
    except RemoteDenied:
        return ShareAccess(place.label, place.path, found=False, why="access is denied")
    except RemoteFileMissing:
        return ShareAccess(place.label, place.path, found=False, why="it is not there")
    except (NodeError, ValueError) as error:
        return ShareAccess(place.label, place.path, found=None, why=str(error).rstrip("."))
    return ShareAccess(place.label, place.path, found=not why, why=why)


def _spelled(platform: Platform, path: str, mounts: Mapping[UncPath, str]) -> str:
    """A place as SFTP spells it: one on a share, on a system without UNC paths, by its mount point. Raises
    ValueError."""
    is_mounted = platform.name != "windows" and path.startswith("\\\\")
    return remote_path(platform, mounts, UncPath.parse(path)) if is_mounted else platform.sftp_path(path)


def _missing(reader: Reader, path: str) -> str:
    """Why there is no folder; "" where there is one."""
    reader.go_on()
    stat = reader.link.session.stat(path)
    if stat is None:
        return "it is not there"
    if stat.kind is FileKind.LINK:
        reader.folder(path)
        return ""
    return "" if stat.kind is FileKind.FOLDER else "a file is there, no folder"
