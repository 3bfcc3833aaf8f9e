"""A real OpenSSH server of its own on loopback: for tests, and for the demo's nodes.

Keys only: OpenSSH checks passwords against the machine's real users, which a test neither has nor makes. Whoever needs
a password login takes `tests/asyncssh_node.py`.
"""

from __future__ import annotations

import getpass
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from nodes.remote.hostkeys import fingerprint_of
from nodes.remote.keypairs import KeyPair, make_key_pair
from nodes.remote.ssh import SshSession, open_transport
from nodes.remote.target import SshTarget
from nodes.secret import Secret
from tests.deadlines import PATIENCE
from tests.tools import tool

START_SECONDS = PATIENCE
ATTEMPTS = 5
WITHOUT_OVERRIDE = "--bounding-set=-dac_override,-dac_read_search"


@dataclass(slots=True, eq=False)
class SshdServer:
    """One sshd. `folder` holds its keys, configuration and log; it serves the machine's whole file system.
    `obeys_modes`: from its next start on, logins as root are bound by the modes of files as everybody's are."""

    folder: Path
    port: int
    login_key: KeyPair
    authorized_keys: Sequence[str]
    sftp_only: bool = False
    sftp_program: str = "internal-sftp"
    extra_lines: Sequence[str] = ()
    obeys_modes: bool = False
    process: subprocess.Popen[bytes] | None = field(default=None, repr=False)

    @classmethod
    def start(
        cls,
        root_dir: Path,
        port: int = 0,
        password: str | None = None,
        authorized_keys: Sequence[str] = (),
        *,
        sftp_only: bool = False,
        sftp_program: str = "internal-sftp",
        extra_lines: Sequence[str] = (),
    ) -> SshdServer:
        """Make keys and configuration under `root_dir` and start; port 0 picks a free one.

        `sftp_program` may carry options: -R for read-only, -P for requests to refuse.
        """
        if password is not None:
            raise ValueError("OpenSSH takes keys only here; use tests/asyncssh_node.py for a password login")
        folder = Path(root_dir)
        folder.mkdir(parents=True, exist_ok=True)
        key = make_key_pair("test login")
        server = cls(folder, port, key, [key.public, *authorized_keys], sftp_only, sftp_program, extra_lines)
        if not server.host_key_file.exists():
            _make_host_key(server.host_key_file)
        server._start_on_free_port() if port == 0 else server.start_again()
        return server

    @property
    def host_key_file(self) -> Path:
        return self.folder / "host_key"

    @property
    def log_file(self) -> Path:
        return self.folder / "sshd.log"

    @property
    def username(self) -> str:
        return getpass.getuser()

    @property
    def log(self) -> str:
        """Everything the server logged so far."""
        return self.log_file.read_text(errors="replace") if self.log_file.exists() else ""

    @property
    def fingerprint(self) -> str:
        """The host key's, as an operator would approve it."""
        key_type, public = self.host_key_file.with_suffix(".pub").read_text().split()[:2]
        return fingerprint_of(key_type, public)

    def target(self, **changes: object) -> SshTarget:
        """How the portal reaches it."""
        values: dict[str, object] = {
            "address": "127.0.0.1",
            "port": self.port,
            "username": self.username,
            "password": None,
            "private_key": self.login_key.private,
            "passphrase": None,
            "host_key_fingerprint": self.fingerprint,
            "connect_timeout": 5.0,
        }
        return SshTarget(**(values | changes))  # type: ignore[arg-type]

    def start_again(self) -> None:
        """Start on the same port with the same keys. Raises RuntimeError with the log's end."""
        if os.geteuid() == 0:
            Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        config = self._write_config()
        bound = [tool("setpriv"), WITHOUT_OVERRIDE, "--"] if self.obeys_modes and os.geteuid() == 0 else []
        with self.log_file.open("ab") as log:
            self.process = subprocess.Popen(
                [*bound, tool("sshd"), "-D", "-e", "-f", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self._wait_for_banner(self.process)

    def stop(self) -> None:
        """End the server and its sessions, also where they hang."""
        process = self.process
        if process is None:
            return
        process.send_signal(signal.SIGSTOP)  # or it would let somebody in between the two, who would stay
        self.kill_sessions()
        process.kill()
        process.wait(START_SECONDS)
        self.process = None

    def kill_sessions(self) -> int:
        """Kill the processes of the connections with KILL; the listener goes on. Answers how many there were."""
        if self.process is None:
            return 0
        found = _descendants(self.process.pid)
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        return len(found)

    @contextmanager
    def hung(self) -> Iterator[None]:
        """For the time of the block the server and its sessions stand still: connections open, nothing is answered."""
        self.hang()
        try:
            yield
        finally:
            self.go_on()

    def hang(self) -> None:
        """Stop the server and its sessions where they are."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Let what hangs go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        for pid in (self.process.pid, *_descendants(self.process.pid)):
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def swap_host_key(self) -> str:
        """Give the server another host key, as after a new installation; answers its fingerprint."""
        self.stop()
        self.host_key_file.unlink()
        self.host_key_file.with_suffix(".pub").unlink()
        _make_host_key(self.host_key_file)
        self.start_again()
        return self.fingerprint

    def _start_on_free_port(self) -> None:
        for attempt in range(ATTEMPTS):
            self.port = free_port()
            try:
                self.start_again()
            except RuntimeError:  # somebody else took the port in between
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                return

    def _write_config(self) -> Path:
        keys = self.folder / "authorized_keys"
        keys.write_text("".join(f"{line}\n" for line in self.authorized_keys))
        lines = [
            f"ListenAddress 127.0.0.1:{self.port}",
            f"HostKey {self.host_key_file}",
            f"AuthorizedKeysFile {keys}",
            "PidFile none",
            "UsePAM no",
            "StrictModes no",  # the folder is a temporary one
            "PermitRootLogin prohibit-password",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "LogLevel VERBOSE",
            # bash under sshd reads the login's own .bashrc unless it looks nested; a node shall not depend on that
            "SetEnv SHLVL=2",
            "MaxStartups 100",
            f"Subsystem sftp {self.sftp_program}",
            *([f"ForceCommand {self.sftp_program}"] if self.sftp_only else []),
            *self.extra_lines,
        ]
        config = self.folder / "sshd_config"
        config.write_text("".join(f"{line}\n" for line in lines))
        return config

    def _wait_for_banner(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError(f"sshd ended: {self.log[-500:]}")
            if _shows_banner(self.port):
                return
            time.sleep(0.02)
        process.kill()
        process.wait()
        raise RuntimeError(f"sshd did not answer: {self.log[-500:]}")


def free_port() -> int:
    """A port that is free on loopback now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def with_passphrase(pair: KeyPair, passphrase: str, folder: Path) -> Secret:
    """The same key, protected as ssh-keygen does it."""
    path = folder / "protected"
    path.write_text(pair.private.reveal())
    path.chmod(0o600)
    subprocess.run([tool("ssh-keygen"), "-q", "-p", "-f", str(path), "-N", passphrase], check=True, capture_output=True)
    return Secret(path.read_text())


def _make_host_key(path: Path) -> None:
    subprocess.run([tool("ssh-keygen"), "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)


def _shows_banner(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as probe:
            return probe.recv(4) == b"SSH-"
    except OSError:
        return False


def _descendants(pid: int) -> list[int]:
    """The processes below one, from /proc."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


@contextmanager
def a_session(folder: Path) -> Iterator[SshSession]:
    """A session with a server of its own, whose files lie in a folder; both end with the block."""
    server = SshdServer.start(folder)
    try:
        transport = open_transport(server.target())
        try:
            yield SshSession(transport)
        finally:
            transport.close()
    finally:
        server.stop()
