"""The words of the job that tests shared folders, and whose a test file is. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.temp_names import SHARE_TEST, SHARE_TEST_FILE

SHARE_TEST_KIND = "share_test"

SWEEP = "sweep"
"""The option of a job that only removes what earlier tests left."""

LOCK, WRITTEN, RENAMED, PORTALS = "a", "b", "c", "p"
"""The test files of one try in a folder, by the letter at their end; the last is the portal's own, over SMB."""

FORGOTTEN = 24 * 3600.0
"""Seconds after which nobody works with a test file any more, whoever made it."""

STEPS = {
    "reach": "Find and list the folder",
    "create": "Create a file",
    "write": "Write",
    "read": "Read back",
    "lock": "Refuse to create it twice",
    "peer_read": "Another node reads it",
    "peer_lock": "Refuse the other node to create it",
    "rename": "Rename",
    "peer_rename": "The other node sees the new name",
    "delete": "Delete",
    "peer_delete": "The other node sees it gone",
    "space": "Ask for its free space",
}
"""What is tried in a folder, in its order."""


@dataclass(frozen=True, slots=True)
class TestOwner:
    """Who has test files in folders now: one try at a target. `first`: the first target of its job. No two tests of a
    cluster run at once, so whatever targets before that made is left over."""

    cluster: int
    target: int
    fence: int
    first: int

    @property
    def token(self) -> str:
        """What its files are told by."""
        return f"{self.cluster}.{self.target}.{self.fence}"

    def name(self, letter: str) -> str:
        """The name of a test file."""
        return f"{SHARE_TEST}{self.token}{letter}"

    def left_over(self, name: str, age: float | None = None) -> bool:
        """Whether a file is a test's whose owner is gone. `age`: its seconds by the file server's clock, where that is
        known; a stranger's file, such as another portal's, is told by nothing else."""
        made = SHARE_TEST_FILE.fullmatch(name)
        if made is None:
            return False
        cluster, target, fence = (int(made[group]) for group in (1, 2, 3))
        if cluster == self.cluster and (target < self.first or (target == self.target and fence < self.fence)):
            return True
        return age is not None and age > FORGOTTEN


def resource(cluster_id: int) -> str:
    """What one job at a time holds that tries or changes a cluster's shared folders."""
    return f"cluster:{cluster_id}:shares"
