"""A server that reads passwords never sees one that was not typed for it, whoever registers it and however."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied, ValidationError
from django.test import Client
from rest_framework.test import APIClient

from accounts.errors import Refused
from accounts.models import AuditEvent, User
from accounts.principals import Principal
from nodes.clusters.models import Cluster
from nodes.connection.connect import open_node
from nodes.connection.presence import ask_all
from nodes.credentials.models import Credential
from nodes.credentials.passwords import WRONG_AN_HOUR, Server, uses_typed
from nodes.credentials.services import (
    CredentialChange,
    Login,
    make_credential_key_pair,
    store_password,
    update_credential,
)
from nodes.enums import Health, HostKeyState
from nodes.errors import AuthRejected, PasswordUnbound
from nodes.registry.models import HostKey, Node
from nodes.registry.selectors import nodes_for, wants_password
from nodes.registry.services.host_keys import approve_host_key, give_fingerprint, look_at_host_key
from nodes.registry.services.nodes import NewNode, NodeChange, register_node, update_node
from nodes.registry.services.passwords import type_password
from nodes.remote.pool import close_all
from nodes.secret import Secret
from tests.asyncssh_node import AsyncsshNode
from tests.factories import make_node

PASSWORD = "canary-Pass1"


@pytest.fixture
def honest() -> Iterator[AsyncsshNode]:
    yield from running()


@pytest.fixture
def thief() -> Iterator[AsyncsshNode]:
    """Would let the password in, so that nothing but the portal keeps it from being sent."""
    yield from running()


def running() -> Iterator[AsyncsshNode]:
    server = AsyncsshNode(PASSWORD).start()
    yield server
    close_all()
    server.stop()


@pytest.fixture
def credential(keeper: Principal, cluster: Cluster) -> Credential:
    login = Login(cluster_id=cluster.pk, name="portal", username=AsyncsshNode.username)
    return store_password(keeper, login=login, password=Secret(PASSWORD))


def registered(keeper: Principal, credential: Credential, server: AsyncsshNode, name: str = "mx4") -> Node:
    new = NewNode(
        cluster_id=credential.cluster_id,
        name=name,
        address="127.0.0.1",
        port=server.port,
        platform="posix",
        install_root="/srv/mail",
        credential_id=credential.pk,
        host_key_fingerprint=server.fingerprint,
    )
    return register_node(keeper, new=new)


def at(node: Node, server: AsyncsshNode) -> Server:
    return Server(node.pk, "127.0.0.1", server.port, server.fingerprint)


def trusted(keeper: Principal, credential: Credential, server: AsyncsshNode) -> Node:
    """A node that the password was typed for, and that it opened once."""
    node = registered(keeper, credential, server)
    type_password(keeper, server=at(node, server), password=Secret(PASSWORD))
    assert opens(node)
    return node


def opens(node: Node) -> bool:
    try:
        with open_node(node) as link:
            link.session.stat("/")
    except AuthRejected:
        return False
    return True


def test_a_password_goes_where_it_was_typed_for(
    keeper: Principal, credential: Credential, honest: AsyncsshNode
) -> None:
    node = registered(keeper, credential, honest)
    with pytest.raises(PasswordUnbound, match="Type the password of portal for mx4"), open_node(node):
        pass
    node.refresh_from_db()
    assert (node.health, "Type the password" in node.health_cause) == (Health.DEGRADED, True)
    type_password(keeper, server=at(node, honest), password=Secret(PASSWORD))
    node.refresh_from_db()
    assert (node.health, node.health_cause) == (Health.UNKNOWN, "")
    assert opens(node)
    assert honest.passwords_tried == 1
    assert not wants_password(nodes_for(keeper).get(pk=node.pk))


def test_a_node_of_a_thief_does_not_get_it(keeper: Principal, credential: Credential, thief: AsyncsshNode) -> None:
    node = registered(keeper, credential, thief)
    assert wants_password(nodes_for(keeper).get(pk=node.pk))
    assert not opens(node)
    assert ask_all() == ()
    assert thief.auth_attempts == 0


def test_another_address_does_not_get_it(
    keeper: Principal, credential: Credential, honest: AsyncsshNode, thief: AsyncsshNode
) -> None:
    node = trusted(keeper, credential, honest)
    update_node(keeper, node_id=node.pk, change=NodeChange(port=thief.port))
    give_fingerprint(keeper, node_id=node.pk, fingerprint=thief.fingerprint)
    assert not opens(node)
    # nor does the old key at the new place, which the thief might hold: the address is part of it
    give_fingerprint(keeper, node_id=node.pk, fingerprint=honest.fingerprint)
    assert not opens(node)
    assert thief.auth_attempts == 0
    update_node(keeper, node_id=node.pk, change=NodeChange(port=honest.port))
    assert opens(node)


def test_another_key_at_the_same_address_does_not_get_it(
    keeper: Principal, credential: Credential, honest: AsyncsshNode
) -> None:
    node = trusted(keeper, credential, honest)
    port, tried, before = honest.port, honest.passwords_tried, at(node, honest)
    close_all()
    honest.change_key()
    assert honest.port == port
    look_at_host_key(keeper, node=node)
    approve_host_key(keeper, node_id=node.pk, fingerprint=honest.fingerprint)
    assert not opens(node)
    assert honest.passwords_tried == tried
    with pytest.raises(Refused, match="another host key is approved"):
        type_password(keeper, server=before, password=Secret(PASSWORD))
    type_password(keeper, server=at(node, honest), password=Secret(PASSWORD))
    assert opens(node)


def test_another_credential_does_not_get_there(
    keeper: Principal, credential: Credential, thief: AsyncsshNode, cluster: Cluster
) -> None:
    """The thief knows a password of their own and types it; the one of others does not follow."""
    own = store_password(keeper, login=Login(cluster.pk, "own", thief.username), password=Secret("own-Pass1"))
    node = registered(keeper, own, thief)
    type_password(keeper, server=at(node, thief), password=Secret("own-Pass1"))
    update_node(keeper, node_id=node.pk, change=NodeChange(credential_id=credential.pk))
    assert not opens(node)
    assert thief.passwords_tried == 0


def test_a_new_password_goes_only_where_whoever_types_it_says(
    keeper: Principal, credential: Credential, honest: AsyncsshNode, thief: AsyncsshNode
) -> None:
    """The thief knew the former password, and typed it for their own server."""
    node, other = trusted(keeper, credential, honest), registered(keeper, credential, thief, "mx5")
    type_password(keeper, server=at(other, thief), password=Secret(PASSWORD))
    honest.password = thief.password = "another-Pass2"
    change = CredentialChange(password=Secret("another-Pass2"), servers=(at(node, honest),))
    update_credential(keeper, credential_id=credential.pk, change=change)
    assert (opens(node), opens(other)) == (True, False)
    assert thief.passwords_tried == 0


def test_a_server_that_moved_while_its_password_was_typed_does_not_get_it(
    keeper: Principal, credential: Credential, honest: AsyncsshNode, thief: AsyncsshNode
) -> None:
    node = trusted(keeper, credential, honest)
    seen = at(node, honest)
    update_node(keeper, node_id=node.pk, change=NodeChange(port=thief.port))
    give_fingerprint(keeper, node_id=node.pk, fingerprint=thief.fingerprint)
    with pytest.raises(Refused, match="Look at it, then type the password again"):
        type_password(keeper, server=seen, password=Secret(PASSWORD))
    change = CredentialChange(password=Secret("another-Pass2"), servers=(seen,))
    with pytest.raises(ValidationError, match="another address now"):
        update_credential(keeper, credential_id=credential.pk, change=change)
    with pytest.raises(ValidationError, match="Give the password"):
        update_credential(keeper, credential_id=credential.pk, change=CredentialChange(servers=(at(node, thief),)))
    assert not opens(node)
    assert thief.auth_attempts == 0


def test_nobody_guesses_it(keeper: Principal, credential: Credential, thief: AsyncsshNode) -> None:
    node = registered(keeper, credential, thief)
    for number in range(WRONG_AN_HOUR):
        with pytest.raises(ValidationError, match="not the password"):
            type_password(keeper, server=at(node, thief), password=Secret(f"guess-{number}"))
    with pytest.raises(Refused, match="typed wrongly 5 times"):
        type_password(keeper, server=at(node, thief), password=Secret(PASSWORD))
    events = AuditEvent.objects.filter(action="password.wrong")
    assert [event.actor for event in events] == ["keeper"] * WRONG_AN_HOUR
    assert "guess" not in repr(list(events.values()))
    assert not opens(node)


def test_only_administrators_type_it_and_only_for_passwords(
    keeper: Principal, hand: Principal, credential: Credential, honest: AsyncsshNode, cluster: Cluster
) -> None:
    node = registered(keeper, credential, honest)
    with pytest.raises(PermissionDenied):
        type_password(hand, server=at(node, honest), password=Secret(PASSWORD))
    pair = make_credential_key_pair(keeper, login=Login(cluster.pk, "pair", "svc"))
    update_node(keeper, node_id=node.pk, change=NodeChange(credential_id=pair.pk))
    with pytest.raises(Refused, match="does not log in by a password"):
        type_password(keeper, server=at(node, honest), password=Secret(PASSWORD))
    assert not wants_password(nodes_for(keeper).get(pk=node.pk))
    assert not wants_password(nodes_for(keeper).get(pk=make_node(cluster).pk))


def test_by_rest_a_thief_gets_nothing_and_an_owner_gets_in(
    api_for, administrator: User, credential: Credential, thief: AsyncsshNode
) -> None:
    api: APIClient = api_for(administrator)
    body = {"cluster": credential.cluster_id, "name": "mx4", "address": "127.0.0.1", "port": thief.port}
    body |= {"platform": "posix", "install_root": "/srv", "credential": credential.pk}
    made = api.post("/api/v1/nodes/", body | {"host_key_fingerprint": thief.fingerprint}).json()
    assert made["password_wanted"] is True
    node = Node.objects.get(pk=made["id"])
    assert not opens(node)
    seen = {"address": "127.0.0.1", "port": thief.port, "fingerprint": thief.fingerprint}
    to = f"/api/v1/nodes/{node.pk}/password/"
    wrong = api.post(to, seen | {"password": "guess"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "password")
    assert api.post(to, seen | {"password": PASSWORD, "port": 22}).status_code == 409
    assert thief.auth_attempts == 0
    right = api.post(to, seen | {"password": PASSWORD})
    assert (right.status_code, right.json()["password_wanted"]) == (200, False)
    assert opens(node)
    thief.password = "another-Pass2"
    change = {"password": "another-Pass2", "servers": [seen | {"node": node.pk}]}
    assert api.patch(f"/api/v1/credentials/{credential.pk}/", change).status_code == 200
    assert opens(node)


def test_by_console_a_thief_gets_nothing_and_an_owner_gets_in(
    console_for, administrator: User, credential: Credential, thief: AsyncsshNode
) -> None:
    console: Client = console_for(administrator)
    fields = {"name": "mx4", "address": "127.0.0.1", "port": thief.port, "platform": "posix", "role": "primary"}
    fields |= {"install_root": "/srv", "credential": credential.pk, "host_key_fingerprint": thief.fingerprint}
    console.post(f"/clusters/{credential.cluster_id}/nodes/new/", fields)
    node = Node.objects.get()
    assert not opens(node)
    page = console.get(f"/nodes/{node.pk}/").content.decode()
    assert "Next: type the password of portal for this server." in page
    page = console.get(f"/nodes/{node.pk}/settings/host-key/").content.decode()
    assert f'name="fingerprint" value="{thief.fingerprint}"' in page
    seen = {"address": "127.0.0.1", "port": thief.port, "fingerprint": thief.fingerprint}
    wrong = console.post(f"/nodes/{node.pk}/password/", seen | {"password": "guess"}, follow=True).content.decode()
    assert "This is not the password that is stored." in wrong
    assert thief.auth_attempts == 0
    right = console.post(f"/nodes/{node.pk}/password/", seen | {"password": PASSWORD}, follow=True).content.decode()
    assert "Saved: the portal sends the password to this server" in right
    assert 'id="password"' not in right
    assert opens(node)
    edit = f"/credentials/{credential.pk}/edit/"
    page = console.get(edit).content.decode()
    assert f"mx4: 127.0.0.1, port {thief.port}, {thief.fingerprint}" in page
    assert "checked" not in page
    thief.password = "another-Pass2"
    names = {"name": "portal", "username": thief.username, "password": "another-Pass2", "seen_version": 1}
    console.post(edit, names | {"servers": f"{node.pk}\t127.0.0.1\t{thief.port}\t{thief.fingerprint}"})
    assert opens(node)


def test_an_upgrade_takes_what_is_in_use_as_typed(keeper: Principal, credential: Credential, cluster: Cluster) -> None:
    in_use = make_node(cluster, credential=credential)
    quarantined = make_node(cluster, credential=credential, quarantined_reason="It showed another key.")
    for node in (in_use, quarantined):
        HostKey.objects.create(node=node, fingerprint="SHA256:x", state=HostKeyState.APPROVED)
    HostKey.objects.create(node=in_use, fingerprint="SHA256:y", state=HostKeyState.REVOKED)
    make_node(cluster, credential=credential)  # no key was approved
    import_module("nodes.migrations.0008_password_bindings").bind_what_is_in_use(apps, None)
    assert {node.pk: wants_password(node) for node in nodes_for(keeper)}[in_use.pk] is False
    [kept] = uses_typed([credential.pk])
    assert kept.server == Server(in_use.pk, in_use.address, in_use.port, "SHA256:x")
