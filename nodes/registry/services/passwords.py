"""Typing a stored password again for one server, so that the portal may send it there."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from accounts.errors import Refused
from accounts.models import Role
from accounts.principals import Principal
from nodes.credentials.models import Credential
from nodes.credentials.passwords import Server, bind, is_typed_right
from nodes.credentials.services import servers_of
from nodes.enums import CredentialKind, Health
from nodes.registry.access import take_node
from nodes.rows import count
from nodes.secret import Secret
from nodes.signals import LOOK_ASKED


def type_password(principal: Principal, *, server: Server, password: Secret) -> None:
    """Let the portal log in to a server by its credential's password. Needs the cluster's administrator, who knows the
    password and says which server is meant. Raises ValidationError by field, Refused."""
    # a wrong one is recorded by a transaction that is committed
    if not _compared(principal, server, password):
        wrong = ValidationError("This is not the password that is stored.", code="wrong")
        raise ValidationError({"password": wrong})
    LOOK_ASKED.send(sender=None, node_ids=[server.node_id])


@transaction.atomic
def _compared(principal: Principal, server: Server, password: Secret) -> bool:
    node = take_node(principal, server.node_id, Role.ADMINISTRATOR)
    credential = Credential.objects.select_for_update().filter(nodes=node).first()
    if credential is None or credential.kind != CredentialKind.PASSWORD:
        raise Refused("no_password", f"{node.name} does not log in by a password.")
    if server not in servers_of(credential):
        text = f"{node.name} is at another address now, or another host key is approved."
        raise Refused("another_server", text, "Look at it, then type the password again.")
    if not is_typed_right(principal, credential, password):
        return False
    bind(principal, credential, server)
    if node.health == Health.DEGRADED:  # for want of the password; whoever logs in next finds out how it is
        node.health, node.health_cause, node.health_since = Health.UNKNOWN, "", timezone.now()
    count(node, "health", "health_cause", "health_since")
    return True
