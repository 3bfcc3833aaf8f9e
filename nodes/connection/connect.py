"""From a node's row to a working session with it: the one door for everything that touches a server."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings

from nodes.credentials.models import Credential
from nodes.credentials.passwords import PasswordUse, Server, uses_typed
from nodes.enums import CredentialKind
from nodes.errors import (
    AuthRejected,
    HostKeyMismatch,
    HostKeyUnknown,
    LimitBroken,
    PasswordUnbound,
    TimedOut,
    Unsupported,
)
from nodes.platforms import platform_named
from nodes.platforms.base import Capabilities, Platform
from nodes.registry.models import Node
from nodes.registry.selectors import approved_fingerprints
from nodes.registry.services.health import TELLING, note_answered, note_failure, note_worked
from nodes.registry.services.host_keys import quarantine
from nodes.remote.knock import knock
from nodes.remote.limits import MIB, Limits
from nodes.remote.pool import POOL
from nodes.remote.scripts import prepared
from nodes.remote.session import Session
from nodes.remote.target import SshTarget
from nodes.vault import WrongKey

PROBE_SECONDS = 600.0
"""How long what a server can do is believed before it is asked again."""

SILENT_SECONDS = 60.0
"""The same where it did not tell in time: its commands hang, or were slow to start once."""


@dataclass(frozen=True, slots=True)
class NodeLink:
    """An open way to a node. `root` is its installation folder as SFTP spells it."""

    session: Session
    platform: Platform
    root: str
    capabilities: Capabilities
    node_id: int
    node_name: str


@dataclass(frozen=True, slots=True)
class Door:
    """What logging in to a node goes by, as its rows were when they were read. `credential`: None where it has none,
    or the reason why it cannot be opened. `typed`: where the passwords of all these doors may be sent."""

    node: Node
    fingerprint: str
    credential: Credential | WrongKey | None
    typed: frozenset[PasswordUse] = frozenset()


def doors_of(node_ids: Collection[int]) -> dict[int, Door]:
    """The doors of nodes by their ids, in three queries for any number, four where one has a password. Who is gone is
    not among them."""
    nodes = Node.objects.in_bulk(node_ids)
    keys = approved_fingerprints(node_ids)
    credentials = _credentials({node.credential_id for node in nodes.values() if node.credential_id is not None})
    typed = _typed(credentials)
    return {pk: Door(node, keys.get(pk, ""), credentials.get(node.credential_id), typed) for pk, node in nodes.items()}


def _typed(credentials: Mapping[int | None, Credential | WrongKey]) -> frozenset[PasswordUse]:
    usable = (one for one in credentials.values() if isinstance(one, Credential))
    passwords = [one.pk for one in usable if one.kind == CredentialKind.PASSWORD]
    return uses_typed(passwords) if passwords else frozenset()


def _credentials(ids: Collection[int]) -> Mapping[int | None, Credential | WrongKey]:
    if not ids:
        return {}
    try:
        return dict(Credential.objects.in_bulk(ids))
    except WrongKey:  # one of them
        return {pk: _credential(pk) for pk in ids}


def _credential(pk: int) -> Credential | WrongKey:
    try:
        return Credential.objects.get(pk=pk)
    except WrongKey as error:
        return error


_Found = tuple[Platform, Capabilities]
"""A server's driver, with scripts where it has them, and what it can do."""


class _Probes:
    """What each server was found to be able to do. Safe for threads; two asking at once both probe."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], tuple[float, _Found]] = {}
        self._lock = threading.Lock()

    def ask(self, session: Session, platform: Platform, target: SshTarget, version: int) -> _Found:
        """What is known, else what the server says; asked anew where the node's row has another `version`. Raises
        NodeError when the connection breaks."""
        server = (target.endpoint, target.username, target.host_key_fingerprint, platform.name, version)
        with self._lock:
            until, known = self._known.get(server, (float("-inf"), (platform, Capabilities())))
        if time.monotonic() < until:
            return known
        found, believed = _probe(session, platform)
        with self._lock:
            self._known[server] = (time.monotonic() + believed, found)
        return found

    def forget(self) -> None:
        """Ask every server again."""
        with self._lock:
            self._known.clear()


PROBES = _Probes()


def _probe(session: Session, platform: Platform) -> tuple[_Found, float]:
    """What the server says, and for how many seconds that is believed. A server that gives no shell,
    or whose commands hang, has its files all the same."""
    able = prepared(session, platform)
    command = able.probe()
    nothing = platform, Capabilities()
    if command is None:
        return nothing, PROBE_SECONDS
    try:
        result = session.run(able.spell(command), timeout=settings.PORTAL.question)
    except Unsupported:
        return nothing, PROBE_SECONDS
    except TimedOut:
        return nothing, SILENT_SECONDS
    found = able.parse_probe(result)
    return (nothing if found == Capabilities() else (able, found)), PROBE_SECONDS


@contextmanager
def open_node(
    node: Node, door: Door | None = None, *, of_facts: bool = False, waits: float | None = None
) -> Iterator[NodeLink]:
    """Log in to a node, by its rows as they are now in the database, or as somebody who opens many read them a moment
    ago (`door`). `of_facts`: to read its facts, not its files. `waits`: seconds that whatever is asked of it may wait
    in all, where that is less than `PORTAL.waits`.

    Raises HostKeyUnknown where no key is approved or the node is quarantined, HostKeyMismatch after quarantining it,
    AuthRejected where no usable credential is stored, PasswordUnbound (and the row says so) where a password was not
    typed for this server, and whatever the wire raises. Who does not answer, now or while
    it is open, is away at once in its row, and who breaks a limit is degraded; who answers again, or keeps it, is not.
    """
    door = door or doors_of([node.pk]).get(node.pk)
    if door is None:
        raise Node.DoesNotExist
    row = door.node
    try:
        target = _target(door)
    except PasswordUnbound as error:
        note_failure(row, error)
        raise
    platform = platform_named(row.platform)
    try:
        root = platform.sftp_path(row.install_root)
    except ValueError as error:
        raise Unsupported(f"Its installation folder: {error}") from error
    try:
        with POOL.lease(target, waits) as session:
            platform, capabilities = PROBES.ask(session, platform, target, row.version)
            note_answered(row)
            yield NodeLink(session, platform, root, capabilities, row.pk, row.name)
            note_worked(row, of_facts=of_facts)
    except HostKeyMismatch as mismatch:
        quarantine(row, mismatch)
        raise
    except LimitBroken as error:
        note_failure(row, error, of_facts=of_facts)
        raise LimitBroken(f"{row.name}: {error.detail}") from error  # it ends a job of many nodes, or a look at one
    except TELLING as error:
        note_failure(row, error, of_facts=of_facts)
        raise


def knock_at(node: Node) -> None:
    """Hear whether a node's server is there; nobody logs in. Raises Unreachable after `PORTAL.silence`."""
    knock(node.address, node.port, settings.PORTAL.silence)


def _target(door: Door) -> SshTarget:
    node = door.node
    if node.quarantined_reason:
        raise HostKeyUnknown(f"{node.name} is quarantined: {node.quarantined_reason} Approve a host key first.")
    if not door.fingerprint:
        raise HostKeyUnknown(f"Approve the host key of {node.name} first.")
    credential = _usable(door)
    is_key = credential.kind == CredentialKind.KEY
    if not is_key:
        _refuse_unbound(door, credential)
    return SshTarget(
        address=node.address,
        port=node.port,
        username=credential.username,
        password=None if is_key else credential.secret,
        private_key=credential.secret if is_key else None,
        passphrase=credential.passphrase if is_key else None,
        host_key_fingerprint=door.fingerprint,
        connect_timeout=settings.PORTAL.connect,
        silence=settings.PORTAL.silence,
        limits=limits(),
    )


def _refuse_unbound(door: Door, credential: Credential) -> None:
    """A server reads what is typed at it: so it gets a password only where somebody who knows it meant this server."""
    node = door.node
    server = Server(node.pk, node.address, node.port, door.fingerprint)
    if PasswordUse(credential.pk, credential.secret_version, server) not in door.typed:
        raise PasswordUnbound(
            f"Type the password of {credential.name} for {node.name}: its address, its host key or the password is "
            "another one than when it was typed last."
        )


def limits() -> Limits:
    """What one node may cost, by the settings."""
    portal = settings.PORTAL
    return Limits(
        names=portal.listing_names,
        listing_bytes=int(portal.listing_mib * MIB),
        listing_seconds=portal.listing,
        slowest=portal.slowest,
        behind=portal.behind,
        waits=portal.waits,
    )


def _usable(door: Door) -> Credential:
    if isinstance(door.credential, WrongKey):
        text = f"The stored credential of {door.node.name} cannot be opened. {door.credential}"
        raise AuthRejected(text) from door.credential
    if door.credential is None:
        raise AuthRejected(f"{door.node.name} has no credential. Give it one.")
    return door.credential
