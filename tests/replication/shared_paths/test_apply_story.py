"""Shared paths applied and given back on real servers, whoever dies on the way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from django.utils import timezone

from nodes.enums import KeySource, NodeRole, PathMode
from nodes.shares.models import FolderKey, FormerValue, MountPoint, ShareCell, SharedPaths
from replication.jobs.core.states import JobState
from replication.jobs.models import Job, JobEvent
from replication.jobs.services.requests import JobRequest, request_job
from replication.membership.services import membership
from tests.journeys.trees import config_of, make_tree
from tests.journeys.ward import FULL
from tests.replication.test_deaths import (
    ENGINE,
    NOTHING_LEFT,
    WRITING,
    Scene,
    lapse,
    named,
    scene,
)

__all__ = ["scene"]

ORDER = ("share-folders-made", "edits-swept", "edits-remembered", "paths-proven", "paths-seen")
"""The kind's own boundaries as a job comes to them."""

SHARE = "\\\\files\\mail"
NASTY = (
    b"\xef\xbb\xbf; \xc3\xa4 comment\r\n[directories]\n  mailDir  =  %(root)s/Users/$DOMAIN$/$MAILBOX$/  \r\n"
    b'MAILDIR=/second\r\n;MailDir=no\r\n[Other]\rPublic="%(root)s/Public Folders/"\r\nEnd=1'
)


class Story:
    """A primary, a secondary, a share that both mount, keys in two files."""

    def __init__(self, scene: Scene, tmp_path: Path) -> None:
        self.scene, self.share = scene, tmp_path / "share"
        self.share.mkdir()
        self.roots = [tmp_path / "mx0", tmp_path / "mx1"]
        make_tree(self.roots[0], "mx0", files=20)
        make_tree(self.roots[1], "mx1", files=20, primary=False)
        self.template = self.roots[0] / "App" / "Template.ini"
        self.template.write_bytes(NASTY % {b"root": str(self.roots[0]).encode()})
        self.nodes = [
            scene.register(name, root, role)
            for name, root, role in zip(("mx0", "mx1"), self.roots, (NodeRole.PRIMARY, NodeRole.SECONDARY), strict=True)
        ]
        for node in self.nodes:
            MountPoint.objects.create(node=node, share=SHARE, folder=str(self.share))
        SharedPaths.objects.create(cluster=scene.cluster, mode=PathMode.COMMON, common=f"{SHARE}\\md")
        self.key("users", "App/Template.ini", "Directories", "MailDir")
        self.key("public", "App/Template.ini", "Other", "Public")

    def key(self, role: str, path: str, section: str, key: str) -> None:
        FolderKey.objects.create(
            cluster=self.scene.cluster,
            role=role,
            path=path,
            section=section,
            key=key,
            folded=f"{path}\t{section}\t{key}".casefold(),
            source=KeySource.TYPED,
            by="keeper",
            at=timezone.now(),
        )

    def test_share(self) -> None:
        self.scene.hands.finish(
            request_job(self.scene.who, JobRequest(self.scene.cluster.pk, "share_test"))[0], self.scene.approve
        )

    def refused(self, **options: object) -> str:
        """The code with which nothing is planned."""
        options = {"to": "shared", "moved": True, **options}
        job = request_job(self.scene.who, JobRequest(self.scene.cluster.pk, "shared_paths", options=options))[0]
        assert not self.scene.hands.work(job)
        job.refresh_from_db()
        assert job.state == JobState.FAILED
        return job.error_code

    @contextmanager
    def unmounted(self, number: int) -> Iterator[None]:
        """A node has something else where the share was when it was tested."""
        cells = ShareCell.objects.filter(node=self.nodes[number], state="ok")
        volume = cells.values_list("volume", flat=True)[0]
        cells.update(volume="files.example:/mail at /mnt/mail")
        yield
        cells.update(volume=volume)

    def join(self) -> None:
        membership.join(self.scene.who, node_id=self.nodes[1].pk, confirm_name="mx1")
        self.scene.finish(request_job(self.scene.who, JobRequest(self.scene.cluster.pk, "replicate"))[0])

    def written(self) -> bytes:
        """What the primary's template holds while the paths are set."""
        return NASTY % {b"root": str(self.share / "md").encode()}

    def everywhere(self) -> bool:
        """Whether the secondary holds what the primary does, and nothing temporary lies anywhere."""
        held = [config_of(root) for root in self.roots]
        return held[1].items() >= held[0].items() and not [one for root in self.roots for one in root.rglob(".cp~*")]

    def run(self, to: str, doomed: Sequence[str] = (), **options: object) -> Job:
        request = JobRequest(self.scene.cluster.pk, "shared_paths", options={"to": to, **options})
        job = request_job(self.scene.who, request)[0]
        hands = self.scene.hands
        hands.doomed = [*doomed]
        for _ in range(len(doomed) + 8):
            waiting = list(Job.objects.filter(state=JobState.REQUESTED).order_by("pk"))
            if hands.work(*waiting):
                hands.doomed.pop(0)
                lapse()
            job.refresh_from_db()
            if job.state == JobState.AWAITING_APPROVAL:
                self.scene.approve(job)
            elif job.state in (JobState.SUCCEEDED, JobState.FAILED, JobState.HALTED):
                break
        assert job.state == JobState.SUCCEEDED, (job.state, job.error, list(JobEvent.objects.values_list("text")))
        assert hands.doomed == [], "nobody died there"
        told = JobEvent.objects.filter(job__gte=job.pk, code__in=("job.planner_died", "target.worker_died"))
        assert told.count() >= len(set(doomed) - NOTHING_LEFT)  # others may be at work when one outcome is written
        return job


def test_every_death_while_paths_are_applied_and_given_back_is_repaired(scene: Scene, tmp_path: Path) -> None:
    story = Story(scene, tmp_path)
    story.join()
    assert story.refused() == "share_not_mounted", "it lies on the node's own disk, for all that anybody knows"
    assert list(story.share.iterdir()) == []
    story.test_share()
    before = config_of(story.roots[0])
    scene.reached()
    own = named("shared_paths/apply_job/*.py", "configuration/edited_files.py")

    def there_and_back(there: Sequence[str] = (), back: Sequence[str] = ()) -> None:
        story.run("shared", there, moved=True)
        assert story.template.read_bytes() == story.written(), there
        assert {"Users", "Public Folders", "LockFiles"} <= {path.name for path in (story.share / "md").iterdir()}
        rows = FormerValue.objects.filter(restored_at=None)
        assert {row.key: row.value.reveal() for row in rows} == {
            "MailDir": f"{story.roots[0]}/Users/$DOMAIN$/$MAILBOX$/",
            "Public": f'"{story.roots[0]}/Public Folders/"',
        }, there
        story.run("former", back, moved=True)
        assert (config_of(story.roots[0]), story.everywhere()) == (before, True), back
        assert not FormerValue.objects.filter(restored_at=None).exists(), back

    there_and_back(
        [name for name in ORDER if name in own], ["edits-remembered", "replaced", "paths-proven", "outcomes-written"]
    )
    assert own <= set(scene.reached())
    assert own <= set(ORDER)
    for boundary in named(*ENGINE, *WRITING) if FULL else ():
        there_and_back([boundary], [boundary])

    former = story.template.read_bytes()
    story.run("shared", moved=True)
    with story.unmounted(0):
        assert story.refused(to="former", moved=False) == "old_folder_in_use", "what is on the share is not seen"
    story.template.write_bytes(former)  # by hand
    job = story.run("former", moved=True)
    assert job.targets.get(node=story.nodes[0]).evidence["files_changed"] == 0
    assert (config_of(story.roots[0]), story.everywhere()) == (before, True)
    assert not FormerValue.objects.filter(restored_at=None).exists()


def test_no_folder_is_made_where_the_share_was_unmounted_after_the_approval(scene: Scene, tmp_path: Path) -> None:
    story = Story(scene, tmp_path)
    story.join()
    story.test_share()
    before = config_of(story.roots[0])
    with story.unmounted(1):
        assert story.refused() == "share_not_mounted", "its secondary would work on a disk of its own"
    options = {"to": "shared", "moved": True}
    job = request_job(scene.who, JobRequest(scene.cluster.pk, "shared_paths", options=options))[0]
    scene.hands.work(job)
    job.refresh_from_db()
    scene.approve(job)
    with story.unmounted(0):
        scene.hands.work(job)
    job.refresh_from_db()
    target = job.targets.get(node=story.nodes[0])
    assert (target.state, target.error_code) == ("failed", "share_not_mounted")
    assert "had it on files.example:/mail at /mnt/mail when it was tested" in target.error
    assert (list(story.share.iterdir()), config_of(story.roots[0])) == ([], before)
