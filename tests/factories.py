"""Small rows for tests: a cluster, a node, people. Each call makes new ones; names count up."""

from __future__ import annotations

import itertools
from datetime import timedelta

from django.utils import timezone
from knox.crypto import create_token_string, hash_token

from accounts.models import ApiToken, Role, User
from accounts.principals import SYSTEM
from nodes.clusters.models import Cluster, Membership
from nodes.credentials.passwords import bind
from nodes.credentials.services import servers_of
from nodes.enums import Clustering, Joining, NodeRole, PlatformName, ReplicationMode
from nodes.registry.models import Node

_numbers = itertools.count(1)
PASSWORD = "correct horse battery staple"

BACKEND = "accounts.backends.PortalUsers"
"""By which a browser is logged in without a log-in."""


def make_user(name: str = "", **fields) -> User:
    """A user with PASSWORD."""
    return User.objects.create_user(name or f"user{next(_numbers)}", password=PASSWORD, **fields)


def make_token(user: User, role: Role = Role.ADMINISTRATOR, **fields) -> tuple[ApiToken, str]:
    """A token row and its secret, as the library stores them."""
    secret = "cpt_" + create_token_string()
    fields.setdefault("expiry", timezone.now() + timedelta(days=200))
    fields.setdefault("name", "test")
    row = ApiToken.objects.create(digest=hash_token(secret), token_key=secret[:15], user=user, role=role, **fields)
    return row, secret


def make_cluster(name: str = "", **fields) -> Cluster:
    """A cluster that the portal replicates, resumed."""
    fields.setdefault("paused", False)
    fields.setdefault("clustering", Clustering.ON)
    fields.setdefault("clustering_since", timezone.now())
    fields.setdefault("replication_mode", ReplicationMode.PORTAL)
    return Cluster.objects.create(name=name or f"cluster{next(_numbers)}", **fields)


def make_node(cluster: Cluster, name: str = "", **fields) -> Node:
    """A POSIX node that has joined; nothing listens at its address."""
    number = next(_numbers)
    fields.setdefault("address", f"192.0.2.{number % 250 + 1}")
    fields.setdefault("port", 1024 + number)
    fields.setdefault("platform", PlatformName.POSIX)
    fields.setdefault("role", NodeRole.SECONDARY)
    fields.setdefault("joining", Joining.JOINED)
    fields.setdefault("install_root", "/opt/mail")
    return Node.objects.create(cluster=cluster, name=name or f"node{number}", **fields)


def typed(node: Node) -> Node:
    """The node, once the password of its credential was typed for it as it is."""
    assert node.credential is not None
    for server in servers_of(node.credential):
        if server.node_id == node.pk:
            bind(SYSTEM, node.credential, server)
    return node


def make_member(cluster: Cluster, role: Role, name: str = "") -> User:
    """A user with a role on one cluster and none on the portal."""
    user = make_user(name)
    Membership.objects.create(user=user, cluster=cluster, role=role)
    return user
