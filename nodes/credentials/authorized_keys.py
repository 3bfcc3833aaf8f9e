"""The exact lines that let the portal's key in, to be pasted on a server by its administrator.

Everything that comes from a form is quoted for the shell the lines are for; `restrict` takes from the key what the
portal never needs: terminals and forwarding.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class AuthorizedKeyLines:
    """Lines a person runs on the server. `windows_administrator`: in PowerShell as administrator, for an account that
    is one; `windows_user` and `posix`: as the account itself."""

    windows_administrator: tuple[str, ...]
    windows_user: tuple[str, ...]
    posix: tuple[str, ...]


def authorized_key_lines(*, public_key: str, username: str) -> AuthorizedKeyLines:
    """The lines for a public key (one authorized_keys line) and the account it shall open."""
    entry = f"restrict {' '.join(public_key.split())}"
    account = " ".join(username.split())
    return AuthorizedKeyLines(
        _windows_administrator(entry, account), _windows_user(entry, account), _posix(entry, account)
    )


# PowerShell takes these typographic quotes for the plain one
_SINGLE_QUOTES = "'\u2018\u2019\u201a\u201b"


def _quoted(text: str) -> str:
    """A PowerShell literal."""
    return "'" + "".join(character * 2 if character in _SINGLE_QUOTES else character for character in text) + "'"


def _windows_administrator(entry: str, account: str) -> tuple[str, ...]:
    keys = r'"$env:ProgramData\ssh\administrators_authorized_keys"'
    return (
        f"# in PowerShell as administrator; the account {account} is a local administrator",
        "Add-WindowsCapability -Online -Name OpenSSH.Server~~~~0.0.1.0",
        "Set-Service -Name sshd -StartupType Automatic",
        "Start-Service sshd",
        f"Add-Content -LiteralPath {keys} -Encoding ascii -Value {_quoted(entry)}",
        # names of groups differ by language, their SIDs do not: Administrators and SYSTEM
        f"icacls.exe {keys} /inheritance:r /grant '*S-1-5-32-544:F' /grant '*S-1-5-18:F'",
    )


def _windows_user(entry: str, account: str) -> tuple[str, ...]:
    return (
        f"# in PowerShell, logged in as {account}, which is no administrator; sshd is installed and running",
        r'New-Item -ItemType Directory -Force -Path "$env:USERPROFILE\.ssh" | Out-Null',
        r'Add-Content -LiteralPath "$env:USERPROFILE\.ssh\authorized_keys" -Encoding ascii -Value ' + _quoted(entry),
    )


def _posix(entry: str, account: str) -> tuple[str, ...]:
    return (
        f"# in a shell, logged in as {account}",
        "umask 077",
        "mkdir -p ~/.ssh",
        f"printf '%s\\n' {shlex.quote(entry)} >> ~/.ssh/authorized_keys",
    )
