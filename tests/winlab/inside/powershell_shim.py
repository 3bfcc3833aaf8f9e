r"""Plays powershell.exe for the portal's own scripts, and for nothing else: anything unknown ends with 99.

A script is recognised by the hash of the file it is called by (`C:\winlab\scripts.txt`), and answered truly, by doing
what it says with the Win32 API. This proves how scripts are called, fed and understood, not that PowerShell runs them.
"""

from __future__ import annotations

import base64
import ctypes
import hashlib
import msvcrt
import os
import socket
import sys
import time
import winreg
from collections.abc import Callable, Iterator
from ctypes import wintypes
from pathlib import Path

NOT_PLAYED, NO_FOLDER, NO_WAY_IN = 99, 97, 96
SWITCHES = ["-NoLogo", "-NoProfile", "-NonInteractive", "-ExecutionPolicy", "Bypass", "-File"]
EPOCH_TICKS = 621_355_968_000_000_000
READ, SHARE_ALL, OPEN_EXISTING, ORDINARY = 0x80000000, 7, 3, 0x80
REPARSE_POINT = 0x400
SERVICES = r"SYSTEM\CurrentControlSet\Services"
CONNECT, QUERY_STATUS = 1, 4
ACCESS_DENIED, BAD_NETPATH, BAD_NET_NAME, NO_SUCH_HOST = 5, 53, 67, 11001


def say(*words: object) -> None:
    sys.stdout.write("\t".join(str(word) for word in words) + "\n")
    sys.stdout.flush()


def encoded(text: str) -> str:
    return base64.b64encode(text.encode("utf-16-le", "surrogatepass")).decode()


def decoded(word: str) -> str:
    return base64.b64decode(word).decode("utf-16-le", "surrogatepass")


def clock() -> None:
    for _ in sys.stdin:
        say(time.time_ns() // 100 + EPOCH_TICKS)


def selftest() -> None:
    sys.stdin.read()
    say("version", "5.1.20348.1")
    say("mode", "FullLanguage")
    say("zone", "W. Europe Standard Time")
    say("empty", hashlib.sha256(b"").hexdigest())
    say("end")


def hash_files(root: str) -> None:
    folder = existing(root)
    for line in sys.stdin:
        word = line.strip()
        digest = digest_of(str(Path(folder) / decoded(word))) if word else None
        if digest:
            say(digest, word)
    say("end")


def digest_of(path: str) -> str | None:
    """SHA-256 by a handle that shares everything; None where it cannot be read."""
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.CreateFileW.restype = wintypes.HANDLE
    handle = kernel.CreateFileW(path, READ, SHARE_ALL, None, OPEN_EXISTING, ORDINARY, None)
    if handle == wintypes.HANDLE(-1).value:
        return None
    with os.fdopen(msvcrt.open_osfhandle(handle, os.O_BINARY), "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree(root: str, skip: str) -> None:
    sys.stdin.read()
    top = existing(root)
    skipped = {line.casefold() for line in decoded(skip).split("\n")}
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            entries = list(os.scandir(Path(top) / folder))
        except OSError:
            if not folder:
                sys.exit(NO_WAY_IN)
            say("x", 0, 0, encoded(folder))
            continue
        for entry in entries:
            path = f"{folder}\\{entry.name}" if folder else entry.name
            facts = entry.stat(follow_symlinks=False)
            is_folder = entry.is_dir(follow_symlinks=False)
            kind = "l" if facts.st_file_attributes & REPARSE_POINT else "d" if is_folder else "f"
            if kind == "d" and path.casefold() not in skipped:
                waiting.append(path)
            ticks = facts.st_mtime_ns // 100 + EPOCH_TICKS
            say(kind, facts.st_size if kind == "f" else 0, ticks, encoded(path))
    say("end")


def existing(root: str) -> str:
    folder = decoded(root)
    if not Path(folder).is_dir():
        sys.exit(NO_FOLDER)
    return folder


def services(folder: str) -> None:
    sys.stdin.read()
    start = (decoded(folder).rstrip("\\") + "\\").casefold()
    for name, program, account, when in registered():
        if program.lstrip('"').casefold().startswith(start):
            say(state_of(name), when, *(encoded(text) for text in (name, shown_name(name), account, program)))
    say("end")


def share(folder: str) -> None:
    sys.stdin.read()
    path, number = decoded(folder), 0
    try:
        with os.scandir(path) as entries:
            next(entries, None)
    except OSError as error:
        number = error.winerror or 31
    say(unreached(path) or number if path.startswith("\\\\") else number)
    say("end")


def unreached(path: str) -> int:
    """What Windows says of servers and shares; Wine, which has links for them, says of them what it says of files."""
    server, name = path.split("\\")[2:4]
    if os.environ.get("WINLAB_BY_KEY"):
        return ACCESS_DENIED
    if not is_there(rf"\\{server}"):
        return BAD_NETPATH if is_known(server) else NO_SUCH_HOST
    return 0 if is_there(rf"\\{server}\{name}") else BAD_NET_NAME


def is_there(path: str) -> bool:
    return bool(ctypes.WinDLL("kernel32").GetFileAttributesW(path) != -1)  # pathlib knows no server without a share


def is_known(server: str) -> bool:
    try:
        return bool(socket.gethostbyname(server))
    except OSError:
        return False


def registered() -> Iterator[tuple[str, str, str, int]]:
    """Name, command line, account, start of every service in the registry."""
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, SERVICES) as key:
        for place in range(winreg.QueryInfoKey(key)[0]):
            name = winreg.EnumKey(key, place)
            texts = str(value(name, "ImagePath", "")), str(value(name, "ObjectName", ""))
            yield name, *texts, int(str(value(name, "Start", 0)))


def value(service: str, name: str, otherwise: object) -> object:
    try:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, rf"{SERVICES}\{service}") as key:
            return winreg.QueryValueEx(key, name)[0]
    except OSError:
        return otherwise


def shown_name(service: str) -> str:
    return str(value(service, "DisplayName", service))


def state_of(service: str) -> int:
    """The service control manager's number; 0 where it does not tell."""
    api = ctypes.WinDLL("advapi32")
    api.OpenSCManagerW.restype = api.OpenServiceW.restype = wintypes.HANDLE
    api.OpenServiceW.argtypes = [wintypes.HANDLE, wintypes.LPCWSTR, wintypes.DWORD]
    api.QueryServiceStatus.argtypes = [wintypes.HANDLE, wintypes.LPVOID]
    status = (wintypes.DWORD * 7)()
    handle = api.OpenServiceW(api.OpenSCManagerW(None, None, CONNECT), service, QUERY_STATUS)
    return int(status[1]) if handle and api.QueryServiceStatus(handle, status) else 0


PLAYED: dict[str, tuple[Callable[..., None], list[str]]] = {
    "clock": (clock, []),
    "hash": (hash_files, ["-Root"]),
    "selftest": (selftest, []),
    "services": (services, ["-Folder"]),
    "share": (share, ["-Folder"]),
    "tree": (tree, ["-Root", "-Skip"]),
}


def script_name(path: Path) -> str:
    """Which of the portal's scripts a file is, by its hash; "" for any other."""
    known = dict(line.split() for line in Path(r"C:\winlab\scripts.txt").read_text().splitlines())
    return known.get(hashlib.sha256(path.read_bytes()).hexdigest(), "") if path.is_file() else ""


def main(words: list[str]) -> None:
    count = len(SWITCHES)
    name = script_name(Path(words[count])) if words[:count] == SWITCHES and len(words) > count else ""
    play, parameters = PLAYED.get(name, (refuse, []))
    if words[count + 1 :: 2] != parameters:
        refuse()
    play(*words[count + 2 :: 2])


def refuse() -> None:
    sys.stderr.write("winlab: this is no script of the portal\n")
    sys.exit(NOT_PLAYED)


main(sys.argv[1:])
