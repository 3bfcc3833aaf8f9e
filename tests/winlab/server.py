"""Windows nodes inside one Wine prefix: an SSH server each, and a hand that holds files open."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nodes.remote.hostkeys import fingerprint_of
from nodes.remote.target import SshTarget
from nodes.secret import Secret
from tests.deadlines import PATIENCE
from tests.sshd import free_port
from tests.winlab.prefix import Prefix

USERNAME, PASSWORD = "Administrator", "Lab-Pass1"
START_SECONDS = PATIENCE
SWITCHES = r"C:\winlab\faults"


@contextmanager
def file_server(prefix: Prefix, name: str, **shares: Path) -> Iterator[Path]:
    r"""Every node of the prefix reaches these folders as `\\name\share`. Answers the folder that stands for the server:
    without it there is no such server, without a link in it no such share."""
    server = prefix.folder / "dosdevices" / "unc" / name
    shutil.rmtree(server, ignore_errors=True)  # of a run that was killed
    server.mkdir(parents=True)
    try:
        for share, folder in shares.items():
            (server / share).symlink_to(folder)
        yield server
    finally:
        shutil.rmtree(server, ignore_errors=True)


@dataclass(slots=True)
class WinNode:
    """One server. `root` is its mail server's folder as this machine sees it, `install_root` as Windows does."""

    prefix: Prefix
    install_root: str
    port: int
    fingerprint: str
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, prefix: Prefix, install_root: str) -> WinNode:
        """Start a server for a folder that is made anew. Raises RuntimeError with what it said."""
        port = free_port()
        root = prefix.drive_c / install_root[3:]
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir(parents=True)
        (prefix.drive_c / "winlab" / f"faults{port}").touch()
        process = prefix.python(r"C:\winlab\winsshd.py", str(port), PASSWORD, f"{SWITCHES}{port}")
        words = first_line(process).split()
        if words[:1] != ["listening"]:
            process.kill()
            raise RuntimeError(f"the SSH server inside Wine did not start: {words}")
        return cls(prefix, install_root, port, fingerprint_of(words[1], words[2]), process)

    @property
    def root(self) -> Path:
        """The same folder from outside."""
        return self.prefix.drive_c / self.install_root[3:]

    def target(self) -> SshTarget:
        """How the portal reaches it."""
        return SshTarget("127.0.0.1", self.port, USERNAME, Secret(PASSWORD), None, None, self.fingerprint, 10.0)

    def spoil(self, *faults: str) -> None:
        """Let these verbs of its SFTP fail from now on: posix-rename, hardlink; none mends it."""
        (self.prefix.drive_c / "winlab" / f"faults{self.port}").write_text(" ".join(faults))

    @contextmanager
    def holding(self, path: str) -> Iterator[None]:
        """A program on the node has a file open for itself alone."""
        native = self.install_root + "\\" + path.replace("/", "\\")
        process = self.prefix.python(r"C:\winlab\hold.py", native)
        try:
            said = first_line(process)
            assert said == "held", said
            yield
        finally:
            end(process)

    def run(self, program: str, *words: str) -> int:
        """Run a program on the node, as its administrator would; answers its exit status."""
        return self.prefix.wine(program, *words)

    def stop(self) -> None:
        """End the server."""
        end(self.process)


def first_line(process: subprocess.Popen[bytes]) -> str:
    """What a program says first; it is killed where it stays silent. Wine's own words, which may be about another
    process that starts with the prefix, are none of it."""
    assert process.stdout
    silent = threading.Timer(START_SECONDS, process.kill)
    silent.start()
    try:
        said = iter(process.stdout.readline, b"")
        return next((line for line in said if not line.startswith(b"wine: ")), b"").decode("utf-8", "replace").strip()
    finally:
        silent.cancel()


def end(process: subprocess.Popen[bytes]) -> None:
    """Close its input, which some wait for, then kill it."""
    assert process.stdin and process.stdout
    process.stdin.close()
    try:
        process.wait(2)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    process.stdout.close()
