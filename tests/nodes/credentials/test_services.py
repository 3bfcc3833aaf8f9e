"""Credentials: what is taken, what is refused with which remedy, and that nothing secret can be seen."""

import pytest
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import dsa, ec, ed25519, rsa
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.errors import Refused, Stale
from accounts.models import AuditEvent
from nodes import vault
from nodes.credentials import services as credentials_services
from nodes.credentials.models import Credential
from nodes.credentials.selectors import credentials_for
from nodes.credentials.services import CredentialChange, Login, PrivateKey
from nodes.secret import Secret
from tests.factories import make_cluster, make_node

PASSPHRASE = "canary-passphrase"


def pem(key, passphrase: str = "", form=serialization.PrivateFormat.OpenSSH):
    lock = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, lock).decode()


def login(cluster, name: str = "portal") -> Login:
    return Login(cluster_id=cluster.pk, name=name, username="svc-portal")


def sealed_text() -> str:
    with connection.cursor() as cursor:
        cursor.execute("select secret, coalesce(passphrase, '') from nodes_credential")
        return repr(cursor.fetchall())


@pytest.fixture
def key_file(tmp_path, settings):
    """A key file and a data folder of this test's own."""
    settings.DATA_DIR = tmp_path
    path = tmp_path / "master.keys"
    path.write_bytes(Fernet.generate_key())
    settings.PORTAL_KEY_FILE = str(path)
    return path


def test_a_password_is_sealed_and_opens_again(keeper, cluster):
    stored = credentials_services.store_password(keeper, login=login(cluster), password=Secret("canary pässword"))
    assert Credential.objects.get(pk=stored.pk).secret == Secret("canary pässword")
    assert "canary" not in sealed_text()
    assert "canary" not in repr(AuditEvent.objects.values())
    assert "canary" not in repr(vars(stored))


@pytest.mark.parametrize(
    "key",
    [
        ed25519.Ed25519PrivateKey.generate(),
        ec.generate_private_key(ec.SECP256R1()),
        rsa.generate_private_key(65537, 3072),
    ],
    ids=["ed25519", "ecdsa", "rsa"],
)
@pytest.mark.parametrize("passphrase", ["", PASSPHRASE])
def test_keys_are_taken_and_shown_by_their_public_half(keeper, cluster, key, passphrase):
    given = PrivateKey(Secret(pem(key, passphrase)), Secret(passphrase))
    stored = credentials_services.store_key(keeper, login=login(cluster), key=given)
    kept = Credential.objects.get(pk=stored.pk)
    assert kept.public_key.split()[0].startswith(("ssh-", "ecdsa-"))
    assert kept.fingerprint.startswith("SHA256:")
    assert kept.secret == given.text
    assert kept.passphrase == (given.passphrase if passphrase else None)
    assert "PRIVATE" not in sealed_text()


OPEN_KEY = pem(ed25519.Ed25519PrivateKey.generate())
LOCKED_KEY = pem(ed25519.Ed25519PrivateKey.generate(), PASSPHRASE)
PUBLIC_KEY = (
    ed25519.Ed25519PrivateKey.generate()
    .public_key()
    .public_bytes(serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH)
    .decode()
)
DSA_KEY = pem(dsa.generate_private_key(1024), form=serialization.PrivateFormat.TraditionalOpenSSL)
SHORT_KEY = pem(rsa.generate_private_key(65537, 1024))


@pytest.mark.parametrize(
    ("text", "passphrase", "field", "remedy"),
    [
        ("", "", "private_key", "Paste"),
        ("hello", "", "private_key", "whole file"),
        pytest.param(PUBLIC_KEY, "", "private_key", "public half", id="public half"),
        (OPEN_KEY[:120], "", "private_key", "whole file"),
        (DSA_KEY, "", "private_key", "not supported"),
        (SHORT_KEY, "", "private_key", "3072"),
        ("PuTTY-User-Key-File-3: x", "", "private_key", "PuTTYgen"),
        ("x" * 40000, "", "private_key", "at most"),
        (LOCKED_KEY, "", "passphrase", "Enter it"),
        (LOCKED_KEY, "canary wrong", "passphrase", "does not open"),
        (OPEN_KEY, "canary superfluous", "passphrase", "empty|Leave|does not"),
    ],
)
def test_keys_that_are_refused_name_the_remedy_and_never_the_key(keeper, cluster, text, passphrase, field, remedy):
    with pytest.raises(ValidationError, match=remedy) as caught:
        credentials_services.store_key(keeper, login=login(cluster), key=PrivateKey(Secret(text), Secret(passphrase)))
    assert list(caught.value.message_dict) == [field]
    assert "canary" not in str(caught.value)
    assert not Credential.objects.exists()
    assert not AuditEvent.objects.exists()


@pytest.mark.parametrize("text", ["", "two\nlines", "nul\0", "x" * 257])
def test_passwords_that_are_refused(keeper, cluster, text):
    with pytest.raises(ValidationError) as caught:
        credentials_services.store_password(keeper, login=login(cluster), password=Secret(text))
    assert list(caught.value.message_dict) == ["password"]


def test_names_are_checked_and_unique_in_their_cluster(keeper, boss, cluster):
    credentials_services.store_password(keeper, login=login(cluster), password=Secret("x"))
    bad = Login(cluster_id=cluster.pk, name="PORTAL", username="-x")
    with pytest.raises(ValidationError) as caught:
        credentials_services.store_password(keeper, login=bad, password=Secret("x"))
    assert sorted(caught.value.message_dict) == ["name", "username"]
    credentials_services.store_password(boss, login=login(make_cluster()), password=Secret("x"))


def test_only_the_clusters_administrator_stores(hand, cluster):
    with pytest.raises(PermissionDenied):
        credentials_services.store_password(hand, login=login(cluster), password=Secret("x"))


def test_a_key_pair_keeps_its_private_half(keeper, cluster):
    made = credentials_services.make_credential_key_pair(keeper, login=login(cluster))
    assert made.public_key.startswith("ssh-ed25519 AAAA")
    assert "PRIVATE" not in sealed_text()
    assert "PRIVATE KEY" in Credential.objects.get().secret.reveal()


def test_a_secret_is_replaced_by_one_of_its_kind(keeper, cluster):
    stored = credentials_services.store_password(keeper, login=login(cluster), password=Secret("old"))
    change = CredentialChange(name="renamed", password=Secret("new"))
    credentials_services.update_credential(keeper, credential_id=stored.pk, change=change, seen_version=1)
    kept = Credential.objects.get()
    assert (kept.name, kept.secret, kept.version) == ("renamed", Secret("new"), 3)
    with pytest.raises(Stale):
        credentials_services.update_credential(keeper, credential_id=stored.pk, change=change, seen_version=1)
    with pytest.raises(ValidationError, match="is a password"):
        credentials_services.update_credential(
            keeper, credential_id=stored.pk, change=CredentialChange(key=PrivateKey(Secret(OPEN_KEY)))
        )
    event = AuditEvent.objects.filter(action="credential.update").get()
    assert event.data == {"name": ["portal", "renamed"], "secret": "replaced"}


def test_a_credential_in_use_is_not_removed(keeper, cluster):
    stored = credentials_services.store_password(keeper, login=login(cluster), password=Secret("x"))
    node = make_node(cluster, "mail1", credential=stored)
    with pytest.raises(Refused, match="mail1"):
        credentials_services.remove_credential(keeper, credential_id=stored.pk)
    node.delete()
    credentials_services.remove_credential(keeper, credential_id=stored.pk)
    assert not Credential.objects.exists()


def test_lists_work_without_the_key_file(keeper, cluster, settings, tmp_path):
    credentials_services.store_password(keeper, login=login(cluster), password=Secret("x"))
    settings.PORTAL_KEY_FILE = str(tmp_path / "gone")
    assert [row.name for row in credentials_for(keeper)] == ["portal"]


def test_rotation_seals_everything_under_a_new_key(keeper, cluster, key_file, capsys):
    credentials_services.store_password(keeper, login=login(cluster), password=Secret("canary"))
    first, before = key_file.read_bytes().strip(), sealed_text()
    call_command("rotate_keys")
    assert len(vault.key_lines()) == 2
    call_command("rotate_keys", "--keep-key", "--drop-old")
    assert key_file.stat().st_mode & 0o777 == 0o600
    assert first not in key_file.read_bytes()
    assert len(vault.key_lines()) == 1
    assert sealed_text() != before
    assert Credential.objects.get().secret == Secret("canary")
    assert "removed 1 old key" in capsys.readouterr().out


def test_rotation_with_a_key_file_that_does_not_fit_changes_nothing(keeper, cluster, key_file):
    credentials_services.store_password(keeper, login=login(cluster), password=Secret("x"))
    before = sealed_text()
    key_file.write_bytes(Fernet.generate_key())
    with pytest.raises(CommandError, match="No key was removed"):
        call_command("rotate_keys", "--drop-old")
    assert sealed_text() == before
    key_file.unlink()
    with pytest.raises(CommandError, match="key file"):
        call_command("rotate_keys")
