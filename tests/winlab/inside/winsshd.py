"""Runs inside Wine, on Windows CPython 3.11: an SSH server with the manners of Win32-OpenSSH 9.

    python winsshd.py PORT PASSWORD FAULTS_FILE

What it does as the real one does (read in its source): commands go unescaped to `cmd.exe /c`, at most 8191 characters;
files are opened with its share modes; a plain rename never replaces; a posix-rename is MoveFileEx, which fails while
the target is open; whatever Win32 error has no number of its own in SFTP is a bare "Failure". The file of faults holds
words that spoil single verbs, and is read anew each time: `posix-rename` and `hardlink` (both fail). A login by key
reaches no share.
"""

from __future__ import annotations

import asyncio
import ctypes
import logging
import msvcrt
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from ctypes import wintypes
from pathlib import Path
from typing import Any

import asyncssh
from asyncssh.sftp import SFTPServerHandler

CMD = r"c:\windows\system32\cmd.exe"
LONGEST_LINE = 8191
READ, WRITE = 0x80000000, 0x40000000
SHARE_READ, SHARE_WRITE = 1, 2
REPLACE_EXISTING, COPY_ALLOWED = 1, 2
ACCESS_DENIED, NOT_FOUND = (5, 1314), (2, 3, 123)
ALREADY_EXISTS = 183
BAD_NETPATH, BAD_NET_NAME, NO_DIRECTORY = 53, 67, 267
STARTING = ThreadPoolExecutor(1)
"""One at a time: else one program could inherit the other's pipes."""

kernel = ctypes.WinDLL("kernel32", use_last_error=True)
kernel.CreateFileW.restype = wintypes.HANDLE
kernel.CreateFileW.argtypes = [
    *(wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, wintypes.LPVOID),
    *(wintypes.DWORD, wintypes.DWORD, wintypes.HANDLE),
]
kernel.MoveFileExW.argtypes = [wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.DWORD]
kernel.CreateHardLinkW.argtypes = [wintypes.LPCWSTR, wintypes.LPCWSTR, wintypes.LPVOID]
INVALID_HANDLE = wintypes.HANDLE(-1).value


# asyncssh offers it where Python has os.statvfs; the real server does on Windows
SFTPServerHandler._extensions = [*SFTPServerHandler._extensions, (b"statvfs@openssh.com", b"2")]


def refusal(code: int) -> asyncssh.SFTPError:
    """How the real server reports a Win32 error."""
    if code in ACCESS_DENIED:
        return asyncssh.SFTPPermissionDenied("Permission denied")
    if code in NOT_FOUND:
        return asyncssh.SFTPNoSuchFile("No such file")
    return asyncssh.SFTPFailure("Failure")


def check(worked: int) -> None:
    if not worked:
        raise refusal(ctypes.get_last_error())


def native(path: bytes) -> str:
    r"""`/C:/x` -> `C:\x`; `//server/share` -> `\\server\share`."""
    text = os.fsdecode(path)
    if text[2:3] == ":" and text[0] in "/\\":
        text = text[1:]
    if len(text) == 2 and text[1] == ":":
        text += "\\"
    return text.replace("/", "\\")


class Files(asyncssh.SFTPServer):
    """SFTP on the Win32 file API. Whoever logged in by a key has no rights on other machines."""

    def __init__(self, chan: asyncssh.SSHServerChannel[bytes]) -> None:
        super().__init__(chan)
        self._by_key = chan.get_extra_info("by_key", False)

    def native(self, path: bytes) -> str:
        text = native(path)
        if text.startswith("\\\\"):
            code = ACCESS_DENIED[0] if self._by_key else unreached(text)
            if code:
                raise refusal(code)
        return text

    def map_path(self, path: bytes) -> bytes:
        return os.fsencode(self.native(path))

    def reverse_map_path(self, path: bytes) -> bytes:
        text = os.fsdecode(path).replace("\\", "/")
        return os.fsencode("/" + text if text[1:2] == ":" else text)

    def realpath(self, path: bytes) -> bytes:
        text = self.native(path)
        full = text if Path(text).is_absolute() else os.path.normpath(Path(os.environ["USERPROFILE"]) / text)
        return self.reverse_map_path(os.fsencode(full))

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        reads, writes = bool(pflags & asyncssh.FXF_READ), bool(pflags & asyncssh.FXF_WRITE)
        access = (READ if reads else 0) | (WRITE if writes else 0)
        share = 0 if reads and writes else SHARE_READ | SHARE_WRITE if reads else SHARE_WRITE
        handle = kernel.CreateFileW(self.native(path), access, share, None, disposition(pflags), 0x80, None)
        check(handle != INVALID_HANDLE)
        descriptor = msvcrt.open_osfhandle(handle, os.O_BINARY | (os.O_APPEND if pflags & asyncssh.FXF_APPEND else 0))
        return os.fdopen(descriptor, "r+b" if reads and writes else "rb" if reads else "wb", buffering=0)

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        if Path(self.native(newpath)).exists():
            raise refusal(ALREADY_EXISTS)
        check(kernel.MoveFileExW(self.native(oldpath), self.native(newpath), 0))

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        spoil("posix-rename")
        check(kernel.MoveFileExW(self.native(oldpath), self.native(newpath), REPLACE_EXISTING | COPY_ALLOWED))

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        spoil("hardlink")
        check(kernel.CreateHardLinkW(self.native(newpath), self.native(oldpath), None))

    def remove(self, path: bytes) -> None:
        told(os.unlink, self.native(path))

    def rmdir(self, path: bytes) -> None:
        told(os.rmdir, self.native(path))

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        told(os.mkdir, self.native(path))

    def statvfs(self, path: bytes) -> asyncssh.SFTPVFSAttrs:
        text = self.native(path)
        if text.startswith("\\\\") and not text.endswith("\\"):
            raise refusal(NO_DIRECTORY)  # documented of GetDiskFreeSpaceW, which the real server hands its path to
        usage = shutil.disk_usage(text)
        volume = asyncssh.SFTPVFSAttrs()
        volume.bsize = volume.frsize = 4096
        volume.blocks = usage.total // 4096
        volume.bfree = volume.bavail = usage.free // 4096
        volume.namemax = 255
        return volume


def unreached(path: str) -> int:
    """How Windows says that it has no such file server, or the server no such share; Wine, which has links for both,
    says that it does not find the file. 0 where they are there."""
    server, share = path.split("\\")[2:4]
    if not is_there(rf"\\{server}"):
        return BAD_NETPATH
    return 0 if is_there(rf"\\{server}\{share}") else BAD_NET_NAME


def is_there(path: str) -> bool:
    return bool(kernel.GetFileAttributesW(path) != -1)  # pathlib knows no server without a share


def disposition(pflags: int) -> int:
    """CREATE_NEW 1, CREATE_ALWAYS 2, OPEN_EXISTING 3, OPEN_ALWAYS 4, TRUNCATE_EXISTING 5."""
    truncates = pflags & asyncssh.FXF_TRUNC
    if not pflags & asyncssh.FXF_CREAT:
        return 5 if truncates else 3
    return 1 if pflags & asyncssh.FXF_EXCL else 2 if truncates else 4


def told(verb: Callable[[str], None], path: str) -> None:
    """Do it; a failure in the server's words."""
    try:
        verb(path)
    except OSError as error:
        raise refusal(error.winerror or 1) from error


def spoil(fault: str) -> None:
    if fault in Path(sys.argv[3]).read_text().split():
        raise asyncssh.SFTPFailure("Failure")


async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Run a command. A client that closes its channel meanwhile ends neither the command nor the connection."""
    try:
        await run(process)
    except OSError:
        logging.info("nobody waits for %r any more", process.command)


async def run(process: asyncssh.SSHServerProcess[bytes]) -> None:
    """Run a command line as `w32-doexec.c` does."""
    line = f'{CMD} /c "{process.command}"'
    if process.command is None or len(line) > LONGEST_LINE:
        process.stderr.write(b"The command line is too long.\r\n")
        process.exit(1)
        return
    loop = asyncio.get_running_loop()
    # to start a program takes seconds on a busy machine, in which the server must not fall silent
    by_key = bool(process.get_extra_info("by_key", False))
    child = await loop.run_in_executor(STARTING, start, line, by_key)
    assert child.stdin and child.stdout and child.stderr
    feeding = asyncio.create_task(feed(process, child))
    streams = ((child.stdout, process.stdout), (child.stderr, process.stderr))
    await asyncio.gather(*(copy(loop, source, sink) for source, sink in streams))
    status = await loop.run_in_executor(None, child.wait)
    feeding.cancel()
    process.exit(status & 0xFFFFFFFF)


def start(line: str, by_key: bool) -> subprocess.Popen[bytes]:
    pipe = subprocess.PIPE
    environment = os.environ | {"WINLAB_BY_KEY": "1" if by_key else ""}
    return subprocess.Popen(line, stdin=pipe, stdout=pipe, stderr=pipe, cwd=os.environ["USERPROFILE"], env=environment)


async def feed(process: asyncssh.SSHServerProcess[bytes], child: subprocess.Popen[bytes]) -> None:
    """What the client sends, as it comes."""
    loop = asyncio.get_running_loop()
    assert child.stdin
    try:
        while data := await process.stdin.read(65536):
            await loop.run_in_executor(None, put, child.stdin, data)
    except (asyncssh.Error, OSError):
        logging.info("the input of %r ended early", process.command)
    finally:
        child.stdin.close()


def put(pipe: Any, data: bytes) -> None:
    pipe.write(data)
    pipe.flush()


async def copy(loop: asyncio.AbstractEventLoop, source: Any, sink: asyncssh.SSHWriter[bytes]) -> None:
    """From a pipe of the command to the client."""
    while data := await loop.run_in_executor(None, source.read1, 65536):
        sink.write(data)


class Door(asyncssh.SSHServer):
    """Logins by password, or by any key, which the connection then remembers."""

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._conn = conn

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return username == "Administrator" and password == sys.argv[2]

    def public_key_auth_supported(self) -> bool:
        return True

    def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        self._conn.set_extra_info(by_key=username == "Administrator")
        return username == "Administrator"


async def main() -> None:
    # every command under way keeps four threads waiting
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(64))
    logging.basicConfig(level="WARNING", filename=rf"C:\winlab\winsshd-{sys.argv[1]}.log")
    key = asyncssh.generate_private_key("ssh-ed25519")
    await asyncssh.create_server(
        Door,
        "127.0.0.1",
        int(sys.argv[1]),
        process_factory=serve,
        encoding=None,
        server_host_keys=[key],
        sftp_factory=Files,
        sftp_version=3,
        server_version="OpenSSH_for_Windows_9.5",
        line_editor=False,
    )
    sys.stdout.write(f"listening {key.export_public_key().decode().strip()}\n")
    sys.stdout.flush()
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
