"""A server that proves another host key in the middle of a session is left at once, and quarantined."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from accounts.models import User
from accounts.principals import Principal
from nodes.clusters.models import Cluster
from nodes.connection.connect import open_node
from nodes.credentials.services import Login, store_password
from nodes.enums import Health, HostKeyState
from nodes.errors import HostKeyMismatch, HostKeyUnknown
from nodes.registry.models import Node
from nodes.registry.services.nodes import NewNode, register_node
from nodes.remote.pool import close_all
from nodes.secret import Secret
from tests.deadlines import PATIENCE
from tests.factories import typed
from tests.hostile.server import KeyChanger


@contextmanager
def key_changer() -> Iterator[KeyChanger]:
    server = KeyChanger()
    server.start()
    try:
        yield server
    finally:
        close_all()
        server.stop()


def registered(server: KeyChanger, cluster: Cluster, boss: Principal) -> Node:
    login = Login(cluster_id=cluster.pk, name="portal", username=server.username)
    new = NewNode(
        cluster_id=cluster.pk,
        name="turns",
        address="127.0.0.1",
        port=server.port,
        platform="posix",
        role="primary",
        install_root="/srv/mail",
        credential_id=store_password(boss, login=login, password=Secret(server.password)).pk,
        host_key_fingerprint=server.fingerprint,
    )
    return typed(register_node(boss, new=new))


def test_what_waits_for_it_is_told_and_the_node_is_quarantined(cluster: Cluster, administrator: User) -> None:
    shown: list[str] = []
    with key_changer() as server:
        node = registered(server, cluster, Principal(user=administrator, via="console"))

        def turn(_: int) -> None:
            if not shown:
                shown.append(server.show_another_key())

        with pytest.raises(HostKeyMismatch) as caught, open_node(node) as link:
            link.session.run("sleep 100", timeout=PATIENCE, progress=turn)
        assert (caught.value.expected, caught.value.shown) == (server.fingerprint, shown[0])
        node.refresh_from_db()
        assert node.health == Health.QUARANTINED
        assert node.host_keys.get(fingerprint=shown[0]).state == HostKeyState.SEEN
        with pytest.raises(HostKeyUnknown, match="quarantined"), open_node(node):
            pass
        assert server.passwords_tried == 1
