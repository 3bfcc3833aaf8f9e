"""Hearing whether a server is there, without waiting for one that is not."""

from __future__ import annotations

import pytest

from nodes.errors import Unreachable
from nodes.remote.knock import knock
from tests.deadlines import PATIENCE
from tests.sshd import free_port


def test_a_server_that_greets_is_there(sshd):
    server = sshd()
    knock("127.0.0.1", server.port, PATIENCE)
    assert "Accepted" not in server.log


def test_a_hung_server_is_not_there_though_its_port_is_open(sshd):
    server = sshd()
    with server.hung(), pytest.raises(Unreachable, match="timed out"):
        knock("127.0.0.1", server.port, 0.3)
    knock("127.0.0.1", server.port, PATIENCE)


def test_a_closed_port_is_told_at_once():
    with pytest.raises(Unreachable, match="refused"):
        knock("127.0.0.1", free_port(), PATIENCE)
