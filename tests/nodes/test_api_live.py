"""REST with a real server behind it: the way an operator goes, from registration to facts."""

import time
from collections.abc import Iterator

import pytest

from accounts.models import AuditEvent
from clusterportal.celery import app
from nodes.connection.connect import PROBES
from nodes.remote.pool import close_all
from tests.deadlines import promised
from tests.factories import make_node
from tests.sshd import SshdServer, free_port

CREDENTIALS, NODES = "/api/v1/credentials/", "/api/v1/nodes/"


@pytest.fixture
def sshd(tmp_path) -> Iterator[SshdServer]:
    server = SshdServer.start(tmp_path / "sshd")
    PROBES.forget()
    yield server
    close_all()
    server.stop()


@pytest.fixture
def boss(administrator, api_for):
    return api_for(administrator)


@pytest.fixture
def at_once():
    """Tasks run where they are asked for."""
    app.conf.task_always_eager = True
    yield
    app.conf.task_always_eager = False


@pytest.fixture
def mail_root(tmp_path):
    root = tmp_path / "MDaemon"
    (root / "App").mkdir(parents=True)
    (root / "App" / "MDaemon.ini").write_bytes(b"[Special]\r\nVersion=26.0.3\r\n")
    return root


def test_from_registration_to_facts(boss, cluster, sshd, mail_root, at_once):
    key = {"kind": "key", "private_key": sshd.login_key.private.reveal()}
    stored = boss.post(CREDENTIALS, key | {"cluster": cluster.pk, "name": "portal", "username": sshd.username})
    assert stored.status_code == 201, stored.content
    body = {
        "cluster": cluster.pk,
        "name": "mail1",
        "address": "127.0.0.1",
        "port": sshd.port,
        "platform": "posix",
        "role": "primary",
        "install_root": str(mail_root),
        "credential": stored.json()["id"],
    }
    node = f"{NODES}{boss.post(NODES, body).json()['id']}/"

    assert boss.post(f"{node}facts/refresh/").status_code == 202
    shown = boss.get(node).json()
    assert shown["health"] == "unknown"
    assert "Approve" in shown["health_cause"]

    seen = boss.post(f"{node}host-key/fetch/").json()
    assert (seen["fingerprint"], seen["state"]) == (sshd.fingerprint, "seen")
    assert boss.get(f"{node}host-key/").json()["approved"] is None
    approved = boss.post(f"{node}host-key/approve/", {"fingerprint": seen["fingerprint"]}).json()
    assert approved["approved"]["fingerprint"] == sshd.fingerprint

    asked = boss.post(f"{node}facts/refresh/")
    assert asked.status_code == 202
    facts = boss.get(asked.json()["facts"]).json()
    assert facts["read_at"] >= asked.json()["requested_at"]
    assert facts["product_version"] == "26.0.3"
    assert facts["capabilities"]["can_hash"] is True
    assert facts["clock_uncertainty_ms"] > 0
    assert facts["folders"]
    assert facts["errors"] == {}
    assert boss.get(node).json()["health"] == "ok"

    fresh = sshd.swap_host_key()
    close_all()
    boss.post(f"{node}facts/refresh/")
    shown = boss.get(node).json()
    assert shown["health"] == "quarantined"
    assert fresh in shown["quarantined_reason"]
    assert shown["approved_host_key"] == approved["approved"]["fingerprint"]
    acts = set(AuditEvent.objects.values_list("action", flat=True))
    assert {
        "credential.store",
        "node.register",
        "host_key.read",
        "host_key.approve",
        "node.refresh",
        "node.quarantine",
    } <= acts


def test_a_server_that_is_away_is_a_problem_of_the_node(boss, cluster):
    node = make_node(cluster, address="127.0.0.1", port=free_port())
    answer = boss.post(f"{NODES}{node.pk}/host-key/fetch/")
    assert answer.status_code == 502
    assert answer.json()["code"] == "unreachable"
    assert boss.get(f"{NODES}{node.pk}/host-key/").json()["keys"] == []


@pytest.fixture
def no_broker():
    """Messages go to a port where nothing listens."""
    before, app.conf.broker_url = app.conf.broker_url, f"redis://127.0.0.1:{free_port()}/0"
    app._after_fork()
    yield
    app.conf.broker_url = before
    app._after_fork()


def test_a_broker_that_is_away_is_told_at_once(boss, cluster, no_broker):
    started = time.monotonic()
    answer = boss.post(f"{NODES}{make_node(cluster).pk}/facts/refresh/")
    assert answer.status_code == 409
    assert answer.json()["code"] == "no_broker"
    assert time.monotonic() - started < promised(5)
