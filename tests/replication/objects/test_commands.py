"""purge_secrets and key rotation, with the portal's own store, rows and key file."""

from __future__ import annotations

import base64
import os
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from accounts.models import AuditEvent
from nodes.clusters.models import Cluster
from nodes.registry.models import Node
from nodes.vault import WrongKey
from replication.configuration.models import Baseline, Snapshot
from replication.files.core import tree
from replication.files.core.changes import Change, ChangeKind, Wanted
from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import RelPath
from replication.jobs.core.plan import NodePlan, Plan
from replication.jobs.kinds import kind_named
from replication.jobs.models import Job
from replication.objects import ObjectMissing, Store, default_store
from replication.objects.checks import find_old_folder
from replication.objects.models import StoredContent
from replication.objects.rotation import rewrap_objects


@pytest.fixture
def folder(settings, tmp_path):
    settings.DATA_DIR = tmp_path
    settings.PORTAL_KEY_FILE = str(tmp_path / "master.keys")
    _write_keys(tmp_path, 1)
    return tmp_path


def _write_keys(folder: Path, count: int, kept: str = "") -> str:
    """Put new keys before the kept ones; answers the file's text."""
    fresh = "\n".join(base64.urlsafe_b64encode(os.urandom(32)).decode() for _ in range(count))
    text = "\n".join(filter(None, (fresh, kept)))
    (folder / "master.keys").write_text(text)
    return text


def _age(days=90):
    StoredContent.objects.update(used_at=timezone.now() - timedelta(days=days))


def _snapshot(store, cluster, id_):
    built = tree.build(Manifest({RelPath("App/Userlist.dat"): FileState(1, 1, id_)}))
    for data in built.objects.values():
        store.put(data)
    return Snapshot.objects.create(cluster=cluster, root=built.root, files=1, bytes=1)


def _plan(store, id_):
    change = Change(ChangeKind.ADD, RelPath("App/Userlist.dat"), Wanted(id_, 1, 1), None)
    return store.put(kind_named("replicate").codec.dump(Plan((NodePlan(1, "MX2", (change,)),))))


@pytest.fixture
def secrets(folder, db):
    """Secret contents by what still refers to each."""
    store = default_store()
    held = {
        what: store.put(what.encode(), secret=True)
        for what in ("older snapshot", "newest snapshot", "proven", "planned", "done", "conflict")
    }
    cluster = Cluster.objects.create(name="mail", replication_mode="portal")
    node = Node.objects.create(cluster=cluster, name="MX2", address="mx2", platform="posix", install_root="/srv")
    _snapshot(store, cluster, held["older snapshot"])
    proven = _snapshot(store, cluster, held["proven"])
    _snapshot(store, cluster, held["newest snapshot"])
    Baseline.objects.create(node=node, root=proven.root, proven_at=timezone.now())
    for state, what in (("running", "planned"), ("succeeded", "done")):
        plan_object = _plan(store, held[what])
        Job.objects.create(cluster=cluster, kind="replicate", requester="system", state=state, plan_object=plan_object)
    _age()
    return held


def _purge(*arguments):
    out = StringIO()
    call_command("purge_secrets", *arguments, stdout=out)
    return out.getvalue()


def _left(held):
    # `get` and not `has`, which would make them young
    store = default_store()
    left = set()
    for what, id_ in held.items():
        try:
            assert store.get(id_) == what.encode()
            left.add(what)
        except ObjectMissing:
            continue
    return left


def test_what_is_needed_stays_and_the_rest_goes(folder, secrets):
    assert "removed: 3," in _purge("--dry-run")
    assert _left(secrets) == set(secrets)
    assert not AuditEvent.objects.exists()
    assert "removed: 3," in _purge()
    assert AuditEvent.objects.get().data["objects"] == 3
    assert _left(secrets) == {"newest snapshot", "proven", "planned"}
    assert "removed: 0," in _purge()


def test_what_is_younger_stays(folder, secrets):
    assert "removed: 0," in _purge("--days", "120")
    assert _left(secrets) == set(secrets)


@pytest.mark.parametrize("days", ["-1", "nan", "1e9"])
def test_impossible_days_are_refused(folder, secrets, days):
    with pytest.raises(CommandError, match="--days must be 0 to 36500"):
        _purge("--days", days)
    assert _left(secrets) == set(secrets)


def test_keys_that_do_not_open_stop_the_purge(folder, secrets):
    right = (folder / "master.keys").read_text()
    _write_keys(folder, 1)
    with pytest.raises(CommandError, match="Nothing was removed"):
        _purge()
    (folder / "master.keys").write_text(right)
    assert _left(secrets) == set(secrets)


def test_what_only_a_lost_tree_named_goes(folder, secrets):
    default_store().purge(Baseline.objects.values_list("root", flat=True))
    assert "removed: 4," in _purge()
    assert _left(secrets) == {"newest snapshot", "planned"}


def test_the_store_follows_the_key_file(folder, db):
    store = default_store()
    ids = [store.put(b"plain"), store.put(b"secret", secret=True)]
    old = (folder / "master.keys").read_text()
    both = _write_keys(folder, 1, kept=old)
    rewrap_objects()
    (folder / "master.keys").write_text(both.splitlines()[0])
    for reader in (store, Store()):
        assert [reader.get(id_) for id_ in ids] == [b"plain", b"secret"]


def test_what_cannot_be_rewrapped_keeps_the_old_keys(folder, db):
    default_store().put(b"x")
    StoredContent.objects.update(head=b"torn")
    turn = rewrap_objects()
    assert (turn.held, turn.again, turn.closed) == (2, 0, 1)
    assert "its head is cut off" in turn.why
    with pytest.raises(CommandError, match=r"1 of 2 in stored contents .* its head is cut off.* No key was removed"):
        call_command("rotate_keys", "--drop-old", stdout=StringIO())
    _write_keys(folder, 1)
    with pytest.raises(WrongKey, match="the key file does not hold the key"):
        rewrap_objects()


def test_rotation_tells_the_store(folder, db):
    store = default_store()
    ids = [store.put(b"plain"), store.put(b"secret", secret=True)]
    call_command("rotate_keys", "--drop-old", stdout=StringIO())
    assert len((folder / "master.keys").read_text().split()) == 1
    assert [Store().get(id_) for id_ in ids] == [b"plain", b"secret"]


def test_a_folder_of_an_older_version_is_named(db, folder, capsys):
    assert find_old_folder() == []
    (folder / "objects").mkdir()
    [warning] = find_old_folder()
    assert str(folder / "objects") in warning.msg
    call_command("check")
    assert "is not read any more" in capsys.readouterr().err
    call_command("remove_unused", skip_checks=False)
    assert "is not read any more" in capsys.readouterr().err
