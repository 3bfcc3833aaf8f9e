"""Samba's smbd as a file server of its own: nothing of it but sockets lies outside of one folder, and nobody is made a
user of the machine. For the demo, and for tests.

Whoever logs in becomes the user that smbd runs as. It runs as any user, on any free port of loopback.
"""

from __future__ import annotations

import atexit
import getpass
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

LOGIN = "node"

LONGEST = 60
"""Characters of a folder in which sockets may lie: an address has 107, and Samba's names below it take some forty."""

_GLOBAL = """\
[global]
server role = standalone server
netbios name = FILES
workgroup = DEMO
smb ports = {port}
interfaces = lo 127.0.0.1
bind interfaces only = yes
disable netbios = yes
disable spoolss = yes
load printers = no
printcap name = /dev/null
server signing = mandatory
map to guest = never
passdb backend = tdbsam:{folder}/private/passdb.tdb
username map = {folder}/usernames
private dir = {sockets}/private
lock directory = {sockets}/lock
state directory = {folder}/state
cache directory = {folder}/cache
pid directory = {folder}/pid
ncalrpc dir = {sockets}/ncalrpc
log file = {folder}/log/smbd
max log size = 1000
"""


def write_config(folder: Path, port: int, shares: Mapping[str, Sequence[str]]) -> Path:
    """Folders and the file of a server in `folder`. `shares`: the lines of each, by its name."""
    sockets = _sockets(folder)
    for name in ("private", "state", "cache", "pid", "log"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    for name in ("private", "lock", "ncalrpc"):
        (sockets / name).mkdir(exist_ok=True)
    (folder / "usernames").write_text(f"!{getpass.getuser()} = {LOGIN}\n")
    lines = [_GLOBAL.format(folder=folder, sockets=sockets, port=port)]
    for name, options in shares.items():
        lines += [f"[{name}]", *options, ""]
    config = folder / "smb.conf"
    config.write_text("\n".join(lines))
    return config


def _sockets(folder: Path) -> Path:
    """Where the server's sockets lie: in `folder`, or, where that is too long, in one of the system's temporary folders
    until this process ends."""
    if len(str(folder)) <= LONGEST:
        return folder
    made = tempfile.mkdtemp(prefix="cp-smbd-")
    atexit.register(shutil.rmtree, made, ignore_errors=True)
    return Path(made)


def add_login(pdbedit: str, config: Path, password: str) -> None:
    """Let LOGIN in. The password is on no command line. Raises CalledProcessError with what the program said."""
    argv = [pdbedit, f"--configfile={config}", "-t", "-a", "-u", getpass.getuser()]
    subprocess.run(argv, input=f"{password}\n{password}\n", text=True, check=True, capture_output=True)


def command(smbd: str, config: Path) -> list[str]:
    """What starts it, in the foreground and in its starter's process group."""
    log = config.parent / "log"
    return [smbd, "--foreground", "--no-process-group", f"--configfile={config}", f"--log-basename={log}"]
