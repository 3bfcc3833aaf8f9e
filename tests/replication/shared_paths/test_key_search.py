"""Where keys stand is found on the primary, confirmed by people, and believed by nobody before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.utils import timezone

from accounts.errors import Refused
from accounts.models import AuditEvent, Role
from accounts.principals import Principal
from nodes.clusters.models import Cluster
from nodes.connection.connect import NodeLink
from nodes.enums import IniChoice, KeySource, NodeRole, PathMode, SearchState
from nodes.errors import Unreachable
from nodes.ini_keys.services import IniAnswer, answer_ini_key
from nodes.leases.errors import LeaseLost
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities
from nodes.products.masking import MASK
from nodes.registry.models import Node
from nodes.shares.models import FolderKey, KeySearch, MountPoint, SharedPaths
from replication.shared_paths import worker
from replication.shared_paths.core.keys import Found, Holds
from replication.shared_paths.selectors.keys import FolderShown, found_of, keys_shown
from replication.shared_paths.services import keys
from replication.shared_paths.services.keys import KeyPlace
from tests.factories import make_cluster, make_member, make_node
from tests.fakes.disk import FakeDisk
from tests.fakes.node import FakeSession
from tests.nodes.conftest import boss, mail_root, real_node, sshd

__all__ = ["boss", "mail_root", "real_node", "sshd"]

ROOT = "/opt/mail"
MAIN = "App/MDaemon.ini"
INI = (
    b"[Directories]\r\nMail=/opt/mail/Users/\r\nLocks=/opt/mail/LockFiles\r\nLocal=/opt/mail/Queues/Local/\r\n"
    b"[Cluster]\r\nMultiNode=No\r\n"
)
TEMPLATE = b"[Template]\r\nMailDir=/opt/mail/Users/$DOMAIN$/$MAILBOX$/\r\n"
MAIL = KeyPlace("users", MAIN, "Directories", "Mail")
LOCKS = KeyPlace("locks", MAIN, "Directories", "Locks")
SWITCH = KeyPlace("routing", MAIN, "Cluster", "MultiNode")


@pytest.fixture
def cluster(db: None) -> Cluster:
    return make_cluster("mail")


@pytest.fixture
def primary(cluster: Cluster) -> Node:
    return make_node(cluster, "mx0", role=NodeRole.PRIMARY, install_root=ROOT)


@pytest.fixture
def hand(cluster: Cluster) -> Principal:
    return Principal(user=make_member(cluster, Role.OPERATOR, "hand"), via="console")


@pytest.fixture
def keeper(cluster: Cluster) -> Principal:
    return Principal(user=make_member(cluster, Role.ADMINISTRATOR, "keeper"), via="console")


@pytest.fixture
def disk(primary: Node, monkeypatch: pytest.MonkeyPatch) -> FakeDisk:
    """What the primary holds."""
    made = FakeDisk()
    made.put(f"{ROOT}/{MAIN}", INI)
    made.put(f"{ROOT}/WebAdmin/WebAdmin.ini", TEMPLATE)

    @contextmanager
    def opened(node: Node, **_: object) -> Iterator[NodeLink]:
        yield NodeLink(FakeSession(made), platform_named("posix"), ROOT, Capabilities(), node.pk, node.name)

    monkeypatch.setattr(worker, "open_node", opened)
    return made


def searched(cluster: Cluster, principal: Principal) -> Found:
    """A search as a worker does it, in this thread."""
    keys.ask_to_search(principal, cluster_id=cluster.pk)
    return done(cluster)


def done(cluster: Cluster) -> Found:
    claim = keys.claim_search(cluster.pk, owner="me")
    assert claim is not None
    lease = worker.SearchLease(claim)
    keys.finish_search(claim, worker.find(KeySearch.objects.get(cluster=cluster), lease), **lease.columns())
    found = found_of(KeySearch.objects.get(cluster=cluster))
    assert found is not None
    return found


def shown(cluster: Cluster, role: str) -> FolderShown:
    return next(folder for folder in keys_shown(cluster).folders if folder.role == role)


def test_a_search_on_a_real_server_finds_each_folder_by_its_value(real_node: Node, mail_root, hand) -> None:
    ini = f"[Dirs]\r\nMail={mail_root}/Users/$DOMAIN$/\r\nPublic=\\\\files\\mail\\Public Folders\\\r\n"
    (mail_root / MAIN).write_bytes(ini.encode())
    (mail_root / "WebAdmin").mkdir()
    (mail_root / "WebAdmin" / "WebAdmin.ini").write_bytes(b"[broken\r\n")
    found = searched(real_node.cluster, hand)
    assert found.node == real_node.name
    assert [(one.role, one.line, one.holds) for one in found.candidates] == [
        ("users", 2, Holds.TODAY),
        ("public", 3, Holds.TODAY),
    ]
    assert found.files == (MAIN,)
    assert [one.path for one in found.unread] == ["WebAdmin/WebAdmin.ini"]
    row = KeySearch.objects.get()
    assert (row.state, row.done, row.total) == (SearchState.SUCCEEDED, row.total, row.total)


@pytest.mark.django_db(transaction=True)
def test_a_worker_does_what_was_asked_for_once(cluster, disk, hand) -> None:
    keys.ask_to_search(hand, cluster_id=cluster.pk)
    assert KeySearch.objects.get().state == SearchState.REQUESTED
    keys.ask_to_search(hand, cluster_id=cluster.pk)
    assert worker.search(cluster.pk)
    assert not worker.search(cluster.pk)
    row = KeySearch.objects.get()
    assert (row.state, row.error) == (SearchState.SUCCEEDED, "")
    assert [one.found.key for one in shown(cluster, "users").candidates] == ["Mail", "MailDir"]
    assert AuditEvent.objects.filter(action="folder_key.search").count() == 1


@pytest.mark.django_db(transaction=True)
def test_why_a_search_failed_is_said_and_what_was_found_stands(cluster, disk, hand, monkeypatch) -> None:
    searched(cluster, hand)

    def away(*_: object, **__: object) -> Any:
        raise Unreachable("mx0 does not answer.")

    monkeypatch.setattr(worker, "open_node", away)
    keys.ask_to_search(hand, cluster_id=cluster.pk)
    worker.search(cluster.pk)
    row = KeySearch.objects.get()
    assert row.state == SearchState.FAILED
    assert "does not answer" in row.error
    assert shown(cluster, "users").candidates


def test_a_dead_workers_search_is_failed_and_its_late_word_is_void(cluster, disk, hand) -> None:
    keys.ask_to_search(hand, cluster_id=cluster.pk)
    claim = keys.claim_search(cluster.pk, owner="dead")
    assert claim is not None
    KeySearch.objects.update(beat_at=timezone.now() - timedelta(hours=1))
    assert keys.sweep_searches() == []
    row = KeySearch.objects.get()
    assert (row.state, "died" in row.error) == (SearchState.FAILED, True)
    with pytest.raises(LeaseLost):
        keys.finish_search(claim, Found())
    assert KeySearch.objects.get().found is None


def test_a_search_that_waits_is_waked_and_then_given_up(cluster, disk, hand) -> None:
    assert keys.sweep_searches() == []
    keys.ask_to_search(hand, cluster_id=cluster.pk)
    assert keys.sweep_searches() == [cluster.pk]
    KeySearch.objects.update(requested_at=timezone.now() - timedelta(hours=1))
    assert keys.sweep_searches() == []
    assert "No worker" in KeySearch.objects.get().error


def test_candidates_are_found_in_every_ini_file_and_nothing_is_confirmed(cluster, disk, hand) -> None:
    found = searched(cluster, hand)
    assert [(one.role, one.path, one.key, one.below) for one in found.candidates] == [
        ("users", MAIN, "Mail", ""),
        ("locks", MAIN, "Locks", ""),
        ("queues", MAIN, "Local", "Local"),
        ("users", "WebAdmin/WebAdmin.ini", "MailDir", ""),
    ]
    assert shown(cluster, "users").is_ambiguous
    assert shown(cluster, "public").is_nowhere
    assert not FolderKey.objects.exists()


def test_secret_files_are_not_looked_into_whatever_somebody_says(cluster, disk, hand, monkeypatch) -> None:
    disk.put(f"{ROOT}/App/Userlist.dat", b"[x]\r\nk=/opt/mail/Users\r\n")
    with pytest.raises(ValidationError) as caught:
        keys.type_key(hand, cluster_id=cluster.pk, place=KeyPlace("users", "App/Userlist.dat", "x", "k"))
    assert "secret" in str(caught.value)
    assert all(one.path != "App/Userlist.dat" for one in searched(cluster, hand).candidates)


def test_confirmed_is_what_was_read_with_its_line(cluster, disk, hand, keeper) -> None:
    searched(cluster, hand)
    confirmed = keys.confirm_keys(keeper, cluster_id=cluster.pk, ids=[MAIL.id, LOCKS.id])
    assert [(key.role, key.evidence, key.source, key.by) for key in confirmed] == [
        ("users", "Mail=/opt/mail/Users/", KeySource.FOUND, "keeper"),
        ("locks", "Locks=/opt/mail/LockFiles", KeySource.FOUND, "keeper"),
    ]
    assert [one.key.key for one in shown(cluster, "users").keys] == ["Mail"]
    assert [one.found.key for one in shown(cluster, "users").candidates] == ["MailDir"]
    keys.withdraw_key(keeper, cluster_id=cluster.pk, key_id=confirmed[0].pk)
    assert [key.role for key in FolderKey.objects.all()] == ["locks"]
    assert AuditEvent.objects.filter(action="folder_key.confirm").count() == 2
    assert AuditEvent.objects.filter(action="folder_key.withdraw").count() == 1


def test_operators_find_and_administrators_confirm(cluster, disk, hand, keeper) -> None:
    viewer = Principal(user=make_member(cluster, Role.VIEWER), via="console")
    with pytest.raises(PermissionDenied):
        keys.ask_to_search(viewer, cluster_id=cluster.pk)
    searched(cluster, hand)
    with pytest.raises(PermissionDenied):
        keys.confirm_keys(hand, cluster_id=cluster.pk, ids=[MAIL.id])
    (key,) = keys.confirm_keys(keeper, cluster_id=cluster.pk, ids=[MAIL.id])
    with pytest.raises(PermissionDenied):
        keys.withdraw_key(hand, cluster_id=cluster.pk, key_id=key.pk)


def test_what_was_not_read_cannot_be_confirmed(cluster, disk, hand, keeper) -> None:
    def refused(*places: KeyPlace) -> str:
        with pytest.raises(Refused) as caught:
            keys.confirm_keys(keeper, cluster_id=cluster.pk, ids=[place.id for place in places])
        return caught.value.code

    assert refused(MAIL) == "not_read"
    searched(cluster, hand)
    assert refused(KeyPlace("users", MAIN, "Directories", "Gone")) == "no_candidate"
    assert refused(MAIL, KeyPlace("public", MAIN, "Directories", "Mail")) == "no_candidate"
    assert not FolderKey.objects.exists()  # all of them, or none
    Node.objects.filter(role=NodeRole.PRIMARY).update(role=NodeRole.SECONDARY)
    make_node(cluster, "mx9", role=NodeRole.PRIMARY)
    assert refused(MAIL) == "not_read"


def test_a_key_that_somebody_names_is_read_before_it_counts(cluster, disk, hand, keeper) -> None:
    disk.put(f"{ROOT}/{MAIN}", b"[S]\r\nBoxes=/srv/boxes/$MAILBOX$/\r\nEmpty=\r\n")
    gone = KeyPlace("public", MAIN, "S", "Gone")
    keys.type_key(hand, cluster_id=cluster.pk, place=KeyPlace("users", MAIN, "s", "boxes"))
    keys.type_key(hand, cluster_id=cluster.pk, place=gone)
    keys.type_key(hand, cluster_id=cluster.pk, place=KeyPlace("locks", MAIN, "S", "Empty"))
    done(cluster)
    candidate = shown(cluster, "users").candidates[0]
    assert (candidate.found.shown, candidate.found.place) == ("Boxes=/srv/boxes/$MAILBOX$/", "/srv/boxes")
    assert candidate.found.typed_by == "hand"
    assert {one.place.key: one.missing for one in keys_shown(cluster).typed} == {
        "boxes": False,
        "Gone": True,
        "Empty": False,
    }
    with pytest.raises(Refused) as caught:
        keys.confirm_keys(keeper, cluster_id=cluster.pk, ids=[gone.id])
    assert caught.value.code == "no_candidate"
    with pytest.raises(Refused) as caught:
        keys.confirm_keys(keeper, cluster_id=cluster.pk, ids=[KeyPlace("locks", MAIN, "S", "Empty").id])
    assert caught.value.code == "no_place"
    (key,) = keys.confirm_keys(keeper, cluster_id=cluster.pk, ids=[KeyPlace("users", MAIN, "S", "Boxes").id])
    assert (key.source, key.key) == (KeySource.TYPED, "Boxes")
    keys.take_back(hand, cluster_id=cluster.pk, key_id=gone.id)
    assert [one["key"] for one in KeySearch.objects.get().typed] == ["Empty"]


def test_one_key_is_of_one_folder(cluster, disk, hand, keeper) -> None:
    searched(cluster, hand)
    keys.confirm_keys(keeper, cluster_id=cluster.pk, ids=[MAIL.id])
    with pytest.raises(Refused) as caught:
        keys.type_key(hand, cluster_id=cluster.pk, place=KeyPlace("public", MAIN, "DIRECTORIES", "mail"))
    assert caught.value.code == "taken"


def test_the_switch_of_routing_is_named_with_its_values_and_read_back(cluster, disk, hand, keeper) -> None:
    with pytest.raises(ValidationError) as caught:
        keys.type_key(hand, cluster_id=cluster.pk, place=SWITCH, on="Yes", off="yes")
    assert list(caught.value.message_dict) == ["off"]
    keys.type_key(hand, cluster_id=cluster.pk, place=SWITCH, on="1", off="0")
    done(cluster)
    with pytest.raises(Refused) as refused:
        keys.confirm_keys(keeper, cluster_id=cluster.pk, ids=[SWITCH.id])
    assert refused.value.code == "not_the_switch"
    keys.type_key(hand, cluster_id=cluster.pk, place=SWITCH, on="Yes", off="No")
    done(cluster)
    (key,) = keys.confirm_keys(keeper, cluster_id=cluster.pk, ids=[SWITCH.id])
    assert (key.on, key.off, key.evidence, key.source) == ("Yes", "No", "MultiNode=No", KeySource.TYPED)
    done_again = searched(cluster, hand)
    assert [one.switched for one in done_again.candidates if one.role == "routing"] == ["off"]
    assert shown(cluster, "routing").keys[0].now is not None


def test_what_somebody_set_by_hand_is_proven_by_reading(cluster, primary, disk, hand) -> None:
    SharedPaths.objects.create(cluster=cluster, mode=PathMode.COMMON, common="\\\\files\\mail")
    MountPoint.objects.create(node=primary, share="\\\\files\\mail", folder="/mnt/mail")
    assert searched(cluster, hand)
    assert (shown(cluster, "users").wanted, shown(cluster, "users").by_hand) == ("/mnt/mail/Users", "")
    disk.put(f"{ROOT}/{MAIN}", b"[S]\r\nA=/mnt/mail/Users/\r\nB=\\\\FILES\\mail\\LockFiles\\\r\n")
    searched(cluster, hand)
    assert shown(cluster, "users").by_hand == "[S] A=/mnt/mail/Users/"
    assert shown(cluster, "locks").by_hand == "[S] B=\\\\FILES\\mail\\LockFiles\\"
    assert shown(cluster, "public").by_hand == ""


def test_a_confirmed_key_is_read_anew_and_says_whom_it_does_not_reach(cluster, disk, hand, keeper) -> None:
    second = make_node(cluster, "mx2")
    searched(cluster, hand)
    keys.confirm_keys(keeper, cluster_id=cluster.pk, ids=[MAIL.id])
    answer_ini_key(keeper, node_id=second.pk, answer=IniAnswer(MAIN, "directories", "MAIL", IniChoice.KEEP))
    assert [one.node for one in shown(cluster, "users").keys[0].kept] == ["mx2"]
    answer_ini_key(keeper, node_id=second.pk, answer=IniAnswer(MAIN, "Directories", "Mail", IniChoice.REPLICATE))
    assert shown(cluster, "users").keys[0].kept == ()
    disk.put(f"{ROOT}/{MAIN}", b"[Directories]\r\nLocks=x\r\n")
    searched(cluster, hand)
    (key,) = shown(cluster, "users").keys
    assert key.now is None
    assert keys_shown(cluster).gone == {key.key.folded}


def test_lines_that_look_secret_are_kept_sealed_and_masked(cluster, disk, hand) -> None:
    disk.put(f"{ROOT}/{MAIN}", b"[S]\r\nPassword=/opt/mail/Users/hunter2\r\n")
    found = searched(cluster, hand)
    assert [one.shown for one in found.candidates if one.path == MAIN] == [f"Password=/opt/mail/Users{MASK}"]
    with connection.cursor() as cursor:
        cursor.execute("SELECT found FROM nodes_keysearch")
        (stored,) = cursor.fetchone()
    assert "Users" not in stored


def test_what_was_found_is_read_anew_after_the_files_were_written(cluster: Cluster, primary: Node) -> None:
    keys.read_again(cluster)
    assert not KeySearch.objects.exists(), "nobody wanted to know"
    row = KeySearch.objects.create(
        cluster=cluster, state=SearchState.RUNNING, requested_by="hand", requested_at=timezone.now()
    )
    keys.read_again(cluster)
    row.refresh_from_db()
    assert (row.state, row.requested_by) == (SearchState.RUNNING, "hand"), "who reads now reads what is there"
    row.state = SearchState.FAILED
    row.save()
    keys.read_again(cluster)
    row.refresh_from_db()
    assert (row.state, row.requested_by) == (SearchState.REQUESTED, "system")
    assert keys.sweep_searches() == [cluster.pk], "the sweep has a worker take it"
