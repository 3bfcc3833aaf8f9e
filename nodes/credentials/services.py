"""How the portal logs in: passwords, keys and key pairs. Secrets go in and never come out by any face."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from django.db import transaction

from accounts.audit import Subject, record
from accounts.errors import Refused
from accounts.models import Role
from accounts.principals import Principal
from nodes.clusters.access import require, take_cluster
from nodes.clusters.models import Cluster
from nodes.credentials.models import Credential
from nodes.credentials.passwords import Server, bind
from nodes.enums import CredentialKind, HostKeyState
from nodes.remote.keypairs import inspect_private_key, make_key_pair
from nodes.rows import compare, count, put, take
from nodes.secret import Secret
from nodes.validators import FieldErrors, title
from nodes.validators import username as checked_username

MAX_PASSWORD = 256
MAX_KEY = 32 * 1024
"""Characters of a private key text; an 8192-bit RSA key has about 6,500."""


@dataclass(frozen=True, slots=True)
class Login:
    """What every credential has: whose it is, what it is called, and the user name on the nodes."""

    cluster_id: int
    name: str
    username: str


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A private key text (OpenSSH or PEM) and the passphrase that opens it."""

    text: Secret
    passphrase: Secret | None = None


@dataclass(frozen=True, slots=True)
class CredentialChange:
    """What to change; None leaves it as it is. A password replaces a password, a key a key. `servers`: those that a
    new password is typed for; it is sent to no other before somebody types it for that one."""

    name: str | None = None
    username: str | None = None
    password: Secret | None = None
    key: PrivateKey | None = None
    servers: tuple[Server, ...] = ()


@dataclass(frozen=True, slots=True)
class _Sealed:
    """The columns that hold the secret, and what may be shown of it."""

    kind: CredentialKind
    secret: Secret
    passphrase: Secret | None = None
    public_key: str = ""
    fingerprint: str = ""


@transaction.atomic
def store_password(principal: Principal, *, login: Login, password: Secret) -> Credential:
    """Keep a user name with a password. Needs the cluster's administrator. Raises ValidationError by field."""
    cluster = take_cluster(principal, login.cluster_id, Role.ADMINISTRATOR)
    checks = FieldErrors()
    sealed = _check_password(checks, password)
    return _create(principal, cluster, login, checks, sealed)


@transaction.atomic
def store_key(principal: Principal, *, login: Login, key: PrivateKey) -> Credential:
    """Keep a user name with a private key. Needs the cluster's administrator. Raises ValidationError by field."""
    cluster = take_cluster(principal, login.cluster_id, Role.ADMINISTRATOR)
    checks = FieldErrors()
    sealed = _check_key(checks, key)
    return _create(principal, cluster, login, checks, sealed)


@transaction.atomic
def make_credential_key_pair(principal: Principal, *, login: Login) -> Credential:
    """Make a key pair; the private half never leaves the portal. Needs the cluster's administrator."""
    cluster = take_cluster(principal, login.cluster_id, Role.ADMINISTRATOR)
    pair = make_key_pair(f"clusterportal-{cluster.pk}")
    sealed = _Sealed(CredentialKind.KEY, pair.private, public_key=pair.public.strip(), fingerprint=pair.fingerprint)
    return _create(principal, cluster, login, FieldErrors(), sealed)


@transaction.atomic
def update_credential(
    principal: Principal, *, credential_id: int, change: CredentialChange, seen_version: int | None = None
) -> Credential:
    """Rename, or replace the secret. Needs the cluster's administrator. Raises ValidationError by field, Stale."""
    credential = take_credential(principal, credential_id, Role.ADMINISTRATOR, seen_version)
    checks = FieldErrors()
    names = _check_names(checks, change, credential)
    sealed = _check_replacement(checks, credential, change)
    _check_servers(checks, credential, change)
    checks.finish()
    changed: dict[str, object] = dict(put(credential, names))
    if sealed is not None:
        _reseal(credential, sealed)
        for server in change.servers:
            bind(principal, credential, server)
        changed |= {"secret": "replaced"}
    if changed:
        text = f"Changed {', '.join(changed)} of credential {credential.name}."
        _audit(principal, credential, "credential.update", text, changed)
    return credential


@transaction.atomic
def remove_credential(principal: Principal, *, credential_id: int, seen_version: int | None = None) -> None:
    """Forget a credential. Needs the cluster's administrator. Raises Refused while a node uses it."""
    credential = take_credential(principal, credential_id, Role.ADMINISTRATOR, seen_version)
    users = list(credential.nodes.values_list("name", flat=True))
    if users:
        raise Refused("in_use", f"{', '.join(users)} still uses it.", "Give the node another credential first.")
    _audit(principal, credential, "credential.remove", f"Removed credential {credential.name}.", {})
    credential.delete()


def _check_password(checks: FieldErrors, password: Secret) -> _Sealed:
    text = password.reveal()
    if not text:
        checks.complain("password", "Give the password.", code="required")
    elif len(text) > MAX_PASSWORD:
        checks.complain("password", f"Use at most {MAX_PASSWORD} characters.", code="max_length")
    elif any(character in "\0\r\n" for character in text):
        checks.complain("password", "Give the password on one line.")
    return _Sealed(CredentialKind.PASSWORD, password)


def _check_key(checks: FieldErrors, key: PrivateKey) -> _Sealed:
    text = key.text.reveal()
    if not text.strip():
        checks.complain("private_key", "Paste the private key.", code="required")
    elif len(text) > MAX_KEY:
        checks.complain("private_key", f"Use at most {MAX_KEY} characters: this is no private key.", code="max_length")
    else:
        return _inspect(checks, key)
    return _Sealed(CredentialKind.KEY, key.text)


def _inspect(checks: FieldErrors, key: PrivateKey) -> _Sealed:
    passphrase = key.passphrase or None
    try:
        info = inspect_private_key(key.text, passphrase)
    except ValueError as error:
        # "field: what to do", never the key
        field, _, remedy = str(error).partition(": ")
        checks.complain(field, remedy)
        return _Sealed(CredentialKind.KEY, key.text)
    return _Sealed(CredentialKind.KEY, key.text, passphrase, info.public.strip(), info.fingerprint)


def _check_replacement(checks: FieldErrors, credential: Credential, change: CredentialChange) -> _Sealed | None:
    if change.password is not None and credential.kind != CredentialKind.PASSWORD:
        checks.complain("password", "This credential is a key; paste a private key, or store a new credential.")
    elif change.password is not None:
        return _check_password(checks, change.password)
    if change.key is not None and credential.kind != CredentialKind.KEY:
        checks.complain("private_key", "This credential is a password; give a password, or store a new credential.")
    elif change.key is not None:
        return _check_key(checks, change.key)
    return None


def _check_servers(checks: FieldErrors, credential: Credential, change: CredentialChange) -> None:
    """They must be what whoever types sees: another may have moved one meanwhile, to a server of their own."""
    if change.servers and change.password is None:
        checks.complain("servers", "Give the password that is typed for them.")
    elif not set(change.servers) <= set(servers_of(credential)):
        checks.complain("servers", "One of them is at another address now, or has another host key. Look, then repeat.")


def servers_of(credential: Credential) -> list[Server]:
    """The servers that log in by a credential and have an approved host key."""
    approved = credential.nodes.filter(host_keys__state=HostKeyState.APPROVED)
    rows = approved.values_list("pk", "address", "port", "host_keys__fingerprint")
    return [Server(*row) for row in rows]


def _check_names(checks: FieldErrors, change: CredentialChange, credential: Credential) -> dict[str, str]:
    names: dict[str, str] = {}
    if change.name is not None:
        names["name"] = checks("name", title, change.name)
        _unique_name(checks, credential.cluster_id, names["name"], besides=credential.pk)
    if change.username is not None:
        names["username"] = checks("username", checked_username, change.username)
    return names


def _unique_name(checks: FieldErrors, cluster_id: int, name: str, *, besides: int = 0) -> None:
    if Credential.objects.filter(cluster=cluster_id, name__iexact=name).exclude(pk=besides).exists():
        checks.complain("name", "Another credential of this cluster has this name.", code="unique")


def _create(principal: Principal, cluster: Cluster, login: Login, checks: FieldErrors, sealed: _Sealed) -> Credential:
    name = checks("name", title, login.name)
    user = checks("username", checked_username, login.username)
    _unique_name(checks, cluster.pk, name)
    checks.finish()
    credential = Credential.objects.create(
        cluster=cluster,
        name=name,
        username=user,
        kind=sealed.kind,
        secret=sealed.secret,
        passphrase=sealed.passphrase,
        public_key=sealed.public_key,
        fingerprint=sealed.fingerprint,
    )
    data = {"kind": credential.kind, "username": user, "fingerprint": credential.fingerprint}
    _audit(principal, credential, "credential.store", f"Stored credential {name} for {user}.", data)
    return credential


def _reseal(credential: Credential, sealed: _Sealed) -> None:
    credential.secret, credential.passphrase = sealed.secret, sealed.passphrase
    credential.public_key, credential.fingerprint = sealed.public_key, sealed.fingerprint
    credential.secret_version += 1
    count(credential, "secret", "passphrase", "secret_version", "public_key", "fingerprint", "changed_at")


def _audit(principal: Principal, credential: Credential, action: str, text: str, data: Mapping[str, object]) -> None:
    record(principal, action, text, cluster=credential.cluster, subject=Subject.of(credential), data=data)


def take_credential(
    principal: Principal, credential_id: int, role: Role, seen_version: int | None = None
) -> Credential:
    """Lock a credential without opening its secrets. Raises Http404, PermissionDenied, Stale."""
    rows = Credential.objects.defer("secret", "passphrase")
    credential = take(rows, credential_id, "credential")
    require(principal, credential.cluster_id, role)
    return compare(credential, seen_version)
