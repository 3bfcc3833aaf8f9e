"""Host keys: their fingerprints, and looking at the one a server shows without logging in."""

from __future__ import annotations

from dataclasses import dataclass

from nodes.one_line import one_line
from nodes.remote.fingerprints import fingerprint_of, parse_fingerprint
from nodes.remote.handshake import shake_hands
from nodes.remote.wire import connect

__all__ = ["HostKeyShown", "fingerprint_of", "parse_fingerprint", "show_host_key"]


@dataclass(frozen=True, slots=True)
class HostKeyShown:
    """What a server showed before any login. `server_version` is its own word, cut and made printable."""

    key_type: str
    public_key: str
    fingerprint: str
    server_version: str


def show_host_key(address: str, port: int, timeout: float) -> HostKeyShown:
    """The host key a server shows now; nobody logs in. Raises Unreachable, Unsupported."""
    transport = shake_hands(connect(address, port, timeout), timeout)
    try:
        key = transport.get_remote_server_key()
        version = one_line(transport.remote_version, 200)
    finally:
        transport.close()
    shown = key.get_base64()
    return HostKeyShown(key.get_name(), shown, fingerprint_of(key.get_name(), shown), version)
