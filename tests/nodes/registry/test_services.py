"""Registering, changing, pausing and removing nodes; host keys; facts; ini keys."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.utils import timezone

from accounts.errors import Refused, Stale
from accounts.models import AuditEvent
from accounts.principals import SYSTEM, Principal
from nodes.cluster_log.models import ClusterLogLine
from nodes.enums import Health, HostKeyState, LogLevel
from nodes.errors import HostKeyMismatch
from nodes.facts.models import NodeFacts
from nodes.facts.services import facts
from nodes.facts.services.facts import Facts
from nodes.ini_keys import services as ini_keys_services
from nodes.ini_keys.models import IniDecision
from nodes.ini_keys.services import IniAnswer
from nodes.products.ini_render import IniKey
from nodes.registry.models import HostKey, Node
from nodes.registry.selectors import approved_fingerprint, nodes_for
from nodes.registry.services import health, host_keys, nodes
from nodes.registry.services.nodes import NewNode, NodeChange
from nodes.remote.hostkeys import HostKeyShown
from tests.factories import make_cluster, make_node

FIRST, SECOND = "SHA256:" + "a" * 43, "SHA256:" + "b" * 43


def new_node(cluster, **changes) -> NewNode:
    values = {
        "cluster_id": cluster.pk,
        "name": "MAIL1",
        "address": "10.0.0.1",
        "platform": "windows",
        "install_root": "C:\\MDaemon",
    }
    return NewNode(**(values | changes))


def shown(fingerprint: str) -> HostKeyShown:
    return HostKeyShown("ssh-ed25519", "AAAA", fingerprint, "SSH-2.0-x")


def mismatch(expected: str, other: str) -> HostKeyMismatch:
    return HostKeyMismatch(expected=expected, shown=other, key_type="ssh-ed25519", public_key="AAAB")


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def test_a_node_is_registered_as_given(keeper, cluster):
    made = nodes.register_node(keeper, new=new_node(cluster, address="Mail1.Example.com", install_root="c:/MDaemon/"))
    kept = Node.objects.get(pk=made.pk)
    assert (kept.name, kept.address, kept.port, kept.install_root) == ("MAIL1", "mail1.example.com", 22, "c:\\MDaemon")
    assert (kept.role, kept.health, approved_fingerprint(kept)) == ("secondary", "unknown", "")
    assert actions() == ["node.register"]


def test_a_fingerprint_given_with_the_registration_is_approved(keeper, cluster):
    made = nodes.register_node(keeper, new=new_node(cluster, host_key_fingerprint=f"256 {FIRST} root@x (ED25519)"))
    assert approved_fingerprint(made) == FIRST
    assert actions() == ["node.register", "host_key.approve"]


@pytest.mark.parametrize(
    ("fields", "change"),
    [
        (["name"], {"name": "-x"}),
        (["name"], {"name": "taken"}),
        (["address"], {"address": "http://x"}),
        (["address"], {"address": "10.9.9.9", "port": 2222}),
        (["port"], {"port": 0}),
        (["platform"], {"platform": "vms"}),
        (["role"], {"role": "king"}),
        (["role"], {"role": "primary"}),
        (["install_root"], {"install_root": "MDaemon"}),
        (["install_root"], {"install_root": "/srv/md"}),
        (["install_root"], {"install_root": "C:\\CON\\x"}),
        (["credential"], {"credential_id": 4711}),
        (["host_key_fingerprint"], {"host_key_fingerprint": "aa:bb"}),
        (["address", "name", "port"], {"name": "", "address": "a b", "port": 70000}),
    ],
)
def test_what_is_refused_names_the_fields_and_changes_nothing(keeper, cluster, fields, change):
    make_node(cluster, "Taken", address="10.9.9.9", port=2222, role="primary")
    with pytest.raises(ValidationError) as caught:
        nodes.register_node(keeper, new=new_node(cluster, **change))
    assert sorted(caught.value.message_dict) == fields
    assert Node.objects.count() == 1
    assert actions() == []


def test_an_operator_registers_nothing(hand, cluster):
    with pytest.raises(PermissionDenied):
        nodes.register_node(hand, new=new_node(cluster))


def test_a_change_of_address_is_recorded_and_leaves_the_host_key_pinned(keeper, cluster):
    node = nodes.register_node(keeper, new=new_node(cluster, host_key_fingerprint=FIRST))
    seen = Node.objects.get(pk=node.pk).version
    nodes.update_node(keeper, node_id=node.pk, change=NodeChange(address="10.0.0.2", port=2200), seen_version=seen)
    assert approved_fingerprint(node) == FIRST
    event = AuditEvent.objects.filter(action="node.update").get()
    assert event.data == {"address": ["10.0.0.1", "10.0.0.2"], "port": [22, 2200]}
    with pytest.raises(Stale):
        nodes.update_node(keeper, node_id=node.pk, change=NodeChange(port=1), seen_version=seen)


def test_a_change_that_is_refused_changes_nothing(keeper, cluster):
    node = nodes.register_node(keeper, new=new_node(cluster))
    with pytest.raises(ValidationError) as caught:
        nodes.update_node(keeper, node_id=node.pk, change=NodeChange(name="good", platform="posix"))
    assert list(caught.value.message_dict) == ["install_root"]
    node.refresh_from_db()
    assert (node.name, node.version) == ("MAIL1", 1)


def test_a_node_keeps_its_own_name_and_role_on_change(keeper, cluster):
    node = make_node(cluster, "a", role="primary")
    nodes.update_node(keeper, node_id=node.pk, change=NodeChange(name="A", role="primary"))
    node.refresh_from_db()
    assert node.name == "A"


def test_only_a_paused_node_is_removed(keeper, hand, cluster):
    node = make_node(cluster, "a", joining="left")
    with pytest.raises(Refused, match="Pause"):
        nodes.remove_node(keeper, node_id=node.pk)
    nodes.pause_node(hand, node_id=node.pk, reason="gone")
    with pytest.raises(PermissionDenied):
        nodes.remove_node(hand, node_id=node.pk)
    nodes.remove_node(keeper, node_id=node.pk)
    assert not Node.objects.exists()
    assert actions() == ["node.pause", "node.remove"]


def test_pause_and_resume(hand, watcher, cluster):
    node = make_node(cluster)
    nodes.pause_node(hand, node_id=node.pk, reason="why not")
    node.refresh_from_db()
    assert (node.paused, node.paused_reason, node.version) == (True, "why not", 2)
    assert AuditEvent.objects.get(action="node.pause").text == f"Paused {node.name}. why not"
    nodes.resume_node(hand, node_id=node.pk)
    node.refresh_from_db()
    assert (node.paused, node.paused_reason) == (False, "")
    with pytest.raises(PermissionDenied):
        nodes.pause_node(watcher, node_id=node.pk)


def test_nodes_of_other_clusters_are_not_seen(keeper, stranger, cluster):
    foreign = make_node(make_cluster())
    with pytest.raises(Http404):
        nodes.pause_node(keeper, node_id=foreign.pk)
    assert list(nodes_for(keeper)) == []
    assert list(nodes_for(Principal(user=stranger, via="api"))) == []


def test_a_key_that_was_seen_is_not_trusted_until_approved(keeper, hand, cluster):
    node = make_node(cluster)
    host_keys.note_host_key(hand, node_id=node.pk, shown=shown(FIRST))
    assert approved_fingerprint(node) == ""
    with pytest.raises(PermissionDenied):
        host_keys.approve_host_key(hand, node_id=node.pk, fingerprint=FIRST)
    key = host_keys.approve_host_key(keeper, node_id=node.pk, fingerprint=FIRST)
    assert (approved_fingerprint(node), key.decided_by) == (FIRST, "keeper")
    host_keys.note_host_key(hand, node_id=node.pk, shown=shown(FIRST))
    assert approved_fingerprint(node) == FIRST
    assert actions() == ["host_key.read", "host_key.approve", "host_key.read"]


@pytest.mark.parametrize("text", ["", "nonsense", SECOND])
def test_a_key_that_was_never_shown_is_not_approved(keeper, cluster, text):
    node = make_node(cluster)
    with pytest.raises(ValidationError) as caught:
        host_keys.approve_host_key(keeper, node_id=node.pk, fingerprint=text)
    assert list(caught.value.message_dict) == ["fingerprint"]
    assert not HostKey.objects.exists()


def test_one_key_is_approved_at_a_time(keeper, hand, cluster):
    node = make_node(cluster)
    host_keys.give_fingerprint(keeper, node_id=node.pk, fingerprint=FIRST)
    host_keys.note_host_key(hand, node_id=node.pk, shown=shown(SECOND))
    host_keys.approve_host_key(keeper, node_id=node.pk, fingerprint=SECOND)
    states = dict(HostKey.objects.values_list("fingerprint", "state"))
    assert states == {FIRST: HostKeyState.REVOKED, SECOND: HostKeyState.APPROVED}
    host_keys.revoke_host_key(keeper, node_id=node.pk, fingerprint=SECOND)
    assert approved_fingerprint(node) == ""


def test_another_key_quarantines_and_approval_releases(keeper, cluster):
    node = make_node(cluster)
    host_keys.give_fingerprint(keeper, node_id=node.pk, fingerprint=FIRST)
    host_keys.quarantine(node, mismatch(FIRST, SECOND))
    host_keys.quarantine(node, mismatch(FIRST, SECOND))
    node.refresh_from_db()
    assert node.health == Health.QUARANTINED
    assert FIRST in node.quarantined_reason
    assert SECOND in node.quarantined_reason
    assert approved_fingerprint(node) == FIRST
    health.set_health(node_id=node.pk, health=Health.OK)
    node.refresh_from_db()
    assert node.health == Health.QUARANTINED
    host_keys.approve_host_key(keeper, node_id=node.pk, fingerprint=SECOND)
    node.refresh_from_db()
    assert (node.health, node.quarantined_reason) == (Health.UNKNOWN, "")
    assert actions() == ["host_key.approve", "node.quarantine", "host_key.approve"]


def test_a_mismatch_with_a_key_that_is_no_longer_approved_does_not_quarantine(keeper, cluster):
    node = make_node(cluster)
    host_keys.give_fingerprint(keeper, node_id=node.pk, fingerprint=SECOND)
    host_keys.quarantine(node, mismatch(FIRST, SECOND))
    node.refresh_from_db()
    assert node.quarantined_reason == ""


def test_facts_are_kept_printable_and_within_their_columns(cluster):
    node = make_node(cluster)
    said = Facts(timezone.now(), system="Win\0dows\n" + "x" * 500, errors={"disk": "no\x1b[31m"}, disk_free=2**45)
    facts.record_facts(node_id=node.pk, facts=said)
    facts.record_facts(node_id=node.pk, facts=said)
    kept = NodeFacts.objects.get()
    assert kept.system.startswith("Win dows xxx")
    assert len(kept.system) == 200
    assert kept.errors == {"disk": "no [31m"}
    assert kept.disk_free == 2**45


def test_health_since_moves_only_when_the_word_changes(cluster):
    node = make_node(cluster)
    health.set_health(node_id=node.pk, health=Health.DOWN, cause="no answer")
    first = Node.objects.get().health_since
    health.set_health(node_id=node.pk, health=Health.DOWN, cause="still none")
    kept = Node.objects.get()
    assert (kept.health_since, kept.health_cause) == (first, "still none")
    assert kept.version == 1


def log_of(cluster) -> list[tuple[str, str, str]]:
    return list(ClusterLogLine.objects.filter(cluster=cluster).values_list("code", "node_name", "text"))


def test_absence_and_return_stand_in_the_cluster_log_once(cluster):
    node = make_node(cluster, "mx1")
    steps = [
        (Health.OK, "", []),
        (Health.DOWN, "mx1 (192.0.2.7): timed out", [("0x4151F040", "mx1", "Cluster node does not answer: mx1. ")]),
        (Health.DOWN, "another cause", []),
        (Health.DEGRADED, "it refused the login", [("0x4151F041", "mx1", "Cluster node answers again: mx1")]),
        (Health.OK, "", []),
        (Health.DOWN, "", [("0x4151F040", "mx1", "Cluster node does not answer: mx1.")]),
        (Health.OK, "", [("0x4151F041", "mx1", "Cluster node answers again: mx1")]),
    ]
    for word, cause, lines in steps:
        before = len(log_of(cluster))
        health.set_health(node_id=node.pk, health=word, cause=cause)
        new = log_of(cluster)[before:]
        assert [line[:2] for line in new] == [line[:2] for line in lines]
        assert all(got[2].startswith(line[2]) for got, line in zip(new, lines, strict=True))
    levels = ClusterLogLine.objects.values_list("level", flat=True)
    assert list(levels) == [LogLevel.WARNING, LogLevel.INFO] * 2


def test_a_server_that_comes_back_with_another_key_came_back(keeper, cluster):
    node = make_node(cluster, "mx1")
    host_keys.give_fingerprint(keeper, node_id=node.pk, fingerprint=FIRST)
    health.set_health(node_id=node.pk, health=Health.DOWN)
    host_keys.quarantine(node, mismatch(FIRST, SECOND))
    host_keys.quarantine(node, mismatch(FIRST, SECOND))
    assert [code for code, _, _ in log_of(cluster)] == ["0x4151F040", "0x4151F041"]


def kept_on(node) -> set[tuple[str, IniKey]]:
    return {(row.path, IniKey(row.section, row.key)) for row in IniDecision.objects.filter(node=node, choice="keep")}


def test_ini_keys_are_kept_until_answered_and_answers_stay(hand, cluster):
    node = make_node(cluster)
    ini_path = "App/MDaemon.ini"
    noted = [(ini_path, "Domain", "HostName"), (ini_path, "domain", "HOSTNAME"), (ini_path, "Reg", "Key")]
    assert ini_keys_services.note_kept_keys(node.pk, noted) == 2
    assert kept_on(node) == {(ini_path, IniKey("Domain", "HostName")), (ini_path, IniKey("Reg", "Key"))}
    ini_keys_services.answer_ini_key(hand, node_id=node.pk, answer=IniAnswer(ini_path, "REG", "key", "replicate"))
    assert ini_keys_services.note_kept_keys(node.pk, noted) == 0
    assert kept_on(node) == {(ini_path, IniKey("Domain", "HostName"))}
    row = IniDecision.objects.get(choice="replicate")
    assert (row.key, row.answered, row.decided_by) == ("Key", True, "operator")
    assert actions() == ["ini_key.answer"]


@pytest.mark.parametrize(
    ("field", "answer"),
    [
        ("choice", IniAnswer("App/x.ini", "a", "b", "both")),
        ("path", IniAnswer("/etc/x", "a", "b", "keep")),
        ("path", IniAnswer("App/../../x", "a", "b", "keep")),
        ("section", IniAnswer("App/x.ini", " ", "b", "keep")),
        ("key", IniAnswer("App/x.ini", "a", "k" * 201, "keep")),
        ("key", IniAnswer("App/x.ini", "a", "\u0390" * 180, "keep")),  # folds to more than its column holds
    ],
)
def test_answers_that_are_refused(hand, cluster, field, answer):
    with pytest.raises(ValidationError) as caught:
        ini_keys_services.answer_ini_key(hand, node_id=make_node(cluster).pk, answer=answer)
    assert list(caught.value.message_dict) == [field]


def test_a_node_has_only_so_many_decisions(hand, cluster, monkeypatch):
    monkeypatch.setattr(ini_keys_services, "MAX_KEYS", 1)
    node = make_node(cluster)
    ini_keys_services.answer_ini_key(hand, node_id=node.pk, answer=IniAnswer("App/x.ini", "a", "b", "keep"))
    with pytest.raises(Refused) as caught:
        ini_keys_services.answer_ini_key(hand, node_id=node.pk, answer=IniAnswer("App/x.ini", "a", "c", "keep"))
    assert caught.value.code == "too_many"
    ini_keys_services.answer_ini_key(hand, node_id=node.pk, answer=IniAnswer("App/X.ini", "A", "B", "replicate"))
    assert [row.choice for row in node.ini_decisions.all()] == ["replicate"]


def test_the_portal_itself_may_act(cluster):
    node = make_node(cluster)
    nodes.pause_node(SYSTEM, node_id=node.pk, reason="")
    assert AuditEvent.objects.get().actor == "system"
