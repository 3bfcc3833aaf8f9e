"""Whether a share is mounted where folders are about to be made: else they come onto a disk of the node's own, and all
that is written there afterwards is seen by nobody else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.conf import settings

from accounts.errors import Reason
from nodes.connection.connect import NodeLink
from nodes.platforms.unc import UncPath
from nodes.registry.models import Node
from nodes.shares.reasons import ask_volume, not_mounted
from nodes.shares.selectors.cells import proven_volumes
from nodes.shares.selectors.layout import mounts_of
from nodes.shares.spelling import remote_path

NOT_MOUNTED = "share_not_mounted"


def not_mounted_there(link: NodeLink, node: Node, folders: Iterable[str]) -> list[Reason]:
    """Why folders (SFTP paths) would not come to lie on their shares; empty where they do, or where nobody can say. A
    system with UNC paths mounts nothing. Raises the session's errors."""
    if link.platform.mount("/") is None:
        return []
    mounts = mounts_of(node)
    shares = {share: remote_path(link.platform, mounts, share) for share in mounts}
    wanted = tuple(folders)
    return [
        reason
        for share, folder in shares.items()
        if any(f"{one}/".startswith(f"{folder}/") for one in wanted)
        for reason in _reasons(link, node, share, folder)
    ]


def _reasons(link: NodeLink, node: Node, share: UncPath, folder: str) -> Iterator[Reason]:
    volume = ask_volume(link.session, link.platform, folder, timeout=settings.PORTAL.question)
    proven = proven_volumes(node, share)
    if volume is None or str(volume) in proven:
        return
    if proven:
        tested = " and ".join(sorted(proven))
        text = f"{node.name} has {share} on {volume} now, and had it on {tested} when it was tested."
        yield Reason(NOT_MOUNTED, text, "Mount the share there, or test it again.")
    elif missing := not_mounted(volume, folder):
        text = f"{node.name}: {missing.text}"
        yield Reason(NOT_MOUNTED, text, "Where it is shared in another way, a share test proves it.")
