"""After `rotate_keys --drop-old` everything that was sealed opens with the one key that is left."""

from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import decrypt
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from nodes import vault
from nodes.checks.models import RegistrationSeal
from nodes.checks.services.registration import seal_registration
from nodes.ini_keys.models import IniDecision
from nodes.ini_keys.services import note_kept_keys, note_values
from nodes.products.ini_render import DifferingKey
from nodes.secret import Secret
from tests.factories import make_node

TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
INI = "App/MDaemon.ini"


@pytest.fixture
def key_file(tmp_path, settings):
    """A key file and a data folder of this test's own."""
    settings.DATA_DIR = tmp_path
    path = tmp_path / "master.keys"
    path.write_bytes(Fernet.generate_key())
    settings.PORTAL_KEY_FILE = str(path)
    return path


@pytest.fixture
def node(key_file, cluster):
    """With an ini key whose values were compared, and one whose values nobody saw."""
    node = make_node(cluster, "mail1")
    note_kept_keys(node.pk, [(INI, "Domain", "Domain"), (INI, "Domain", "Port")])
    note_values(node.pk, [(INI, [DifferingKey("Domain", "Domain", "canary.example", "own.example")])])
    return node


def rotate() -> None:
    call_command("rotate_keys", "--drop-old", stdout=StringIO())
    assert len(vault.key_lines()) == 1


def test_values_of_ini_keys_open(node):
    before = {row.key: (row.values, row.decided_at) for row in IniDecision.objects.all()}
    rotate()
    assert {row.key: (row.values, row.decided_at) for row in IniDecision.objects.all()} == before
    assert before["Domain"][0] == Secret('["canary.example", "own.example"]')


def test_digests_of_registration_keys_open(node, keeper):
    digest = seal_registration(keeper, node_id=node.pk, key=Secret("KEY-1234")).digest
    rotate()
    assert RegistrationSeal.objects.get().digest == digest


def test_second_factors_open(key_file, administrator):
    TOTP.activate(administrator, TOTP_SECRET)
    codes = RecoveryCodes.activate(administrator).get_unused_codes()
    rotate()
    totp, recovery = Authenticator.objects.order_by("-type")
    assert decrypt(totp.data["secret"]) == TOTP_SECRET
    assert RecoveryCodes(recovery).get_unused_codes() == codes
    assert recovery.data["used_mask"] == 0


@pytest.mark.parametrize("kept", ["ini key", "registration key", "second factor"])
def test_what_does_not_open_keeps_the_old_keys(kept, node, keeper, administrator, key_file):
    IniDecision.objects.all().delete()
    if kept == "ini key":
        note_kept_keys(node.pk, [(INI, "Domain", "Domain")])
        note_values(node.pk, [(INI, [DifferingKey("Domain", "Domain", "a", "b")])])
    elif kept == "registration key":
        seal_registration(keeper, node_id=node.pk, key=Secret("KEY-1234"))
    else:
        TOTP.activate(administrator, TOTP_SECRET)
    key_file.write_bytes(Fernet.generate_key())
    with pytest.raises(CommandError, match="No key was removed"):
        call_command("rotate_keys", "--drop-old")
    assert len(vault.key_lines()) == 2
