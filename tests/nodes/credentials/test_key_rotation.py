"""After `rotate_keys --drop-old` everything that was sealed opens with the one key that is left."""

import hashlib
import os
import re
from dataclasses import replace
from io import StringIO
from itertools import count

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.mfa.utils import decrypt, encrypt
from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from django.apps import apps
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import JSONField, TextField, Value
from django.db.models.functions import Cast
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import AuditEvent
from accounts.principals import Principal
from nodes import vault
from nodes.checks.models import RegistrationSeal
from nodes.checks.services.registration import seal_registration
from nodes.credentials import key_rotation, sealed
from nodes.credentials.key_rotation import add_key, seal_again
from nodes.credentials.models import Credential
from nodes.credentials.sealed import TokenColumn, Turn
from nodes.credentials.services import Login, PrivateKey, store_key, store_password
from nodes.facts.core import FeatureSetting
from nodes.facts.services.feature_memory import remember
from nodes.ini_keys.models import IniDecision
from nodes.ini_keys.services import note_kept_keys, note_values
from nodes.products.ini_render import DifferingKey
from nodes.secret import Secret
from nodes.shares.models import KeySearch
from nodes.shares.services import former
from nodes.shares.services.former import Written
from nodes.shares.services.reaching import ServerLogin, add_login
from replication.objects import Store, default_store
from replication.objects.keys import _key_id
from replication.objects.models import StoredContent
from tests.factories import make_node

TOTP_SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
INI = "App/MDaemon.ini"
COMMAND = Principal(user=None, via="command")


def locked_key(passphrase: str) -> str:
    lock = BestAvailableEncryption(passphrase.encode())
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, lock).decode()


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


@pytest.fixture
def everything(node, keeper, administrator, cluster):
    """A row of whatever is sealed. Plant here what a new capability seals."""
    login = Login(cluster_id=cluster.pk, name="portal", username="svc-portal")
    store_password(keeper, login=login, password=Secret("canary-password"))
    store_key(keeper, login=replace(login, name="key"), key=PrivateKey(Secret(locked_key("pass")), Secret("pass")))
    seal_registration(keeper, node_id=node.pk, key=Secret("KEY-1234"))
    switch = FeatureSetting("domain_binding", "App/Domains.dat", "a.example", "Bind", "No", "Yes")
    remember(node_id=node.pk, job_number=1, switches=[switch])
    add_login(keeper, cluster_id=cluster.pk, login=ServerLogin("fs1", "portal", password=Secret("canary-share")))
    held = [Written("users", INI, "Directories", "Mail", "canary-before", "canary-after")]
    former.remember(cluster_id=cluster.pk, job_number=1, written=held)
    found = Secret("canary-keys")
    KeySearch.objects.create(cluster=cluster, requested_by="keeper", requested_at=timezone.now(), found=found)
    TOTP.activate(administrator, TOTP_SECRET)
    codes = RecoveryCodes.activate(administrator).instance
    codes.data["migrated_codes"] = [encrypt("11111111"), encrypt("22222222")]
    codes.save()
    default_store().put(b"canary content")


TOKEN = re.compile(r"gAAAAA[0-9A-Za-z_-]{60,}={0,2}")


def cells():
    """What each column of each table holds, as the database has it."""
    for table in connection.introspection.table_names():
        with connection.cursor() as cursor:
            cursor.execute(f"select * from {connection.ops.quote_name(table)}")
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                yield from ((f"{table}.{name}", value) for name, value in zip(names, row, strict=True))


def tokens(place: str = ""):
    """Every Fernet token in any column of any table, or in one column."""
    return [token for where, value in cells() if place in where for token in TOKEN.findall(str(value))]


def names_a_master(line: bytes) -> list[str]:
    """The columns with bytes that name one of the store's master keys, by which its keys are wrapped."""
    id_ = _key_id(vault.master_keys("objects", [line])[0])
    return [place for place, value in cells() if isinstance(value, bytes | memoryview) and id_ in bytes(value)]


def put_back(token: str) -> None:
    """Store a password as it was sealed once."""
    Credential.objects.filter(name="portal").update(secret=Value(token, TextField()))


def test_rotation_knows_everything_sealed_that_the_database_holds(everything, key_file):
    """Every place has something planted, every token is counted, and none needs the old key any more."""
    [old] = vault.key_lines()
    planted = len(tokens())
    assert names_a_master(old)
    add_key()
    turns = seal_again(COMMAND)
    assert [turn.place for turn in turns if not turn.held] == []
    assert sum(turn.held for turn in turns if turn.place != "stored contents") == planted
    assert all(turn.again == turn.held and not turn.closed for turn in turns)
    newest = Fernet(vault.key_lines()[0])
    assert len(tokens()) == planted
    assert all(newest.decrypt(token.encode()) for token in tokens())
    assert names_a_master(old) == []


@pytest.mark.parametrize("place", ["nodes.Credential.secret", "nodes.Credential.passphrase", "nodes.IniDecision.values",
                                   "nodes.RegistrationSeal.digest", "mfa.Authenticator.data"])  # fmt: skip
def test_what_does_not_open_keeps_the_old_keys_and_is_named(place, everything, key_file):
    app, name, column = place.split(".")
    model = apps.get_model(app, name)
    foreign = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    stored = {"secret": foreign} if column == "data" else foreign
    pk = model._base_manager.values_list("pk", flat=True).first()
    value = Value(stored, JSONField() if column == "data" else TextField())
    model._base_manager.filter(pk=pk).update(**{column: value})
    with pytest.raises(CommandError, match=rf"1 of \d+ in {place}.*No key was removed"):
        call_command("rotate_keys", "--drop-old", stdout=StringIO())
    assert len(vault.key_lines()) == 2
    assert not vault.retired_file().exists()


def test_dropped_keys_are_kept_beside_the_key_file(everything, key_file):
    [first] = vault.key_lines()
    rotate()
    [second] = vault.key_lines()
    rotate()
    assert vault.retired_lines() == (second, first)
    assert vault.retired_file().stat().st_mode & 0o777 == 0o600


def test_what_was_sealed_under_an_old_key_while_it_left_is_sealed_again(everything, key_file):
    """A transaction of another process is committed after everything was gone through for the last time."""
    stored = Credential.objects.filter(name="portal").values_list(Cast("secret", TextField()), flat=True).get()
    rotate()
    put_back(stored)
    with pytest.raises(vault.WrongKey):
        Credential.objects.get(name="portal")
    default_store().put(b"sealed under the newest")
    said = StringIO()
    call_command("rotate_keys", "--keep-key", stdout=said)
    assert "nodes.Credential.secret: 1 of 2 sealed again" in said.getvalue()
    assert Credential.objects.get(name="portal").secret == Secret("canary-password")


def test_a_stored_content_of_a_dropped_key_is_wrapped_again(everything, key_file):
    row = StoredContent.objects.get()
    rotate()
    StoredContent.objects.filter(pk=row.pk).update(head=row.head)
    call_command("rotate_keys", "--keep-key", stdout=StringIO())
    assert Store().get(hashlib.sha256(b"canary content").hexdigest()) == b"canary content"


def test_what_comes_between_the_last_round_and_the_drop_is_sealed_again(everything, key_file, monkeypatch):
    stored = Credential.objects.filter(name="portal").values_list(Cast("secret", TextField()), flat=True).get()
    write = key_rotation._write

    def late(path, keys):
        write(path, keys)
        if path == key_file and len(keys) == 1:
            put_back(stored)

    monkeypatch.setattr(key_rotation, "_write", late)
    rotate()
    assert Credential.objects.get(name="portal").secret == Secret("canary-password")


def test_no_key_leaves_while_others_seal_under_it(everything, key_file, monkeypatch):
    """Every round finds something again that an old key sealed."""
    stored = Credential.objects.filter(name="portal").values_list(Cast("secret", TextField()), flat=True).get()
    turn = TokenColumn.__call__

    def others(column):
        put_back(stored)
        return turn(column)

    monkeypatch.setattr(TokenColumn, "__call__", others)
    with pytest.raises(CommandError, match=r"1 of 2 in nodes.Credential.secret.*No key was removed"):
        call_command("rotate_keys", "--drop-old", stdout=StringIO())
    assert len(vault.key_lines()) == 2


def test_a_rotation_that_was_ended_goes_on_where_it_was(node, key_file, monkeypatch):
    monkeypatch.setattr(sealed, "AT_ONCE", 1)
    note_values(node.pk, [(INI, [DifferingKey("Domain", "Port", "25", "26")])])
    page, pages = TokenColumn._page, count()

    def ended(column, *rest):
        if column.column == "values" and next(pages) == 1:
            raise KeyboardInterrupt
        return page(column, *rest)

    monkeypatch.setattr(TokenColumn, "_page", ended)
    with pytest.raises(KeyboardInterrupt):
        call_command("rotate_keys", "--drop-old", stdout=StringIO())
    monkeypatch.setattr(TokenColumn, "_page", page)
    assert len(vault.key_lines()) == 2
    said = StringIO()
    call_command("rotate_keys", "--keep-key", "--drop-old", stdout=said)
    assert "nodes.IniDecision.values: 1 of 2 sealed again" in said.getvalue()
    values = {row.key: row.values.reveal() for row in IniDecision.objects.all()}
    assert values == {"Domain": '["canary.example", "own.example"]', "Port": '["25", "26"]'}


def test_rows_are_gone_through_a_bounded_number_at_a_time(node, key_file, monkeypatch):
    monkeypatch.setattr(sealed, "AT_ONCE", 2)
    for number in range(5):
        other = make_node(node.cluster, f"other{number}", address=f"192.0.2.{number}")
        RegistrationSeal.objects.create(node=other, digest=Secret("x"), by="", at=timezone.now())
    with CaptureQueriesContext(connection) as queries:
        assert TokenColumn(RegistrationSeal, "digest")() == Turn("nodes.RegistrationSeal.digest", 5, 0, 0)
    pages = [query["sql"] for query in queries.captured_queries if query["sql"].startswith("SELECT")]
    assert len(pages) == 4  # the last one finds nothing
    assert all("LIMIT 2" in page for page in pages)


def test_a_key_file_replaced_within_one_tick_of_the_clock_is_read_anew(key_file):
    before = key_file.stat()
    vault.key_lines()
    fresh = key_file.with_name("fresh")
    fresh.write_bytes(line := Fernet.generate_key())
    os.utime(fresh, ns=(before.st_atime_ns, before.st_mtime_ns))
    fresh.replace(key_file)
    assert vault.key_lines() == (line,)


def test_the_rotation_is_audited_with_its_counts(everything, key_file):
    rotate()
    assert AuditEvent.objects.get(action="keys.rotate").data["nodes.Credential.secret"] == 2
