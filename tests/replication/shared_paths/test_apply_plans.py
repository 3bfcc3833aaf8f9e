"""What a plan to write shared paths says and refuses, on a primary in memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.utils import timezone

from accounts.errors import Refused
from nodes.clusters.models import Cluster
from nodes.connection.connect import NodeLink
from nodes.enums import (
    CellReason,
    CellState,
    Clustering,
    IniChoice,
    Joining,
    KeySource,
    NodeRole,
    PathMode,
    PlatformName,
    ReplicationMode,
)
from nodes.facts.models import NodeFacts
from nodes.ini_keys.models import IniDecision
from nodes.leases.errors import LeaseLost
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.registry.models import Node
from nodes.secret import Secret
from nodes.shares.models import FolderKey, FormerValue, MountPoint, ShareCell, SharedPaths
from replication.jobs.core.states import JobState
from replication.jobs.models import Job
from replication.jobs.runner import PlanOutcome, PlanWork
from replication.jobs.views.job import ShownPlan
from replication.objects import default_store
from replication.shared_paths.apply_job import reasons, runner
from replication.shared_paths.apply_job.runner import SharedPathsRunner
from replication.shared_paths.core.apply_plans import PATHS_TEXT
from tests.factories import make_cluster, make_node
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession
from tests.replication.files.rounds import Interrupting

ROOT = "/C:/MDaemon"
INI = f"{ROOT}/App/MDaemon.ini"
WINDOWS = b"[Directories]\r\nMail=C:\\MDaemon\\Users\\\r\nPublic=C:\\MDaemon\\Public Folders\r\n[X]\r\nRouting=No\r\n"
SHARE = "\\\\files\\mail"


@dataclass
class Desk:
    """A cluster with a Windows primary in memory, and who plans there."""

    cluster: Cluster
    primary: Node
    disk: FakeDisk

    def key(self, role: str, section: str, key: str, path: str = "App/MDaemon.ini", **fields: str) -> None:
        folded = f"{path}\t{section}\t{key}".casefold()
        said = {"source": KeySource.TYPED, "by": "keeper", "at": timezone.now(), **fields}
        FolderKey.objects.create(
            cluster=self.cluster, role=role, path=path, section=section, key=key, folded=folded, **said
        )

    def plan(self, *, dry_run: bool = False, to: str = "shared", moved: bool = True) -> PlanOutcome:
        options = {"to": to, "moved": moved}
        state = JobState.PLANNING
        job = Job.objects.create(
            cluster=self.cluster, kind="shared_paths", options=options, dry_run=dry_run, state=state
        )
        self.guard = Interrupting("", LeaseLost("never"))
        return SharedPathsRunner().plan(PlanWork(job, self.guard))

    def refused(self, **how: Any) -> str:
        with pytest.raises(Refused) as caught:
            self.plan(**how)
        return caught.value.code

    def after(self, outcome: PlanOutcome, at: int = 0) -> bytes:
        """A file as the plan wants it."""
        assert outcome.plan is not None
        return default_store().get(outcome.plan.nodes[0].steps[at].wanted.sha256)

    def secondary(self, name: str = "mx2", **fields: Any) -> Node:
        return make_node(self.cluster, name, platform=fields.pop("platform", PlatformName.WINDOWS), **fields)


@pytest.fixture
def desk(db: None, monkeypatch: pytest.MonkeyPatch) -> Desk:
    cluster = make_cluster("mail")
    fields = {"platform": PlatformName.WINDOWS, "install_root": "C:\\MDaemon"}
    primary = make_node(cluster, "mx1", role=NodeRole.PRIMARY, **fields)
    disk = FakeDisk()
    disk.put(INI, WINDOWS)
    SharedPaths.objects.create(cluster=cluster, mode=PathMode.COMMON, common=f"{SHARE}\\md")
    made = Desk(cluster, primary, disk)

    @contextmanager
    def opened(node: Node) -> Iterator[NodeLink]:
        root = platform_named(node.platform).sftp_path(node.install_root)
        yield NodeLink(FakeSession(disk), platform_named(node.platform), root, Capabilities(), node.pk, node.name)

    monkeypatch.setattr(runner, "open_node", opened)
    monkeypatch.setattr(reasons, "check_portal_may_replicate", lambda cluster: None)
    made.key("users", "Directories", "Mail")
    made.key("public", "Directories", "Public")
    return made


def test_a_plan_shows_every_line_before_and_after_and_what_is_left_to_people(desk: Desk) -> None:
    desk.secondary()
    came = desk.plan()
    assert came.needs_approval
    assert came.summary["diff"] == [
        "--- App/MDaemon.ini",
        "+++ App/MDaemon.ini",
        "@@ -2 +2 @@ [Directories]",
        "-Mail=C:\\MDaemon\\Users\\",
        "+Mail=\\\\files\\mail\\md\\Users\\",
        "@@ -3 +3 @@ [Directories]",
        "-Public=C:\\MDaemon\\Public Folders",
        "+Public=\\\\files\\mail\\md\\Public Folders",
    ]
    assert desk.after(came) == WINDOWS.replace(b"C:\\MDaemon\\", b"\\\\files\\mail\\md\\")
    assert came.plan is not None
    primary, secondary = came.plan.nodes
    shown = {part.title: [item.name for item in part.items] for part in PATHS_TEXT.node(primary).sections}
    assert shown["Lines before and after"] == came.summary["diff"]
    assert f"{SHARE}\\md\\Gateways" in shown["To be set by hand in MDaemon"]
    assert f"{SHARE}\\md\\Users" in shown["Folders to be made"]
    assert ShownPlan.of(came.plan, PATHS_TEXT).opened == desk.primary.pk, "nobody approves what stays folded"
    assert "2 folders given up" in [part.summary for part in PATHS_TEXT.node(primary).sections]
    assert secondary.steps == ()
    assert PATHS_TEXT.node(secondary).sections[0].items[1].name == (
        "[Directories] Mail=\\\\files\\mail\\md\\Users\\ in App/MDaemon.ini"
    )
    assert desk.guard.events.count("shared_paths.diff") == 1
    assert came.summary["warnings"][-1].startswith("Whether MDaemon takes up a folder's new place without a restart")


def test_a_dry_run_shows_the_lines_and_what_would_refuse_them(desk: Desk) -> None:
    desk.disk.put(f"{ROOT}/Users/a.example/u/md1.msg", b"mail")
    came = desk.plan(dry_run=True, moved=False)
    assert came.plan is not None
    assert [problem.code for problem in came.plan.problems] == ["old_folder_in_use"]
    assert "1 name in it" in came.plan.problems[0].detail
    assert desk.refused(moved=False) == "old_folder_in_use"
    assert desk.plan(moved=True).plan is not None


def test_an_old_place_with_a_short_name_may_be_the_new_one(desk: Desk) -> None:
    desk.disk.put(INI, WINDOWS.replace(b"C:\\MDaemon\\Users", b"\\\\files\\mail\\MDSHAR~1\\Users"))
    desk.disk.put("//files/mail/MDSHAR~1/Users/a.example/u/md1.msg", b"mail")
    came = desk.plan(dry_run=True, moved=False)
    assert came.plan is not None
    (problem,) = came.plan.problems
    assert (problem.code, "MDSHAR~1 looks like a short name" in problem.detail) == ("old_folder_in_use", True)


def test_what_lies_in_the_queues_is_moved_later_and_refuses_nothing(desk: Desk) -> None:
    desk.disk.put(INI, WINDOWS + b"Queues=C:\\MDaemon\\Queues\r\n")
    desk.disk.put(f"{ROOT}/Queues/Remote/md1.msg", b"mail")
    SharedPaths.objects.update(routing=True)
    desk.key("queues", "X", "Queues")
    desk.key("routing", "X", "Routing", on="Yes", off="No")
    came = desk.plan(moved=False)
    assert desk.after(came) == (
        WINDOWS.replace(b"C:\\MDaemon\\", b"\\\\files\\mail\\md\\").replace(b"Routing=No", b"Routing=Yes")
        + b"Queues=\\\\files\\mail\\md\\Queues\r\n"
    )


def test_routing_that_goes_off_gives_the_queues_back(desk: Desk) -> None:
    now = WINDOWS.replace(b"Routing=No", b"Routing=YES") + b"Queues=\\\\files\\mail\\md\\Queues\r\n"
    desk.disk.put(INI, now)
    desk.key("queues", "X", "Queues")
    desk.key("routing", "X", "Routing", on="Yes", off="No")
    former(desk, "queues", "X", "Queues", "Q:\\", f"{SHARE}\\md\\Queues")
    came = desk.plan()
    assert desk.after(came).endswith(b"Routing=No\r\nQueues=Q:\\\r\n")


def former(desk: Desk, role: str, section: str, key: str, value: str, wrote: str) -> FormerValue:
    return FormerValue.objects.create(
        cluster=desk.cluster,
        role=role,
        path="App/MDaemon.ini",
        section=section,
        key=key,
        value=Secret(value),
        wrote=wrote,
        applied_at=timezone.now(),
        job_number=1,
    )


def test_what_is_so_already_is_proven_and_not_written(desk: Desk) -> None:
    """Set by hand, at a line that nobody confirmed, or that somebody did."""
    FolderKey.objects.filter(role="users").delete()
    desk.disk.put(INI, WINDOWS.replace(b"C:\\MDaemon\\", b"\\\\FILES\\Mail\\md\\"))
    came = desk.plan()
    assert came.plan is not None
    assert came.plan.step_count == 0
    assert came.targets == (desk.primary.pk,)
    assert {value.role for value in came.plan.detail.values} == {"users", "public"}


def test_a_key_is_never_added(desk: Desk) -> None:
    desk.key("gateways", "Directories", "Gateways")
    desk.key("locks", "Nowhere", "Locks", "WebAdmin/WebAdmin.ini")
    came = desk.plan()
    assert b"Gateways" not in desk.after(came)
    said = " ".join(came.summary["warnings"])
    assert "[Directories] Gateways of App/MDaemon.ini is not there" in said
    assert "[Nowhere] Locks of WebAdmin/WebAdmin.ini is not there" in said


def test_a_key_that_holds_something_else_is_left_and_its_value_not_told(desk: Desk) -> None:
    desk.disk.put(INI, WINDOWS.replace(b"C:\\MDaemon\\Users\\", b"hush"))
    came = desk.plan()
    (left,) = came.summary["left"]
    assert left.startswith("[Directories] Mail of App/MDaemon.ini does not begin with a place where the folder")
    assert "hush" not in str(came)


def test_accounts_whose_mail_stays_where_it_was_are_counted(desk: Desk) -> None:
    """Their list is the mail server's."""

    def account(name: bytes, directory: bytes) -> bytes:
        return b"a.example".ljust(45) + name.ljust(30) + b"Full Name".ljust(30) + directory.ljust(90) + b"hush\r\n"

    places = [b"c:/mdaemon/users/a.example/u/", b"C:\\MDaemon\\Users2\\u\\", b"C:\\MDaemon\\Users\\v\\"]
    lines = [account(b"user%d" % number, place) for number, place in enumerate(places)]
    desk.disk.put(f"{ROOT}/App/Userlist.dat", b"".join(lines))
    said = [text for text in desk.plan().summary["warnings"] if "Userlist.dat" in text]
    assert said == [
        "2 accounts in Userlist.dat, which the portal does not write, with mail in C:\\MDaemon\\Users: give them the "
        "new folder in MDaemon."
    ]


def nothing_set(desk: Desk) -> None:
    SharedPaths.objects.all().delete()


def no_primary(desk: Desk) -> None:
    Node.objects.update(role=NodeRole.SECONDARY)


def clustering_off(desk: Desk) -> None:
    desk.secondary()
    Cluster.objects.update(clustering=Clustering.OFF)
    desk.cluster.refresh_from_db()


def kept(desk: Desk, name: str = "mx2") -> None:
    node = desk.secondary(name)
    names = {"path": "app/mdaemon.INI", "section": "directories", "key": "MAIL"}
    IniDecision.objects.create(node=node, folded="app/mdaemon.ini\tdirectories\tmail", choice=IniChoice.KEEP, **names)


def failed_test(desk: Desk) -> None:
    cell(desk, CellReason.DENIED)


def cell(desk: Desk, reason: CellReason, path: str = f"{SHARE}\\md\\Users", **fields: Any) -> None:
    said = {"state": CellState.FAILED, "reason": reason, "tested_at": timezone.now(), "job_number": 1, **fields}
    ShareCell.objects.create(cluster=desk.cluster, node=desk.primary, role="users", path=path, **said)


def old_version(desk: Desk) -> None:
    SharedPaths.objects.update(routing=True)
    NodeFacts.objects.create(node=desk.primary, read_at=timezone.now(), product_version="20.0.4")


def too_long(desk: Desk) -> None:
    line = f"{'d' * 40}.example".encode()[:45].ljust(45) + b"m" * 30 + b"\r\n"
    desk.disk.put(f"{ROOT}/App/Userlist.dat", line)


def a_file_in_the_way(desk: Desk) -> None:
    desk.disk.put("//files/mail/md/Users", b"")


def no_keys(desk: Desk) -> None:
    FolderKey.objects.all().delete()


def broken(desk: Desk) -> None:
    desk.disk.put(f"{ROOT}/WebAdmin/WebAdmin.ini", b"[Cut")
    desk.key("users", "Cut", "Mail", "WebAdmin/WebAdmin.ini")


def mixed(desk: Desk) -> None:
    Node.objects.update(platform=PlatformName.POSIX, install_root="/srv/md")
    desk.disk.put("/srv/md/App/MDaemon.ini", WINDOWS)
    MountPoint.objects.create(node=desk.primary, share=SHARE, folder="/mnt/mail")
    desk.secondary()


def not_mounted(desk: Desk) -> None:
    Node.objects.update(platform=PlatformName.POSIX, install_root="/srv/md")


def mounted_elsewhere(desk: Desk) -> None:
    not_mounted(desk)
    MountPoint.objects.create(node=desk.primary, share=SHARE, folder="/mnt/mail")
    other = desk.secondary(platform=PlatformName.POSIX)
    MountPoint.objects.create(node=other, share=SHARE, folder="/mnt/other")


@pytest.mark.parametrize(
    ("arrange", "code"),
    [
        (nothing_set, "nothing_set"),
        (no_primary, "no_primary"),
        (clustering_off, "clustering_off"),
        (kept, "key_kept"),
        (failed_test, "share_test_failed"),
        (old_version, "version_too_old"),
        (too_long, "path_refused"),
        (a_file_in_the_way, "no_folder"),
        (no_keys, "no_keys"),
        (broken, "broken_ini"),
        (mixed, "mounts_differ"),
        (not_mounted, "mount_unknown"),
        (mounted_elsewhere, "mounts_differ"),
    ],
)
def test_refused_with_a_reason_and_a_remedy(desk: Desk, arrange: Any, code: str) -> None:
    arrange(desk)
    with pytest.raises(Refused) as caught:
        desk.plan()
    assert caught.value.code == code
    assert caught.value.text.endswith(".")


def test_many_nodes_are_one_reason(desk: Desk) -> None:
    for number in range(2, 9):
        kept(desk, f"mx{number}")
    with pytest.raises(Refused, match=r"mx2, mx3, mx4, mx5, mx6 and 2 more keep .Directories. Mail of"):
        desk.plan()


def test_a_test_of_another_path_or_of_the_portals_own_login_refuses_nothing(desk: Desk) -> None:
    cell(desk, CellReason.NO_CREDENTIALS)
    assert "No share test has proven from mx1: Mail folders" in " ".join(desk.plan().summary["warnings"])
    plan = desk.plan().plan
    assert plan is not None
    assert "users" not in [folder.role for folder in plan.detail.folders], "who does not see makes nothing"
    ShareCell.objects.update(reason=CellReason.DENIED, path="\\\\files\\other")
    assert desk.plan().plan is not None
    ShareCell.objects.update(path=f"{SHARE}\\md\\Users".upper())
    assert desk.refused() == "share_test_failed", "in other letters it is the same place"


def test_a_key_without_a_sign_is_not_written_because_no_undo_could_make_it_so_again(desk: Desk) -> None:
    desk.disk.put(INI, WINDOWS + b"Queues\r\n")
    former(desk, "queues", "X", "Queues", "Q:\\", "")
    assert desk.refused(to="former") == "broken_ini"


def test_only_who_is_replicated_to_has_a_part(desk: Desk) -> None:
    desk.secondary("mx2", joining=Joining.LEFT)
    mine = desk.secondary("mx3")
    assert desk.plan().targets == (desk.primary.pk, mine.pk)


def test_where_mdaemon_itself_replicates_nothing_is_asked_of_the_portals_mode(desk: Desk) -> None:
    desk.secondary()
    Cluster.objects.update(replication_mode=ReplicationMode.NATIVE)
    desk.cluster.refresh_from_db()
    assert desk.plan().plan is not None


def test_back_gives_what_stood_there_and_leaves_what_others_changed(desk: Desk) -> None:
    desk.disk.put(INI, WINDOWS.replace(b"C:\\MDaemon\\Users\\", b"\\\\files\\mail\\md\\Users\\"))
    assert desk.refused(to="former") == "nothing_remembered"
    former(desk, "users", "Directories", "Mail", "D:\\Mail\\", f"{SHARE}\\md\\Users\\")
    former(desk, "public", "Directories", "Public", "D:\\Public", f"{SHARE}\\md\\Public Folders")
    SharedPaths.objects.all().delete()
    came = desk.plan(to="former")
    assert desk.after(came) == WINDOWS.replace(b"C:\\MDaemon\\Users\\", b"D:\\Mail\\")
    assert came.summary["left"] == [
        "[Directories] Public of App/MDaemon.ini was changed since the portal wrote it; it is left as it is."
    ]
    assert "Mail folders: D:\\Mail is not there any more; make it" in " ".join(came.summary["warnings"])
    desk.disk.put_folder("/D:/Mail")
    assert "any more" not in " ".join(desk.plan(to="former").summary["warnings"])
    desk.disk.put(f"/{SHARE}/md/Users".replace("\\", "/").replace("///", "//") + "/x", b"mail")
    assert desk.refused(to="former", moved=False) == "old_folder_in_use"


def test_what_people_gave_back_by_hand_is_proven_with_the_rest(desk: Desk) -> None:
    share = f"{SHARE}\\md\\Users\\"
    former(desk, "users", "Directories", "Mail", "C:\\MDaemon\\Users\\", share)
    former(desk, "public", "Directories", "Public", "D:\\Public", f"{SHARE}\\md\\Public Folders")
    desk.disk.put(
        INI, WINDOWS.replace(b"C:\\MDaemon\\Public", b"D:\\Public").replace(b"D:\\Public Folders", b"D:\\Public")
    )
    came = desk.plan(to="former")
    assert came.plan is not None
    assert (came.plan.nodes[0].steps, came.summary["left"]) == ((), [])
    values = [(value.key, value.value, value.gives_back) for value in came.plan.detail.values]
    assert values == [("Mail", "C:\\MDaemon\\Users\\", True), ("Public", "D:\\Public", True)]


MANY = "[A]\r\nMail=C:\\MDaemon\\Users\\$DOMAIN$\\\r\nmail=C:\\other\r\n; Mäil=C:\\MDaemon\\Users\r\n \tx = y \r\n"


@pytest.mark.parametrize(
    "content",
    [
        MANY.encode("cp1252"),
        MANY.replace("\r\n", "\n").encode(),
        codecs.BOM_UTF8 + MANY.encode(),
        codecs.BOM_UTF16_LE + MANY.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + MANY.encode("utf-16-be"),
        MANY.rstrip().encode("cp1252") + b'\r[a]\r\n  MAIL  =  "C:\\MDaemon\\Users\\"  ',
        b"[b]\n[a]\nmail \t= c:/mdaemon//USERS/./ \n",
    ],
)
def test_there_and_back_is_what_it_was(desk: Desk, content: bytes) -> None:
    FolderKey.objects.all().delete()
    path = f"{ROOT}/WebAdmin/WebAdmin.ini"
    desk.disk.put(path, content)
    desk.key("users", "a", "Mail", "WebAdmin/WebAdmin.ini")
    came = desk.plan()
    assert came.plan is not None
    (value,) = came.plan.detail.values
    written = desk.after(came)
    assert written != content
    former(desk, "users", "a", "Mail", value.held, value.value)
    FormerValue.objects.update(path="WebAdmin/WebAdmin.ini")
    desk.disk.put(path, written)
    assert desk.after(desk.plan(to="former")) == content


def test_what_stood_there_outlives_the_server_that_was_the_primary(desk: Desk) -> None:
    """The file is the cluster's: whoever is the primary now holds it, and gives back what stood there."""
    former(desk, "users", "Directories", "Mail", "C:\\MDaemon\\Users\\", f"{SHARE}\\md\\Users\\")
    desk.disk.put(INI, WINDOWS.replace(b"C:\\MDaemon\\Users", b"\\\\files\\mail\\md\\Users"))
    desk.primary.delete()
    desk.secondary("mx2", role=NodeRole.PRIMARY, install_root="C:\\MDaemon")
    assert desk.after(desk.plan(to="former")) == WINDOWS


def test_a_file_that_cannot_hold_the_place_is_not_called_broken(desk: Desk) -> None:
    desk.disk.put(INI, WINDOWS + b"; \xe4\r\n")
    SharedPaths.objects.update(common=f"{SHARE}\\Łódź")
    with pytest.raises(Refused, match=r"App/MDaemon.ini cannot be changed: The file's encoding cp1252 cannot hold"):
        desk.plan()
