"""Where nodes keep the shared folders, beside where they shall lie."""

import pytest

from nodes.platforms.unc import UncPath
from nodes.products.profile import FolderPath, FolderRule, PathClass, Source
from nodes.shares.core.layout import SharedPlace
from nodes.shares.core.standing import is_at
from replication.shared_paths.core.today import NodeFolders, Standing, folders_shown

USERS = FolderRule("users", "Mail folders", "Users", PathClass.VOLATILE, Source.GUIDE, shared=True)
QUEUES = FolderRule("queues", "Queues", "Queues", PathClass.VOLATILE, Source.COMMUNITY)
WANTED = UncPath.parse(r"\\fs1\mail\Users")
PLACE = SharedPlace("users", "Mail folders", WANTED)
MOUNTS = {WANTED.root: "/mnt/mail/"}


def at(path: str, inside: str = "", role: str = "users") -> FolderPath:
    return FolderPath(role, "Mail folders", path, r"C:\MDaemon\Users", "Directories", "Mail", "discovered", inside)


def node(name: str, *folders: FolderPath) -> NodeFolders:
    return NodeFolders(len(name), name, folders)


@pytest.mark.parametrize(
    ("folders", "places", "standing"),
    [
        ((), (PLACE,), Standing.UNREAD),
        ((at(r"C:\MDaemon\LockFiles", "LockFiles", "locks"),), (PLACE,), Standing.UNREAD),
        ((at(r"\\FS1\mail\users"),), (PLACE,), Standing.AS_SET),
        ((at(r"C:\MDaemon\Users", "Users"),), (PLACE,), Standing.INSIDE),
        ((at(r"C:\MDaemon\Users", "Users"),), (), Standing.INSIDE),
        ((at(r"D:\Mail"),), (PLACE,), Standing.DIFFERS),
        ((at(r"\\fs1\mail\Users2"),), (PLACE,), Standing.DIFFERS),
        ((at(r"D:\Mail"),), (), Standing.ELSEWHERE),
        ((at(r"\\fs1\mail\Users"), at(r"D:\Users")), (PLACE,), Standing.SEVERAL),
    ],
)
def test_a_folder_stands_as_its_node_says(folders, places, standing):
    [shown] = folders_shown([USERS, QUEUES], places, [node("mx1", *folders)], routing=False)
    assert [one.standing for one in shown.today] == [standing]
    assert shown.path == (WANTED if places else None)


def test_nodes_that_say_the_same_stand_together():
    nodes = [node("mx1", at(r"D:\Mail")), node("mx-2"), node("mx--3", at(r"D:\Mail"))]
    users, queues = folders_shown([USERS, QUEUES], [PLACE], nodes, routing=True)
    assert [(one.paths, [each.name for each in one.nodes]) for one in users.today] == [
        ((r"D:\Mail",), ["mx1", "mx--3"]),
        ((), ["mx-2"]),
    ]
    assert queues.path is None
    assert [[one.everywhere for one in folder.today] for folder in (users, queues)] == [[False, False], [True]]


@pytest.mark.parametrize(
    ("path", "mounts", "found"),
    [
        ("/mnt/mail/Users", MOUNTS, True),
        ("/mnt/mail/Users/", MOUNTS, True),
        ("/mnt/mail/users", MOUNTS, False),
        ("/mnt/mail", MOUNTS, False),
        ("/mnt/mail/Users", {}, False),
        ("//fs1/mail/Users", {}, True),
        ("", MOUNTS, False),
    ],
)
def test_a_node_spells_a_share_by_its_mount_point_too(path, mounts, found):
    assert is_at(path, WANTED, mounts) is found
