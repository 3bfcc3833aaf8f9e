"""What `./run backup` writes, `./run restore` gives back; what is damaged or foreign changes nothing."""

from __future__ import annotations

import hashlib
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.deadlines import PATIENCE

ROOT = Path(__file__).resolve().parents[2]


class Portal:
    """A portal that does not run: a data folder of its own and its management commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "keys").mkdir(parents=True)
        (folder / "keys/django.key").write_text(secrets.token_urlsafe(60))
        (folder / "keys/master.keys").write_bytes(Fernet.generate_key() + b"\n")

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        env = {**os.environ, "CLUSTERPORTAL_DATA": str(self.folder), "DJANGO_SETTINGS_MODULE": "clusterportal.settings"}
        env.pop("DATABASE_URL", None)
        argv = [sys.executable, "manage.py", *arguments]
        return subprocess.run(argv, cwd=ROOT, env=env, capture_output=True, text=True, timeout=PATIENCE, check=False)

    def shell(self, code: str) -> str:
        done = self.run("shell", "--no-imports", "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def tree(self) -> dict[str, bytes]:
        files = (path for path in self.folder.rglob("*") if path.is_file() and path.name != "portal.lock")
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}


SOW = """
from accounts.audit import record
from accounts.chain import link_events
from accounts.models import User
from accounts.principals import SYSTEM
from nodes.clusters.models import Cluster
from nodes.credentials.models import Credential
from nodes.secret import Secret
from replication.objects import default_store
default_store().put(b"stored " * 1000)
User.objects.create_user("keeper", password="a long enough one")
cluster = Cluster.objects.create(name="mail", replication_mode="portal")
secret = Secret("canary-Ψ-secret")
Credential.objects.create(cluster=cluster, name="door", username="svc", kind="password", secret=secret)
record(SYSTEM, "test.sown", "Something was sown.", data={"float": 1.5})
assert link_events() > 0
"""
REAP = """
from accounts.chain import verify
from accounts.models import AuditEvent
from nodes.credentials.models import Credential
from replication.objects import default_store
assert default_store().get("STORED") == b"stored " * 1000
head, found = verify()
assert found is None and head.length > 0, found
print(Credential.objects.get().secret.reveal(), AuditEvent.objects.filter(action="portal.restore").count())
""".replace("STORED", hashlib.sha256(b"stored " * 1000).hexdigest())


@pytest.fixture(scope="module")
def sown(tmp_path_factory) -> Portal:
    portal = Portal(tmp_path_factory.mktemp("sown"))
    assert portal.run("migrate", "--verbosity", "0").returncode == 0
    portal.shell(SOW)
    return portal


@pytest.fixture(scope="module")
def backup(sown: Portal, tmp_path_factory) -> tuple[Path, Path]:
    place = tmp_path_factory.mktemp("safe")
    done = sown.run("backup", str(place / "portal.backup"), "--with-keys", str(place / "keys"))
    assert done.returncode == 0, done.stderr
    return place / "portal.backup", place / "keys"


def test_the_backup_has_no_key_and_is_the_owners_only(sown: Portal, backup) -> None:
    file, keys = backup
    assert [path.stat().st_mode & 0o777 for path in backup] == [0o600, 0o600]
    assert keys.read_bytes() == (sown.folder / "keys/master.keys").read_bytes()
    assert keys.read_bytes().strip() not in file.read_bytes()
    assert "canary-Ψ-secret".encode() not in file.read_bytes()
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(".")] == []


def test_round_trip_into_an_empty_portal(backup, tmp_path) -> None:
    file, keys = backup
    fresh = Portal(tmp_path / "fresh")
    done = fresh.run("restore", str(file), "--keys", str(keys))
    assert done.returncode == 0, done.stderr
    secret, events = fresh.shell(REAP).split()
    assert secret == "canary-Ψ-secret"
    assert int(events) >= 1  # that it was restored
    assert not (fresh.folder / "restore.new").exists()
    again = fresh.run("restore", str(file))
    assert again.returncode == 1 and "--force" in again.stderr
    # with keys that are beside the key file only, by now
    assert fresh.run("rotate_keys", "--drop-old").returncode == 0
    done = fresh.run("restore", str(file), "--force")
    assert done.returncode == 0, done.stderr
    assert "sealed under the newest one now" in done.stdout
    (fresh.folder / "keys/master.keys.old").unlink()
    assert fresh.shell(REAP).split()[0] == "canary-Ψ-secret"


def test_it_does_not_write_over_a_file(sown: Portal, backup) -> None:
    before = backup[0].read_bytes()
    done = sown.run("backup", str(backup[0]))
    assert done.returncode == 1 and "exists" in done.stderr
    assert backup[0].read_bytes() == before


def _flip(data: bytes) -> bytes:
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


@pytest.mark.parametrize(
    ("damage", "word"),
    [
        (_flip, "damaged"),
        (lambda data: data[: len(data) // 2], "backup"),
        (lambda data: b"", "backup"),
        (lambda data: b"no tar at all" * 100, "backup"),
    ],
    ids=["one bit", "cut short", "empty", "something else"],
)
def test_a_damaged_backup_changes_nothing(backup, tmp_path, damage, word) -> None:
    broken = tmp_path / "broken"
    broken.write_bytes(damage(backup[0].read_bytes()))
    fresh = Portal(tmp_path / "fresh")
    before = fresh.tree()
    done = fresh.run("restore", str(broken), "--keys", str(backup[1]))
    assert done.returncode == 1
    assert "nothing was restored" in done.stderr and word in done.stderr
    assert "Traceback" not in done.stderr
    assert fresh.tree() == before


def test_without_its_keys_it_is_refused(backup, tmp_path) -> None:
    fresh = Portal(tmp_path / "fresh")
    before = fresh.tree()
    done = fresh.run("restore", str(backup[0]))
    assert done.returncode == 1 and "--keys" in done.stderr
    assert fresh.tree() == before


def test_a_file_that_is_not_there(tmp_path) -> None:
    done = Portal(tmp_path / "fresh").run("restore", str(tmp_path / "nothing"))
    assert done.returncode == 1 and "No such file" in done.stderr


def test_what_no_key_of_ours_sealed_changes_nothing(backup, tmp_path) -> None:
    forged = tmp_path / "forged"
    forged.write_bytes(backup[0].read_bytes().replace(b'"engine":"sqlite"', b'"engine":"sqlITE"', 1))
    fresh = Portal(tmp_path / "fresh")
    before = fresh.tree()
    done = fresh.run("restore", str(forged), "--keys", str(backup[1]), "--unsealed")
    assert done.returncode == 1 and "nothing was restored: the backup was changed" in done.stderr
    assert fresh.tree() == before


def test_a_file_that_is_no_key_file(backup, tmp_path) -> None:
    (tmp_path / "keys").write_text("no key\n")
    done = Portal(tmp_path / "fresh").run("restore", str(backup[0]), "--keys", str(tmp_path / "keys"))
    assert done.returncode == 1 and "is no key file" in done.stderr
