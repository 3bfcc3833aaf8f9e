"""For which servers a password was typed. It is sent to no other: whoever may register servers could else have it sent
to one of their own, and read it there."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import timedelta

from django.utils import timezone

from accounts.audit import Subject, record
from accounts.errors import Refused
from accounts.models import AuditEvent
from accounts.principals import Principal
from nodes.credentials.models import Credential, PasswordBinding
from nodes.secret import Secret

WRONG = "password.wrong"
WRONG_AN_HOUR = 5
"""How often a credential's password may be typed wrongly, by all people together, before nobody may try: else whoever
administers a cluster could guess it here, where no server counts along."""


@dataclass(frozen=True, slots=True)
class Server:
    """A server as whoever types a password sees it: a node, where it is, and the host key it must show."""

    node_id: int
    address: str
    port: int
    fingerprint: str

    def __str__(self) -> str:
        return f"{self.address}, port {self.port}, {self.fingerprint}"


@dataclass(frozen=True, slots=True)
class PasswordUse:
    """A password, which changes with `secret_version`, and a server that it is sent to."""

    credential_id: int
    secret_version: int
    server: Server


def uses_typed(credential_ids: Collection[int]) -> frozenset[PasswordUse]:
    """What these credentials' passwords were typed for, in one query."""
    rows = PasswordBinding.objects.filter(credential__in=credential_ids)
    return frozenset(
        PasswordUse(row.credential_id, row.secret_version, Server(row.node_id, row.address, row.port, row.fingerprint))
        for row in rows
    )


def bind(principal: Principal, credential: Credential, server: Server) -> None:
    """Note that the password was typed for a server, in place of what it was typed for at that node before."""
    place = asdict(server)
    now = {"secret_version": credential.secret_version, "by": principal.name, "at": timezone.now()}
    node_id = place.pop("node_id")
    PasswordBinding.objects.update_or_create(node_id=node_id, credential=credential, defaults=place | now)
    text = f"Typed the password of {credential.name} for {server.address}, port {server.port}."
    data = place | {"node": node_id}
    record(principal, "password.bind", text, cluster=credential.cluster, subject=Subject.of(credential), data=data)


def is_typed_right(principal: Principal, credential: Credential, password: Secret) -> bool:
    """Compare what was typed with the sealed one; a wrong one is recorded. Call it in a transaction that holds the
    credential's row, and commit that. Raises Refused once it was wrong too often."""
    subject = Subject.of(credential)
    tries = AuditEvent.objects.filter(action=WRONG, object_kind=subject.kind, object_id=subject.id)
    if tries.filter(at__gt=timezone.now() - timedelta(hours=1)).count() >= WRONG_AN_HOUR:
        text = f"The password of {credential.name} was typed wrongly {WRONG_AN_HOUR} times within an hour."
        raise Refused("too_many_tries", text, "Try again in an hour, or give the credential another password.")
    if hmac.compare_digest(password.reveal().encode(), credential.secret.reveal().encode()):
        return True
    text = f"Typed a wrong password for {credential.name}."
    record(principal, WRONG, text, cluster=credential.cluster, subject=subject)
    return False
