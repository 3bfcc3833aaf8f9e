"""Installation folders for the stories: some 500 config files with awkward names, and what must stay untouched."""

from __future__ import annotations

import hashlib
import os
import random
from pathlib import Path

AWKWARD = (
    "with space.dat",
    "umlaut-nfc-\u00e4\u00f6\u00fc.dat",
    "umlaut-nfd-a\u0308o\u0308u\u0308.dat",
    "percent%41%.dat",
    "-leading-dash.dat",
    "single'quote.dat",
    'double"quote.dat',
    "back\\slash.dat",
    "new\nline.dat",
    "dollar$HOME`id`.dat",
    "star*?.dat",
    "\u65e5\u672c\u8a9e.dat",
    "x" * 196 + ".dat",
    "tab\there.dat",
)
INI = (
    "; MDaemon configuration\r\n"
    "[System]\r\n"
    "StandInHostName={host}\r\n"
    "StandInRegistration={key}\r\n"
    "Shared=one\r\n"
    "[Directories]\r\n"
    "Raw={root}\\Queues\\Raw\r\n"
)


def make_tree(root: Path, host: str, *, files: int = 500, secret: str = "", primary: bool = True) -> None:
    """A node's folder. Where `primary` is False it has less config of its own."""
    app = root / "App"
    app.mkdir(parents=True)
    (app / "MDaemon.ini").write_bytes(
        INI.format(host=host, key=f"KEY-{host}-{secret}", root="C:\\MDaemon").encode("cp1252")
    )
    (app / "MDaemon.exe").write_bytes(b"MZ" + host.encode() * 50)
    (app / "EXITNOW.bak").write_bytes(b"")
    (root / "Logs").mkdir()
    (root / "Logs" / "MDaemon-all.log").write_text(f"log of {host}\n")
    (root / "PEM").mkdir()
    (root / "PEM" / "key.pem").write_text(f"PRIVATE {host} {secret}\n")
    (root / "Users" / "a.example" / "u").mkdir(parents=True)
    (root / "Users" / "a.example" / "u" / "md1.msg").write_text(f"mail of {host}\n")
    if not primary:
        (app / "Userlist.dat").write_bytes(b"old account list\r\n")
        return
    chance = random.Random(7)
    (app / "Userlist.dat").write_bytes(f"a.example{'':36}user{secret}\r\n".encode())
    for number in range(files - len(AWKWARD) - 4):
        (app / f"list{number:04}.grp").write_bytes(
            f"; list {number}\r\n".encode() + chance.randbytes(200).hex().encode()
        )
    for name in AWKWARD:
        (app / name).write_bytes(b"awkward " + name.encode())
    deep = app.joinpath(*[f"deep{level}" for level in range(12)])
    deep.mkdir(parents=True)
    (deep / "bottom.dat").write_bytes(b"deep\r\n")
    (app / "empty.dat").write_bytes(b"")


def hashes(root: Path, *, below: str = "") -> dict[str, str]:
    """Relative path (escaped bytes) -> SHA-256 of every file under a folder."""
    found = {}
    start = os.fsencode(root / below)
    for folder, _, names in os.walk(start):
        for name in names:
            path = folder + b"/" + name
            with Path(os.fsdecode(path)).open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[os.fsdecode(os.path.relpath(path, os.fsencode(root)))] = digest
    return found


def config_of(root: Path) -> dict[str, str]:
    """Hashes of what must be the same on all nodes: App without what is each node's own or of the moment."""
    own = ("App/MDaemon.ini", "App/MDaemon.exe", "App/EXITNOW.bak")
    found = hashes(root, below="App")
    return {path: digest for path, digest in found.items() if path not in own and not path.endswith(".SEM")}
