"""Is it alive, can it work, is it installed well."""

from __future__ import annotations

import socket
import subprocess
import time
from pathlib import Path

import pytest
import redis
from django.core.management import call_command
from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

from clusterportal import checks
from tests.deadlines import PATIENCE
from tests.tools import tool


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    """A real Redis on loopback; its address."""
    port = free_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path_factory.mktemp("redis"))]
    process = subprocess.Popen([tool("redis-server"), *options], stdout=subprocess.DEVNULL)
    client = redis.Redis(port=port)
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            client.ping()
            break
        except redis.ConnectionError:
            assert time.monotonic() < deadline, "Redis did not start"
            time.sleep(0.05)
    client.close()
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait(PATIENCE)


def test_alive_without_database(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_ready_with_everything(db, client, settings, broker):
    settings.REDIS_URL = broker
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": {"database": "ok", "migrations": "ok", "broker": "ok"}}


def test_not_ready_without_broker_and_no_address_told(db, client, settings):
    settings.REDIS_URL = f"redis://:hunter22@127.0.0.1:{free_port()}/0"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["database"] == "ok"
    assert "broker does not answer" in answer.json()["checks"]["broker"]
    assert "127.0.0.1" not in answer.content.decode() and "hunter22" not in answer.content.decode()


def test_not_ready_with_an_older_schema(db, client, settings, broker):
    settings.REDIS_URL = broker
    MigrationRecorder(connection).record_unapplied("accounts", "0001_initial")
    answer = client.get("/readyz")
    assert answer.status_code == 503 and "Migrations are missing" in answer.json()["checks"]["migrations"]


def test_only_reading_is_allowed(client):
    assert client.post("/healthz").status_code == 405


# --- deploy checks ---


def found(**databases: object) -> set[str | None]:
    installed = checks.check_installation(None)
    return {message.id for message in [*installed, *checks.check_audit_log(None, databases=["default"])]}


@pytest.fixture
def installation(tmp_path: Path, settings) -> Path:
    """A data folder as ./run makes it."""
    settings.DATA_DIR, settings.PORTAL_KEY_FILE = tmp_path, str(tmp_path / "master.keys")
    settings.DEBUG, settings.ALLOWED_HOSTS, settings.SESSION_COOKIE_SECURE = False, ["portal.example"], True
    tmp_path.chmod(0o700)
    key = tmp_path / "master.keys"
    key.write_text("x" * 44)
    key.chmod(0o600)
    return tmp_path


def test_a_good_installation_has_no_finding(db, installation):
    assert found() == set()


def test_each_fault_has_its_finding(db, installation, settings):
    (installation / "master.keys").chmod(0o640)
    installation.chmod(0o755)
    settings.DEBUG, settings.ALLOWED_HOSTS, settings.SESSION_COOKIE_SECURE = True, ["*"], False
    connection.cursor().execute("DROP TRIGGER auditevent_no_delete")
    assert found() == {f"clusterportal.{code}" for code in ("E002", "E004", "E005", "E006", "E009", "W001")}


@pytest.mark.parametrize(
    ("host", "options", "broker", "findings"),
    [
        ("", {}, "redis://127.0.0.1:6379/0", set()),
        ("/run/postgresql", {}, "redis://:secret@localhost/0", set()),
        ("db.example", {"sslmode": "verify-full"}, "rediss://broker.example/0", set()),
        ("db.example", {"sslmode": "prefer"}, "redis://broker.example/0", {"W002", "W003"}),
        ("192.0.2.7", {}, "unix:///run/redis.sock", {"W002"}),
    ],
)
def test_links_that_others_can_read_are_found(installation, settings, monkeypatch, host, options, broker, findings):
    monkeypatch.setattr(connection, "vendor", "postgresql")
    monkeypatch.setitem(settings.DATABASES, "default", {"HOST": host, "OPTIONS": options})
    settings.REDIS_URL = broker
    found = {str(message.id).removeprefix("clusterportal.") for message in checks.check_installation(None)}
    assert found == findings


def test_a_lost_key_file_is_found(db, installation, settings):
    (installation / "master.keys").unlink()
    assert found() == {"clusterportal.E001"}
    settings.DATA_DIR = installation / "gone"
    assert found() == {"clusterportal.E001", "clusterportal.E003"}


# --- the schema ---


def test_the_openapi_schema_is_valid_and_without_a_warning(db, tmp_path):
    target = tmp_path / "schema.yaml"
    call_command("spectacular", "--fail-on-warn", "--validate", file=str(target))
    text = target.read_text()
    assert "/api/v1/tokens/:" in text and "application/problem+json" in text and "scheme: bearer" in text
