"""A mail server's folder as Windows keeps it: some 60 config files, names that differ in case, and what is not to be
touched."""

from __future__ import annotations

import os
from pathlib import Path

LISTS = 50
NAMES = (
    "with space.dat",
    "umlaut \u00e4\u00f6\u00fc.dat",
    "\u65e5\u672c\u8a9e.dat",
    "percent%PATH%.dat",
    "caret^&(1).dat",
)
INI = "[System]\r\nStandInHostName={host}\r\nStandInRegistration=KEY-{host}\r\nShared=one\r\n"


def make_tree(root: Path, host: str, *, primary: bool) -> None:
    """The primary's folder, or a secondary's that holds an old list, some names spelled otherwise, and little else."""
    app = root / "App"
    app.mkdir(parents=True)
    ini = "mdaemon.INI" if primary else "MDaemon.ini"
    (app / ini).write_bytes(INI.format(host=host).encode("cp1252"))
    (root / "Logs").mkdir()
    (root / "Logs" / "MDaemon-all.log").write_bytes(f"log of {host}\r\n".encode())
    (root / "Users" / "a.example").mkdir(parents=True)
    (root / "Users" / "a.example" / "md1.msg").write_bytes(f"mail of {host}\r\n".encode())
    if not primary:
        (app / "Userlist.dat").write_bytes(b"old\r\n")
        (app / "LIST0007.GRP").write_bytes(b"; old list\r\n")
        (app / "DEEP").mkdir()
        return
    (app / "Userlist.dat").write_bytes(b"a.example                user\r\n")
    for number in range(LISTS):
        (app / f"list{number:04}.grp").write_bytes(f"; list {number}\r\n".encode() * (number + 1))
    for name in NAMES:
        (app / name).write_bytes(b"awkward " + name.encode())
    (app / "deep" / "er").mkdir(parents=True)
    (app / "deep" / "er" / "bottom.dat").write_bytes(b"deep\r\n")
    (app / "empty.dat").write_bytes(b"")


def config_of(root: Path) -> dict[str, bytes]:
    """What must be equal, by folded name: everything below App but the ini file, programs, semaphores and what is the
    portal's own."""
    found = {}
    for folder, _, names in os.walk(root / "App"):
        for name in names:
            path = Path(folder) / name
            key = str(path.relative_to(root)).casefold()
            if key != "app/mdaemon.ini" and not key.endswith((".sem", ".exe")) and not name.startswith(".cp~"):
                found[key] = path.read_bytes()
    return found


def ini_of(root: Path) -> bytes:
    """The one MDaemon.ini, however it is spelled."""
    (path,) = [path for path in (root / "App").iterdir() if path.name.casefold() == "mdaemon.ini"]
    return path.read_bytes()


def untouched_of(root: Path) -> dict[str, bytes]:
    """What is each node's own."""
    paths = [path for part in ("Logs", "Users") for path in (root / part).rglob("*") if path.is_file()]
    return {str(path): path.read_bytes() for path in paths}
