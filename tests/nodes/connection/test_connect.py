"""From a row to a session, on a real sshd: pinned host keys, quarantine, credentials, capabilities."""

import pytest
from django.db import connection

from accounts.models import AuditEvent
from nodes.cluster_log.models import ClusterLogLine
from nodes.connection.connect import PROBES, doors_of, open_node
from nodes.credentials import services as credentials_services
from nodes.credentials.models import Credential
from nodes.credentials.services import CredentialChange, PrivateKey
from nodes.enums import Health, HostKeyState
from nodes.errors import AuthRejected, HostKeyMismatch, HostKeyUnknown, SessionLost, TimedOut, Unreachable
from nodes.platforms.base import Capabilities
from nodes.registry.models import Node
from nodes.registry.selectors import approved_fingerprint
from nodes.registry.services import host_keys, nodes
from nodes.registry.services.host_keys import look_at_host_key
from nodes.registry.services.nodes import NodeChange
from nodes.remote.keypairs import make_key_pair
from nodes.remote.pool import close_all
from nodes.secret import Secret
from tests.factories import make_node
from tests.sshd import SshdServer, free_port


def names(link) -> set[str]:
    return {entry.name for entry in link.session.list_folder(link.root)}


def test_a_node_is_reached_and_probed_once(real_node, mail_root, sshd):
    with open_node(real_node) as link:
        assert names(link) == {"App", "Logs", "Users"}
        assert (link.root, link.node_name, link.node_id) == (str(mail_root), "real1", real_node.pk)
        assert link.capabilities == Capabilities(
            can_list=True, can_hash=True, can_untar=True, can_link=True, can_archive=True
        )
    commands = sshd.log.count("Starting session: command")
    with open_node(real_node) as link:
        assert link.capabilities.can_list
    assert sshd.log.count("Starting session: command") == commands


def test_no_approved_key_means_no_connection(real_node, keeper, sshd):
    host_keys.revoke_host_key(keeper, node_id=real_node.pk, fingerprint=sshd.fingerprint)
    with pytest.raises(HostKeyUnknown, match="Approve"), open_node(real_node):
        pass


def test_a_swapped_host_key_quarantines_before_any_login(real_node, keeper, tmp_path):
    server = SshdServer.start(tmp_path / "swapped", authorized_keys=[])
    try:
        host_keys.give_fingerprint(keeper, node_id=real_node.pk, fingerprint=server.fingerprint)
        nodes.update_node(keeper, node_id=real_node.pk, change=NodeChange(port=server.port))
        credentials_services.update_credential(
            keeper,
            credential_id=real_node.credential_id,
            change=CredentialChange(key=PrivateKey(server.login_key.private)),
        )
        with open_node(real_node) as link:
            assert "App" in names(link)
        approved, fresh = server.fingerprint, server.swap_host_key()
        logins = server.log.count("Accepted publickey")
        with pytest.raises(HostKeyMismatch), open_node(real_node):
            pass
        assert server.log.count("Accepted publickey") == logins
        node = Node.objects.get(pk=real_node.pk)
        assert node.health == Health.QUARANTINED
        assert approved_fingerprint(node) == approved
        assert node.host_keys.get(fingerprint=fresh).state == HostKeyState.SEEN
        with pytest.raises(HostKeyUnknown, match="quarantined"), open_node(real_node):
            pass
        assert AuditEvent.objects.filter(action="node.quarantine").count() == 1
        host_keys.approve_host_key(keeper, node_id=node.pk, fingerprint=fresh)
        with open_node(real_node) as link:
            assert "App" in names(link)
    finally:
        close_all()
        server.stop()


def test_a_key_that_is_not_let_in_is_told_so(real_node, keeper):
    other = CredentialChange(key=PrivateKey(make_key_pair("x").private))
    credentials_services.update_credential(keeper, credential_id=real_node.credential_id, change=other)
    with pytest.raises(AuthRejected), open_node(real_node):
        pass
    assert Node.objects.get(pk=real_node.pk).health == Health.DEGRADED


def test_a_node_without_credential_is_told_so(real_node):
    Node.objects.filter(pk=real_node.pk).update(credential=None)
    with pytest.raises(AuthRejected, match="no credential"), open_node(real_node):
        pass


def test_a_lost_key_file_is_told_as_such(real_node, settings, tmp_path):
    settings.PORTAL_KEY_FILE = str(tmp_path / "gone")
    with pytest.raises(AuthRejected, match="key file"), open_node(real_node):
        pass


def test_a_server_that_is_away_is_unreachable(real_node, keeper):
    nodes.update_node(keeper, node_id=real_node.pk, change=NodeChange(port=free_port()))
    with pytest.raises(Unreachable), open_node(real_node):
        pass


def test_whoever_finds_a_node_away_says_so_at_once_and_its_return_too(real_node, keeper, sshd):
    with open_node(real_node):
        pass
    assert Node.objects.get(pk=real_node.pk).health == Health.OK
    nodes.update_node(keeper, node_id=real_node.pk, change=NodeChange(port=free_port()))
    with pytest.raises(Unreachable), open_node(real_node):
        pass
    away = Node.objects.get(pk=real_node.pk)
    assert (away.health, "does not answer" in away.health_cause) == (Health.DOWN, True)
    nodes.update_node(keeper, node_id=real_node.pk, change=NodeChange(port=sshd.port))
    with open_node(real_node):
        pass
    back = Node.objects.get(pk=real_node.pk)
    assert (back.health, back.health_cause) == (Health.OK, "")
    assert back.reached_at and away.health_since and back.reached_at > away.health_since


def test_a_server_that_lets_in_and_does_nothing_is_away_all_the_while(real_node):
    for _ in range(3):
        with pytest.raises(TimedOut), open_node(real_node):
            raise TimedOut()
    node = Node.objects.get(pk=real_node.pk)
    assert node.health == Health.DOWN
    said = ClusterLogLine.objects.filter(text__contains=real_node.name).values_list("text", flat=True)
    assert ["answer" in text for text in said].count(True) == 1, "that it does not, once"


def test_a_session_that_breaks_under_work_says_so_too(real_node):
    with pytest.raises(SessionLost), open_node(real_node):
        raise SessionLost()
    assert Node.objects.get(pk=real_node.pk).health == Health.DOWN


def test_who_answers_as_before_costs_no_write(real_node, django_assert_num_queries):
    with open_node(real_node):
        pass
    with django_assert_num_queries(3), open_node(real_node):
        pass


def test_the_doors_of_many_are_read_at_once(real_node, django_assert_num_queries):
    other = make_node(real_node.cluster, credential=real_node.credential)
    with open_node(real_node):
        pass
    with django_assert_num_queries(3):
        doors = doors_of([real_node.pk, other.pk])
    with django_assert_num_queries(0), open_node(real_node, doors[real_node.pk]) as link:
        assert "App" in names(link)
    with pytest.raises(HostKeyUnknown, match="Approve"), open_node(other, doors[other.pk]):
        pass


def test_a_credential_that_cannot_be_opened_shuts_no_other_door(real_node):
    broken = Credential.objects.create(cluster=real_node.cluster, name="broken", username="x", secret=Secret("secret"))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE nodes_credential SET secret = 'nonsense' WHERE id = %s", [broken.pk])
    other = make_node(real_node.cluster, credential_id=broken.pk)
    other.host_keys.create(fingerprint="SHA256:other", state=HostKeyState.APPROVED)
    doors = doors_of([real_node.pk, other.pk])
    with open_node(real_node, doors[real_node.pk]) as link:
        assert "App" in names(link)
    with pytest.raises(AuthRejected, match="cannot be opened"), open_node(other, doors[other.pk]):
        pass


def test_a_server_with_sftp_alone_has_no_capabilities(real_node, keeper, tmp_path):
    server = SshdServer.start(tmp_path / "sftp", sftp_only=True)
    try:
        host_keys.give_fingerprint(keeper, node_id=real_node.pk, fingerprint=server.fingerprint)
        nodes.update_node(keeper, node_id=real_node.pk, change=NodeChange(port=server.port))
        change = CredentialChange(key=PrivateKey(server.login_key.private))
        credentials_services.update_credential(keeper, credential_id=real_node.credential_id, change=change)
        PROBES.forget()
        with open_node(real_node) as link:
            assert link.capabilities == Capabilities()
            assert "App" in names(link)
    finally:
        close_all()
        server.stop()


def test_a_host_key_is_looked_at_without_a_login(real_node, hand, sshd):
    logins = sshd.log.count("Accepted publickey")
    key = look_at_host_key(hand, node=real_node)
    assert (key.fingerprint, key.state, key.key_type) == (sshd.fingerprint, HostKeyState.APPROVED, "ssh-ed25519")
    assert key.public_key
    assert sshd.log.count("Accepted publickey") == logins


def test_a_target_shows_no_secret(real_node):
    with open_node(real_node) as link:
        assert "PRIVATE" not in repr(link)
    assert "PRIVATE" not in repr(vars(Node.objects.select_related("credential").get(pk=real_node.pk).credential))
    assert str(Secret("x")) == "Secret(***)"
