"""A Wine prefix with a Windows CPython in it: built once, kept outside the checkout, built anew when it is missing.

The first Wine process of a prefix must not have a pipe for its output: the services it starts would hold it open for
ever. Windows Python on the other hand wants pipes: it does not start with a file or /dev/null.
"""

from __future__ import annotations

import fcntl
import hashlib
import io
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nodes.platforms.powershell import SCRIPTS
from tests.tools import tool

HERE = Path(__file__).resolve().parent
PINS = HERE / "pins"
INSIDE = HERE / "inside"
PYTHON = r"C:\py311\python.exe"

AHEAD = "-10" if os.geteuid() == 0 else "0"
"""Niceness. Each call of a Windows program goes through one server of Wine's, so that on a busy machine it waits for
its turn again and again, for minutes in all: where that is allowed, it comes before the rest."""

SILENT = (
    *("certutil", "fc", "findstr", "icacls", "net1", "netsh", "robocopy", "schtasks", "systeminfo", "tasklist"),
    *("timeout", "w32tm", "wevtutil", "where"),
)
"""Programs that are missing in Wine or, worse, do nothing and report success: replaced by one that ends with 99."""

PLAYED = {"powershell": "powershell_shim.py", "tzutil": "tzutil_shim.py"}
"""Programs that are played truly, by a script in `inside/`."""


@dataclass(frozen=True, slots=True)
class Prefix:
    """A prefix that is ready for use."""

    folder: Path

    @property
    def drive_c(self) -> Path:
        """The node's drive C."""
        return self.folder / "drive_c"

    def environment(self) -> dict[str, str]:
        """What every Wine process needs."""
        kept = {name: value for name, value in os.environ.items() if name not in ("DISPLAY", "WAYLAND_DISPLAY")}
        # without this Wine takes its own program of that name, whatever lies in its place
        ours = ",".join(f"{name}.exe" for name in (*SILENT, *PLAYED))
        quiet = {"WINEDEBUG": "-all", "WINEDLLOVERRIDES": f"mscoree,mshtml=;{ours}=n"}
        return {**kept, **quiet, "WINEPREFIX": str(self.folder)}

    def wine(self, *words: str, seconds: float = 120.0) -> int:
        """Run a program to its end, its output in the log; answers its exit status."""
        with (self.folder.parent / "wine.log").open("ab") as log:
            done = subprocess.run(
                [tool("nice"), "-n", AHEAD, tool("wine"), *words],
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                timeout=seconds,
                check=False,
            )
        return done.returncode

    def python(self, *words: str) -> subprocess.Popen[bytes]:
        """Start Windows Python with pipes for its input and output."""
        return subprocess.Popen(
            [tool("nice"), "-n", AHEAD, tool("wine"), PYTHON, *words],
            env=self.environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def server(self, option: str) -> None:
        """`-w` waits until every process of this prefix ended, `-k` ends them; other prefixes are not touched."""
        subprocess.run(
            [tool("wineserver"), option], env=self.environment(), check=False, timeout=60, capture_output=True
        )


@contextmanager
def prefix() -> Iterator[Prefix]:
    """The prefix, for one user at a time; its processes end with the block. Raises NotInstalled without Wine."""
    home = cache() / f"winlab-{_recipe()}"
    home.mkdir(parents=True, exist_ok=True)
    with (home / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = Prefix(home / "prefix")
        if not (home / "complete").exists():
            _build(home, made)
            (home / "complete").touch()
        _dress(home, made)
        try:
            yield made
        finally:
            made.server("-k")


def cache() -> Path:
    """Where prefixes outlive the checkout."""
    named = os.environ.get("XDG_CACHE_HOME")
    default = Path("/var/cache") if os.geteuid() == 0 else Path.home() / ".cache"
    return (Path(named) if named else default) / "clusterportal"


def _recipe() -> str:
    """Changes when what a prefix is made of does."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(PINS.iterdir()):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _build(home: Path, made: Prefix) -> None:
    shutil.rmtree(made.folder, ignore_errors=True)
    packages = home / "packages"
    shutil.rmtree(packages, ignore_errors=True)
    _download(packages, "python", "--no-binary", ":all:")
    _download(packages, "site", "--only-binary", ":all:", "--platform", "win_amd64", "--python-version", "3.11")
    _download(packages, "tools", "--only-binary", ":all:", "--platform", "win_amd64", "--python-version", "3.13")
    made.folder.mkdir()
    made.wine("wineboot", "-i")
    made.server("-w")
    made.wine("reg", "add", r"HKCU\Software\Wine", "/v", "Version", "/d", "win10", "/f")
    _unpack_python(packages, made.drive_c / "py311")


def _download(packages: Path, pins: str, *options: str) -> None:
    """Fetch what a file pins, by hash."""
    words = [sys.executable, "-m", "pip", "-q", "--disable-pip-version-check", "download", "--no-deps"]
    words += ["--require-hashes", "-d", str(packages / pins), "-r", str(PINS / f"{pins}.txt"), *options]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"pip could not download what {pins}.txt pins: {done.stderr[-2000:]}")


def _unpack_python(packages: Path, python: Path) -> None:
    site = python / "site"
    site.mkdir(parents=True)
    (sdist,) = (packages / "python").iterdir()
    with tarfile.open(sdist) as archive:
        name = next(name for name in archive.getnames() if name.endswith("data.zip"))
        inner = archive.extractfile(name)
        assert inner is not None
        data = zipfile.ZipFile(io.BytesIO(inner.read()))
    for member in data.namelist():
        if not member.endswith("/"):
            (python / Path(member).name).write_bytes(data.read(member))
    (python / "python311._pth").write_bytes(b"python311.zip\r\n.\r\nsite\r\nimport site\r\n")
    for wheel in (packages / "site").iterdir():
        with zipfile.ZipFile(wheel) as contents:
            contents.extractall(site)
    (nssm,) = (packages / "tools").glob("nssm*")
    with zipfile.ZipFile(nssm) as contents:
        member = next(name for name in contents.namelist() if name.endswith("nssm.exe"))
        (python.parent / "windows" / "system32" / "nssm.exe").write_bytes(contents.read(member))


def _dress(home: Path, made: Prefix) -> None:
    """Put the programs of `inside/` in place: the server, and a player for every program that Wine only pretends."""
    lab = made.drive_c / "winlab"
    shutil.rmtree(lab, ignore_errors=True)
    shutil.copytree(INSIDE, lab)
    known = "".join(f"{hashlib.sha256(script.content).hexdigest()} {script.name}\n" for script in SCRIPTS)
    (lab / "scripts.txt").write_text(known)
    (wheel,) = (home / "packages" / "tools").glob("distlib*")
    with zipfile.ZipFile(wheel) as contents:
        launcher = contents.read("distlib/t64.exe")
    system = made.drive_c / "windows" / "system32"
    for name in SILENT:
        _program(launcher, INSIDE / "not_played.py", system / f"{name}.exe")
    for name, script in PLAYED.items():
        _program(launcher, INSIDE / script, system / f"{name}.exe")
    shutil.copy(system / "powershell.exe", system / "WindowsPowerShell" / "v1.0" / "powershell.exe")
    (system / "powershell.exe").unlink()


def _program(launcher: bytes, script: Path, place: Path) -> None:
    """A genuine .exe: launcher, interpreter line, and a zip with the script."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as contents:
        contents.writestr("__main__.py", script.read_text("utf-8"))
    place.unlink(missing_ok=True)
    place.write_bytes(launcher + f"#!{PYTHON}\r\n".encode() + archive.getvalue())
