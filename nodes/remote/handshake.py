"""From a TCP connection to a login: key exchange, the check of the host key, then and only then authentication."""

from __future__ import annotations

import logging
from collections.abc import Callable

import paramiko
from paramiko.common import MSG_CHANNEL_CLOSE, MSG_CHANNEL_DATA, MSG_CHANNEL_EXTENDED_DATA, cMSG_GLOBAL_REQUEST
from paramiko.ssh_exception import IncompatiblePeer

from nodes.errors import (
    AuthRejected,
    HostKeyMismatch,
    HostKeyUnknown,
    LimitBroken,
    NodeError,
    SessionLost,
    TimedOut,
    Unreachable,
    Unsupported,
)
from nodes.remote.channel import note_close
from nodes.remote.fingerprints import fingerprint_of_blob
from nodes.remote.keypairs import signing_key
from nodes.remote.overflow import Listener, take_errors, take_output
from nodes.remote.pulse import Pulse
from nodes.remote.ssh_errors import HandshakeDropped
from nodes.remote.target import SshTarget
from nodes.remote.wire import WireSocket, connect

KEEP_ALIVE_SECONDS = 15
"""Below the idle limits of firewalls, and twice within the kernel's patience."""

CHANNEL_SECONDS = 10.0

KEY_FAMILIES = {
    "ssh-ed25519": ("ssh-ed25519",),
    "ecdsa-sha2-": ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"),
    "ssh-rsa": ("rsa-sha2-512", "rsa-sha2-256"),
}
"""How the names of one kind of host key start, and the algorithms that use it."""

_CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr", "aes192-ctr", "aes256-ctr")
_DIGESTS = ("hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512")

# Its errors reach us as exceptions and are told once, in our words; its own log would add tracebacks
logging.getLogger("paramiko").setLevel(logging.CRITICAL)


class KeyRefused(AuthRejected):
    """The node refused the user name or key."""


class Connection(paramiko.Transport):
    """The library's transport, which also remembers that the server said goodbye, leaves it to a channel's owner to
    answer the server's CLOSE, gives up a server that shows no sign of life while somebody waits for it, one that sends
    what nobody asked for (`Listener`), and one that proves another host key when keys are exchanged anew."""

    active: bool
    packetizer: Listener
    goodbye = False
    pulse: Pulse | None = None
    host_key: paramiko.PKey | None
    _shown_later: paramiko.PKey | None = None
    _channel_handler_table = {
        **paramiko.Transport._channel_handler_table,  # type: ignore[attr-defined]
        MSG_CHANNEL_CLOSE: note_close,
        MSG_CHANNEL_DATA: take_output,
        MSG_CHANNEL_EXTENDED_DATA: take_errors,
    }

    def abandon(self) -> None:
        """Let go of a connection that a fork copied, silently: it stays the parent's."""
        self.active = False
        self.sock.close()

    def __init__(self, wire: WireSocket) -> None:
        super().__init__(wire, packetizer_class=Listener)
        self._wire = wire

    def watch_pulse(self, silence: float) -> None:
        """From now on look, while the connection is in use, whether the server lives; `silence` as in `Pulse`."""
        self.pulse = self._wire.pulse = Pulse(silence, self._ask, self._wire.taken, self._wire.waiting)
        self._ask()

    def use(self, used: bool) -> None:
        """Say whether somebody waits for the server now."""
        if self.pulse is not None:
            self.pulse.in_use = used

    @property
    def fell_silent(self) -> bool:
        """Whether the connection was given up because the server gave no sign of life."""
        return self.pulse is not None and self.pulse.silent

    @property
    def broken(self) -> LimitBroken | None:
        """The connection was given up because the server sent too much: why."""
        return self.packetizer.broken

    @property
    def other_key(self) -> HostKeyMismatch | None:
        """The connection was given up because the server proved another host key than at its beginning: which."""
        if self.host_key is None or self._shown_later is None:
            return None
        return _mismatch_of(self._shown_later, fingerprint_of_blob(self.host_key.asbytes()))

    def _verify_key(self, host_key: bytes, sig: bytes) -> None:
        # a private hook: the library takes whatever key signs a later exchange, and the approved one was asked for once
        first = self.host_key
        super()._verify_key(host_key, sig)  # type: ignore[misc]
        if first is not None and self.host_key is not None and self.host_key.asbytes() != first.asbytes():
            self.host_key, self._shown_later = first, self.host_key
            raise paramiko.SSHException("another host key")

    def _ask(self) -> None:
        if not self.clear_to_send.is_set():  # keys are being exchanged: the reading thread must not wait for itself
            return
        question = paramiko.Message()
        question.add_byte(cMSG_GLOBAL_REQUEST)
        question.add_string("keepalive@openssh.com")
        question.add_boolean(True)
        # private: the public method waits for the answer without a limit
        self._send_user_message(question)  # type: ignore[attr-defined]

    def _parse_request_success(self, _: paramiko.Message) -> None:
        # private hooks: a refusal is a sign of life as well
        if self.pulse is not None:
            self.pulse.answers = True

    _parse_request_failure = _parse_request_success

    def _parse_disconnect(self, m: paramiko.Message) -> None:
        # a private hook: nothing public tells a server's farewell from a broken line
        self.goodbye = True


def shake_hands(
    wire: WireSocket, timeout: float, key_types: tuple[str, ...] = (), *, greeting: float | None = None
) -> Connection:
    """Exchange keys on a connected socket, without logging in; `key_types` limits the host keys asked for, `greeting`
    (seconds) the wait for the server's first word.

    Raises Unreachable (HandshakeDropped where trying again may help), Unsupported. Closes the socket on failure.
    """
    connection = Connection(wire)
    options = connection.get_security_options()
    options.ciphers, options.digests = _CIPHERS, _DIGESTS
    if key_types:
        options.key_types = key_types
    connection.banner_timeout = timeout if greeting is None else min(timeout, greeting)
    connection.handshake_timeout = timeout
    connection.auth_timeout = timeout
    connection.channel_timeout = CHANNEL_SECONDS
    try:
        connection.start_client(timeout=timeout)
        # start_client returns without a word when its time is up
        connection.get_remote_server_key()
    except (paramiko.SSHException, OSError, EOFError) as exc:
        error = _failed_handshake(exc, still_open=connection.is_active())
        _end(connection, wire)
        raise error from exc
    return connection


def _end(connection: Connection, wire: WireSocket) -> None:
    connection.close()
    connection.packetizer.complete_handshake()  # ends the library's timer thread
    wire.close()


def _failed_handshake(exc: Exception, *, still_open: bool) -> NodeError:
    if isinstance(exc, IncompatiblePeer):
        return Unsupported("The server and the portal share no current SSH algorithm or host key type.")
    if still_open or isinstance(exc.__context__, TimeoutError):
        return Unreachable("The SSH handshake timed out.")
    if "Indecipherable" in str(exc) or "Invalid SSH" in str(exc):
        return Unreachable("What answers on this port is no SSH server.")
    return HandshakeDropped()


def open_transport(target: SshTarget) -> Connection:
    """Connect, check the host key against the approved fingerprint, authenticate.

    Raises Unreachable, HostKeyUnknown, HostKeyMismatch, AuthRejected, TimedOut, SessionLost, Unsupported. Where the key
    differs nothing about the login was sent. The caller closes what it gets.
    """
    if not target.host_key_fingerprint:
        raise HostKeyUnknown("Approve its fingerprint first.")
    if not (target.private_key or target.password):
        raise AuthRejected("No password and no key is stored.")
    key = signing_key(target.private_key, target.passphrase) if target.private_key else None
    try:
        return _log_in(target, key)
    except KeyRefused:
        if target.password is None:
            raise
    # on a connection of its own: servers may end the first one, and not all take a second way to log in on it
    return _log_in(target, None)


def _log_in(target: SshTarget, key: paramiko.PKey | None) -> Connection:
    connection = _open_trusted(target)
    try:
        _authenticate(connection, target, key)
    except BaseException:
        connection.close()
        raise
    connection.set_keepalive(KEEP_ALIVE_SECONDS)
    connection.watch_pulse(target.silence)
    return connection


def _open_trusted(target: SshTarget) -> Connection:
    """A connection to a server that proved to hold the approved key; nothing was sent to any other.

    A fingerprint does not tell its type: a server that shows another key at first is asked for its other kinds.
    """
    connection = _met(target)
    first = _mismatch(connection, target.host_key_fingerprint)
    if first is None:
        return connection
    connection.close()
    for start, algorithms in KEY_FAMILIES.items():
        if not first.key_type.startswith(start) and (other := _try_family(target, algorithms)) is not None:
            return other
    raise first


def _met(target: SshTarget, key_types: tuple[str, ...] = ()) -> Connection:
    """The server's machine takes the connection, and the server says its first word, at once or hardly at all."""
    wire = connect(*target.endpoint, min(target.connect_timeout, target.silence))
    return shake_hands(wire, target.connect_timeout, key_types, greeting=target.silence)


def _try_family(target: SshTarget, algorithms: tuple[str, ...]) -> Connection | None:
    try:
        connection = _met(target, algorithms)
    except Unsupported:  # no key of this kind there
        return None
    if _mismatch(connection, target.host_key_fingerprint) is None:
        return connection
    connection.close()
    return None


def _mismatch(connection: Connection, approved: str) -> HostKeyMismatch | None:
    key = connection.get_remote_server_key()
    shown = fingerprint_of_blob(key.asbytes())
    return None if shown == approved else _mismatch_of(key, approved)


def _mismatch_of(key: paramiko.PKey, approved: str) -> HostKeyMismatch:
    shown = fingerprint_of_blob(key.asbytes())
    return HostKeyMismatch(expected=approved, shown=shown, key_type=key.get_name(), public_key=key.get_base64())


def _authenticate(connection: Connection, target: SshTarget, key: paramiko.PKey | None) -> None:
    """By key, and by password where there is no key or the server asks for both."""
    missing = ["password"]
    if key is not None:
        missing = _offer(connection, lambda: connection.auth_publickey(target.username, key), KeyRefused)
    password = target.password
    if missing and password is not None:
        missing = _offer(connection, lambda: connection.auth_password(target.username, password.reveal()), AuthRejected)
    if missing:
        raise AuthRejected("The server asks for a further factor.")


def _offer(connection: Connection, attempt: Callable[[], list[str]], refused: type[AuthRejected]) -> list[str]:
    """Try one way to log in, once; what the server still wants after it."""
    try:
        return attempt()
    except paramiko.BadAuthenticationType as exc:
        raise refused("The server does not allow this way to log in.") from exc
    except paramiko.AuthenticationException as exc:
        raise _rejected(connection, exc, refused) from exc
    except (paramiko.SSHException, OSError, EOFError) as exc:
        raise SessionLost("It ended during the login.") from exc


def _rejected(connection: Connection, exc: paramiko.AuthenticationException, refused: type[AuthRejected]) -> NodeError:
    """A refusal and a broken line come as one exception; only a refusal must never be tried again."""
    if str(exc) == "Authentication timeout.":
        return TimedOut("The login was not answered.")
    if connection.is_active() or connection.goodbye or "shut down" not in str(exc):
        return refused()
    return SessionLost("It ended during the login.")
