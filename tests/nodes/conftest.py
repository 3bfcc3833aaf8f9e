"""What tests of this room share."""

import pytest

from accounts.models import Role, User
from accounts.principals import Principal
from nodes.models import Cluster
from tests.factories import make_member


@pytest.fixture
def boss(administrator: User) -> Principal:
    """An administrator of the whole portal."""
    return Principal(user=administrator, via="console", remote_address="127.0.0.1")


@pytest.fixture
def watcher(viewer: User) -> Principal:
    """Sees `cluster` only."""
    return Principal(user=viewer, via="console")


@pytest.fixture
def hand(operator: User) -> Principal:
    """Operates `cluster` only."""
    return Principal(user=operator, via="console")


@pytest.fixture
def keeper(cluster: Cluster) -> Principal:
    """Administers `cluster` only."""
    return Principal(user=make_member(cluster, Role.ADMINISTRATOR, "keeper"), via="console")
