"""A share test on real servers: three nodes that mount one folder, the ways in which that fails, and kill -9 at every
boundary. No test file stays, whoever dies."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from accounts.principals import SYSTEM
from nodes.enums import NodeRole
from nodes.registry.models import Node
from nodes.shares.models import MountPoint, ShareCell, SharedFolder, SharedPaths
from replication.jobs.core.states import JobState
from replication.jobs.models import Job
from replication.jobs.services.requests import JobRequest, cancel_job, request_job
from replication.shared_paths.services.sweeping_tests import sweep_what_tests_left
from tests.replication.test_deaths import ENGINE, Scene, chains, lapse, named
from tests.tools import tool

FOLDERS = ("Users", "Public Folders", "LockFiles", "PEM", "Archives", "Digests", "Gateways")


@pytest.fixture
def nodes(scene: Scene, tmp_path: Path) -> dict[str, Node]:
    """Three nodes, and the folder that they mount as `nas`."""
    for folder in FOLDERS:
        (tmp_path / "nas" / folder).mkdir(parents=True)
    SharedPaths.objects.create(cluster=scene.cluster, mode="common", common=r"\\nas\mail")
    made = {}
    for name in ("mx0", "mx1", "mx2"):
        (tmp_path / name).mkdir()
        role = NodeRole.PRIMARY if name == "mx0" else NodeRole.SECONDARY
        made[name] = scene.register(name, tmp_path / name, role)
        MountPoint.objects.create(node=made[name], share=r"\\nas\mail", folder=str(tmp_path / "nas"))
    return made


def left(tmp_path: Path) -> list[Path]:
    return list(tmp_path.rglob(".cp~*"))


def run(scene: Scene) -> Job:
    job = request_job(scene.who, JobRequest(scene.cluster.pk, "share_test"))[0]
    assert not scene.hands.work(job)
    return Job.objects.get(pk=job.pk)


def found(node: Node) -> dict[str, tuple[str, str]]:
    return {cell.role: (cell.state, cell.reason) for cell in ShareCell.objects.filter(node=node)}


def test_every_death_is_taken_over_and_no_test_file_stays(scene: Scene, nodes, tmp_path: Path) -> None:
    nodes.pop("mx2").delete()

    def finish(*doomed: str) -> None:
        ShareCell.objects.all().delete()
        job = request_job(scene.who, JobRequest(scene.cluster.pk, "share_test"))[0]
        scene.hands.doomed = [*doomed]
        scene.hands.finish(job, scene.approve)
        assert scene.hands.doomed == [], "nobody died there"
        assert ShareCell.objects.filter(state="ok", job_number=job.pk, node__isnull=False).count() == 14, doomed
        assert left(tmp_path) == [], doomed

    finish()
    reached = scene.reached()
    assert set(reached) == named(*ENGINE, "shared_paths/test_job/*.py")
    for chain in chains(reached):
        finish(*chain)

    scene.hands.doomed = ["share-renamed"]
    job = request_job(scene.who, JobRequest(scene.cluster.pk, "share_test"))[0]
    assert scene.hands.work(job)
    assert left(tmp_path) != []
    cancel_job(scene.who, job.pk)
    lapse()
    assert Job.objects.get(pk=job.pk).state == JobState.CANCELLED
    kept = tmp_path / "nas" / "Users" / ".cp~share-notes"
    kept.write_text("a person's own")
    cells = list(ShareCell.objects.values_list("pk", flat=True))
    for _ in range(2):
        sweep_what_tests_left()
        swept = Job.objects.latest("pk")
        scene.hands.finish(swept, scene.approve)
    assert (swept.pk, swept.requester, swept.options) == (job.pk + 1, SYSTEM.name, {"sweep": True})
    assert left(tmp_path) == [kept]
    assert list(ShareCell.objects.values_list("pk", flat=True)) == cells, "nothing was tried"
    kept.unlink()
    finish()


@contextmanager
def volume(folder: Path) -> Iterator[None]:
    """A small disk of its own; needs root."""
    folder.mkdir()
    subprocess.run([tool("mount"), "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run([tool("umount"), str(folder)], check=True)


def test_each_way_of_failing_is_called_by_its_name(scene: Scene, nodes, tmp_path: Path) -> None:
    shares = {"public": "full", "locks": "full", "keys": "fixed", "archives": "gone"}
    SharedPaths.objects.update(mode="individual")
    for role in ("users", "digests", *shares):
        path = rf"\\nas\{shares.get(role, 'mail')}\{role.capitalize()}"
        SharedFolder.objects.create(cluster=scene.cluster, role=role, path=path)
    (tmp_path / "nas" / "Digests").mkdir(exist_ok=True)
    (tmp_path / "nas" / "Digests").chmod(0o555)
    (tmp_path / "local" / "Users").mkdir(parents=True)
    MountPoint.objects.filter(node=nodes["mx2"]).update(folder=str(tmp_path / "local"))
    for server in scene.servers:
        server.stop()
        server.obeys_modes = True
        server.start_again()
    with volume(tmp_path / "full"), volume(tmp_path / "fixed"):
        (tmp_path / "full" / "ballast").write_bytes(b"x" * 1_000_000)
        subprocess.run([tool("mount"), "-o", "remount,ro", str(tmp_path / "fixed")], check=True)
        for name in ("full", "fixed", "gone"):
            for node in nodes.values():
                MountPoint.objects.create(node=node, share=rf"\\nas\{name}", folder=str(tmp_path / name))
        job = run(scene)
        assert left(tmp_path) == []

    expected = {
        "users": ("ok", ""),
        "digests": ("failed", "denied"),
        "public": ("failed", "full"),
        "locks": ("failed", "full"),
        "keys": ("failed", "read_only"),
        "archives": ("failed", "not_mounted"),
    }
    assert job.state == JobState.FAILED
    assert found(nodes["mx0"]) == found(nodes["mx1"]) == expected
    assert found(nodes["mx2"])["users"] == ("failed", "not_mounted"), "it writes to a disk of its own"
    (worked,) = set(ShareCell.objects.filter(state="ok", node__isnull=False).values_list("volume", flat=True))
    point = next(folder for folder in tmp_path.parents if folder.is_mount())
    assert worked.endswith(f" at {point}"), "on what it was proven to work is remembered"
