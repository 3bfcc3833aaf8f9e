"""Whom to talk to and as whom: everything that opening a connection needs, as one hashable value."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.remote.limits import USUAL, Limits
from nodes.secret import Secret


@dataclass(frozen=True, slots=True)
class SshTarget:
    """One login on one SSH server. Shows no secrets: `Secret` hides its text in `repr`.

    `host_key_fingerprint` is the approved one ("SHA256:..."); an empty one lets nobody in (HostKeyUnknown).
    `connect_timeout` (seconds) bounds the TCP connection, the handshake and the authentication, each. `silence`
    (seconds): a server that shows no sign of life for as long, when it is called or while it is worked with, is hung.
    `limits`: what it may cost.
    """

    address: str
    port: int
    username: str
    password: Secret | None
    private_key: Secret | None
    passphrase: Secret | None
    host_key_fingerprint: str
    connect_timeout: float = 10.0
    silence: float = 4.0
    limits: Limits = USUAL

    @property
    def endpoint(self) -> tuple[str, int]:
        """The server itself, whoever logs in."""
        return (self.address, self.port)
