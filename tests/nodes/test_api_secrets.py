"""Canary secrets go in by every door of REST, and are looked for everywhere afterwards."""

import logging
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from django.db import connection

from accounts.models import AuditEvent
from nodes.credentials.models import Credential
from tests.tools import tool

CREDENTIALS = "/api/v1/credentials/"
PASSWORD, REPLACED = "canary-password-7f3a", "canary-replaced-19cc"
PASSPHRASE, WRONG = "canary-passphrase-52be", "canary-wrong-0d41"
TOO_LONG = "canary-long-88ab" * 40


def locked_key() -> str:
    return (
        ed25519.Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.OpenSSH,
            serialization.BestAvailableEncryption(PASSPHRASE.encode()),
        )
        .decode()
    )


@pytest.fixture
def everything_logged(caplog):
    caplog.set_level(logging.DEBUG)
    return caplog


def database_bytes() -> bytes:
    """What is on disk, the write-ahead log included.

    Another process reads it: a process that closes any descriptor of a file loses all its locks on it (POSIX), those of
    SQLite too. The next process that ended would then take itself for the last one and remove the log under this one,
    whose later connections fail with "disk I/O error".
    """
    path = Path(connection.settings_dict["NAME"])
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    files = sorted(path.parent.glob(path.name + "*"))
    return subprocess.run([tool("cat"), *files], check=True, capture_output=True).stdout


@pytest.mark.django_db(transaction=True)
def test_no_secret_is_seen_again(administrator, cluster, api_for, everything_logged):
    boss, key = api_for(administrator), locked_key()
    base = {"cluster": cluster.pk, "username": "svc"}
    answers = [
        boss.post(CREDENTIALS, base | {"name": "a", "kind": "password", "password": PASSWORD}),
        boss.post(CREDENTIALS, base | {"name": "b", "kind": "key", "private_key": key, "passphrase": PASSPHRASE}),
        boss.post(f"{CREDENTIALS}key-pair/", base | {"name": "c"}),
    ]
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    first, second = answers[0].json()["id"], answers[1].json()["id"]
    answers.append(boss.patch(f"{CREDENTIALS}{first}/", {"password": REPLACED}))
    assert answers[-1].status_code == 200
    refused = [
        boss.post(CREDENTIALS, base | {"name": "d", "kind": "key", "private_key": key, "passphrase": WRONG}),
        boss.post(CREDENTIALS, base | {"name": "d", "kind": "password", "password": TOO_LONG}),
        boss.post(CREDENTIALS, base | {"name": "d", "kind": "password", "password": [PASSWORD]}),
        boss.post(CREDENTIALS, base | {"name": "d", "kind": "password", "password": PASSWORD + "\0"}),
        boss.patch(f"{CREDENTIALS}{second}/", {"password": PASSWORD}),
        boss.patch(f"{CREDENTIALS}{first}/", {"private_key": key, "passphrase": PASSPHRASE}),
    ]
    assert [answer.status_code for answer in refused] == [400] * 6
    answers += refused
    answers += [
        boss.get(CREDENTIALS),
        boss.get(f"{CREDENTIALS}{first}/"),
        boss.get(f"{CREDENTIALS}{second}/letting-in/"),
    ]

    made = Credential.objects.get(name="c").secret.reveal()
    secrets = [PASSWORD, REPLACED, PASSPHRASE, WRONG, TOO_LONG, *_bodies(key), *_bodies(made)]
    places = {
        "answers": "".join(answer.content.decode() for answer in answers),
        "headers": "".join(str(answer.headers) for answer in answers),
        "log": everything_logged.text + repr([vars(record) for record in everything_logged.records]),
        "audit": repr(list(AuditEvent.objects.values())),
        "rows": repr([vars(row) for row in Credential.objects.all()]),
        "database": database_bytes().decode("latin-1"),
    }
    assert "svc" in places["database"]
    found = [(name, secret) for name, text in places.items() for secret in secrets if secret in text]
    assert found == []


def _bodies(pem: str) -> list[str]:
    """The lines of a private key that are the key itself."""
    return [line for line in pem.splitlines() if len(line) > 40 and "-----" not in line and "AAAAB" not in line[:40]]
