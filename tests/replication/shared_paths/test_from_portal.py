"""The portal's own row of a share test, against a real file server."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from nodes.secret import Secret
from nodes.shares.models import FileServerLogin, ShareCell, SharedFolder, SharedPaths
from replication.jobs.core.states import JobState
from tests.replication.shared_paths.stage import Stage, make_stage, use
from tests.smbd import SERVER, Smbd


@pytest.fixture(scope="module")
def smbd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Smbd]:
    server = Smbd.start(tmp_path_factory.mktemp("smbd"))
    yield server
    server.stop()


@pytest.fixture
def stage(transactional_db, monkeypatch, smbd: Smbd) -> Stage:
    made = make_stage("a")
    use(made, monkeypatch)
    login = smbd.login()
    FileServerLogin.objects.create(
        cluster=made.cluster, server=SERVER, port=login.port, username=login.username, password=login.password
    )
    return made


def lay(stage: Stage, **paths: str) -> None:
    """Each folder's own path, by its role."""
    SharedPaths.objects.update(mode="individual")
    for role, path in paths.items():
        SharedFolder.objects.create(cluster=stage.cluster, role=role, path=rf"\\{SERVER}\{path}")


def portal() -> dict[str, ShareCell]:
    return {cell.role: cell for cell in ShareCell.objects.filter(node=None)}


def test_each_refusal_of_a_file_server_has_its_reason(stage: Stage, smbd: Smbd) -> None:
    smbd.local("Users").mkdir(exist_ok=True)
    lay(
        stage,
        users="mail/Users",
        keys="mail/new/PEM",
        public="readonly",
        archives="denied",
        digests="full",
        locks="none",
    )
    stage.run()

    cells = portal()
    assert {role: (cell.state, cell.reason) for role, cell in cells.items()} == {
        "users": ("ok", ""),
        "keys": ("ok", ""),
        "public": ("failed", "read_only"),
        "archives": ("failed", "denied"),
        "digests": ("failed", "full"),
        "locks": ("failed", "no_share"),
    }
    assert cells["keys"].text == rf"PEM is not there yet; \\{SERVER}\mail was tried."
    users = cells["users"]
    assert users.login == smbd.login().username
    assert users.disk_free
    assert {"reach", "create", "write", "read", "lock", "rename", "delete"} <= set(users.steps)
    assert users.latency_ms is not None
    assert users.clock_offset is not None
    assert abs(users.clock_offset) < 5
    assert not list(smbd.folder.rglob(".cp~*"))


def test_a_wrong_login_is_asked_once(stage: Stage) -> None:
    FileServerLogin.objects.update(username="nobody")
    row = FileServerLogin.objects.get()
    row.password = Secret("wrong")
    row.save()
    lay(stage, users="mail/Users", public="mail/Public")
    job = stage.run()
    assert job.state == JobState.FAILED, "what does not work from the portal is no success"
    assert "From the portal: Mail folders, Public folders: " in job.targets.get().error
    assert {(cell.state, cell.reason) for cell in portal().values()} == {("failed", "wrong_login")}
