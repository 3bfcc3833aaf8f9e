"""Host keys and logins, on real servers."""

from __future__ import annotations

import logging
import socket
import subprocess
import threading
import time
import traceback

import pytest

from nodes.errors import (
    AuthRejected,
    HostKeyMismatch,
    HostKeyUnknown,
    SessionLost,
    TimedOut,
    Unreachable,
)
from nodes.remote.fingerprints import fingerprint_of
from nodes.remote.hostkeys import show_host_key
from nodes.remote.keypairs import make_key_pair
from nodes.remote.ssh import SshSession, open_transport
from nodes.secret import Secret
from tests.deadlines import PATIENCE, promised
from tests.sshd import free_port, with_passphrase
from tests.tools import tool

CANARY = "canary-7f3a-Secret"
AUTH_WORDS = ("publickey", "password", "authenticating user", "Accepted", "Failed")


def _login(target) -> None:
    transport = open_transport(target)
    try:
        assert SshSession(transport).stat("/") is not None
    finally:
        transport.close()


def test_key_login(sshd):
    server = sshd()
    _login(server.target())
    assert "Accepted publickey" in server.log


@pytest.mark.parametrize("kind", ["rsa", "ecdsa", "ed25519"])
def test_key_login_with_every_kind_and_a_passphrase(sshd, tmp_path, kind):
    path = tmp_path / "login"
    subprocess.run([tool("ssh-keygen"), "-q", "-t", kind, "-N", "words in it", "-f", str(path)], check=True)
    server = sshd(authorized_keys=[path.with_suffix(".pub").read_text().strip()])
    _login(server.target(private_key=Secret(path.read_text()), passphrase=Secret("words in it")))


def test_wrong_passphrase_is_told_without_reaching_the_server(sshd, tmp_path):
    server = sshd()
    protected = with_passphrase(server.login_key, "right", tmp_path)
    before = server.log.count("Connection from")
    with pytest.raises(AuthRejected, match="passphrase"):
        open_transport(server.target(private_key=protected, passphrase=Secret("wrong")))
    assert server.log.count("Connection from") == before


def test_password_login(asyncssh_node):
    server = asyncssh_node()
    _login(server.target())
    assert server.passwords_tried == 1


def test_wrong_password_is_tried_once_and_shows_nowhere(asyncssh_node, caplog):
    caplog.set_level(logging.DEBUG)
    server = asyncssh_node()
    target = server.target(password=Secret(CANARY))
    with pytest.raises(AuthRejected) as caught:
        open_transport(target)
    assert server.passwords_tried == 1
    assert not caught.value.retryable
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value) + repr(target) + caplog.text
    assert CANARY not in shown


def test_unknown_key_is_rejected(sshd):
    server = sshd()
    with pytest.raises(AuthRejected):
        open_transport(server.target(private_key=make_key_pair("other").private))


def test_a_rejected_key_is_followed_by_the_password_once(asyncssh_node):
    server = asyncssh_node()
    _login(server.target(private_key=make_key_pair("other").private))
    assert server.passwords_tried == 1


def test_a_server_that_takes_no_password_says_so(sshd):
    server = sshd()
    with pytest.raises(AuthRejected, match="way to log in"):
        open_transport(server.target(private_key=None, password=Secret(CANARY)))


def test_a_server_that_hangs_up_after_a_refusal_has_refused(sshd):
    server = sshd(extra_lines=["MaxAuthTries 1"])
    with pytest.raises(AuthRejected):
        open_transport(server.target(private_key=make_key_pair("other").private))


def test_nothing_to_log_in_with_is_refused_at_home(sshd):
    with pytest.raises(AuthRejected, match="No password"):
        open_transport(sshd().target(private_key=None))


def test_no_approved_fingerprint_lets_nobody_in(asyncssh_node):
    server = asyncssh_node()
    with pytest.raises(HostKeyUnknown):
        open_transport(server.target(host_key_fingerprint=""))
    assert server.auth_attempts == 0


def test_swapped_host_key_fails_before_anything_of_the_login_is_sent(sshd):
    server = sshd()
    target = server.target()
    _login(target)
    server.swap_host_key()
    server.log_file.write_text("")
    with pytest.raises(HostKeyMismatch) as caught:
        open_transport(target)
    assert (caught.value.expected, caught.value.shown) == (target.host_key_fingerprint, server.fingerprint)
    assert fingerprint_of(caught.value.key_type, caught.value.public_key) == server.fingerprint
    assert "Connection from" in server.log
    assert [word for word in AUTH_WORDS if word in server.log] == []


def test_swapped_host_key_never_sees_the_password(asyncssh_node):
    server = asyncssh_node()
    other = asyncssh_node()
    with pytest.raises(HostKeyMismatch):
        open_transport(server.target(port=other.port))
    assert (other.auth_attempts, other.passwords_tried) == (0, 0)


@pytest.mark.parametrize("place", [0, 1, 2])
def test_any_of_a_servers_keys_may_be_the_approved_one(asyncssh_node, place):
    server = asyncssh_node(key_types=("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"))
    _login(server.target(host_key_fingerprint=server.fingerprints[place]))


def test_show_host_key_logs_nobody_in(sshd, asyncssh_node):
    server, other = sshd(), asyncssh_node()
    shown = show_host_key("127.0.0.1", server.port, 5)
    assert (shown.key_type, shown.fingerprint) == ("ssh-ed25519", server.fingerprint)
    assert shown.server_version.startswith("SSH-2.0-OpenSSH")
    assert show_host_key("127.0.0.1", other.port, 5).fingerprint == other.fingerprint
    assert other.auth_attempts == 0


def test_nobody_listens(sshd):
    with pytest.raises(Unreachable, match="Connection refused"):
        open_transport(sshd().target(port=free_port()))


@pytest.mark.parametrize("address", ["no-such-host.invalid", "a" * 70 + ".invalid", "bad\u2024..name"])
def test_name_that_nobody_knows(sshd, address):
    with pytest.raises(Unreachable, match="DNS"):
        open_transport(sshd().target(address=address))


def _serve(answer: bytes | None) -> tuple[socket.socket, threading.Thread]:
    """A listener that is no SSH server: says `answer` and then nothing, or hangs up at once for None."""
    listener = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client:
            if answer is not None:
                client.sendall(answer)
                client.settimeout(10)
                while client.recv(1024):
                    pass

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    return listener, thread


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "ended the connection"),
        (b"", "timed out|ended the connection"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n" * 200, "no SSH server|ended the connection"),
        (b"SSH-2.0-hung\r\n", "timed out|ended the connection"),
        (b"SSH-2.0-garbage\r\n" + bytes(range(256)) * 20, "ended the connection"),
    ],
)
def test_what_is_no_ssh_server_is_unreachable_in_time(answer, words):
    listener, thread = _serve(answer)
    began = time.monotonic()
    try:
        with pytest.raises(Unreachable, match=words):
            show_host_key("127.0.0.1", listener.getsockname()[1], 1.0)
    finally:
        listener.close()
        thread.join(PATIENCE)
    assert time.monotonic() - began < promised(4)


def test_a_server_that_freezes_during_the_login_times_out(asyncssh_node, proxy):
    server = asyncssh_node()
    relay = proxy(server.port)
    shown = show_host_key("127.0.0.1", relay.port, 5)
    before = relay.relayed
    assert shown.fingerprint == server.fingerprint
    relay.drop_after(before)  # as many bytes as a handshake takes, then no more
    with pytest.raises((Unreachable, SessionLost, TimedOut)) as caught:
        open_transport(server.target(port=relay.port))
    assert caught.value.retryable
