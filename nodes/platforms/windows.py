r"""Windows nodes behind Win32-OpenSSH with its default shell: `cmd.exe /c "<line>"`, at most 8191 characters in all.

Two readers see a line: cmd.exe (carets, percent signs, its own quotes) and then the program's argument parser
(backslashes and quotes). Only commands whose answers do not depend on the language are used, and the portal's own
PowerShell scripts on nodes that were given them (see `nodes.remote.scripts`); everything else is SFTP.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nodes.command import Command, CommandResult
from nodes.errors import OutputUnreadable
from nodes.platforms import powershell
from nodes.platforms.base import Capabilities, Listing, Mount, RecordForm, Service, SystemFacts

LINE_LIMIT = 8191 - len(r'c:\windows\system32\cmd.exe /c ""') - 40
"""Longest line in UTF-16 units. 40 are spared for a shell that lies elsewhere."""

_PLAIN = re.compile(r"[\w./\\:@+-]+", re.ASCII)
_FOR_CMD = re.compile(r'[\s()%!^"<>&|]')
_CONTROL = re.compile(r"[\x00-\x1f]")
_RESERVED_CHARACTERS = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_RESERVED_NAME = re.compile(
    r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9\u00b9\u00b2\u00b3]) *(\..*)?", re.I | re.S
)
_DRIVE = re.compile(r"([A-Za-z]:)(?:/|\Z)")
_ZONE_KEY = r"HKLM\SYSTEM\CurrentControlSet\Control\TimeZoneInformation"
_VERSION = re.compile(r"Windows[^\d\r\n]{0,60}(\d+(?:\.\d+){2,3})\b\]?")
_HOST_NAME = re.compile(r"[\w-]{1,63}")
_VALUE = re.compile(r"^ {4}(.+?) {4}REG_\w+ {4}([^\r\n]*)", re.M)


def _units(text: str) -> int:
    """Length as Windows counts it. Raises ValueError for text that is not valid Unicode."""
    return len(text.encode("utf-16-le")) // 2


def _argument(word: str) -> str:
    r"""A word as the program's parser reads it back: quoted, backslashes doubled where a quote follows."""
    doubled = re.sub(r'(\\*)"', r'\1\1\\"', word)
    return '"' + re.sub(r"(\\+)\Z", r"\1\1", doubled) + '"'


def _quoted(word: str) -> str:
    """A word that passes both readers unchanged.

    Where cmd.exe would see something to act on, every such character and the quotes themselves get a caret, so that
    cmd never enters its quoted state: it removes the carets and nothing else. Percent signs get one on each side:
    cmd looks for variables before it removes carets, and no variable's name begins with one.
    """
    if _CONTROL.search(word):
        raise ValueError("A word of the command holds a control character or newline, which cmd.exe cannot pass on.")
    if _PLAIN.fullmatch(word):
        return word
    argument = _argument(word)
    if not _FOR_CMD.search(word.replace(" ", "")):
        return argument
    return re.sub("%(?!\\^)", "%^", _FOR_CMD.sub(r"^\g<0>", argument))


def _shown(raw: bytes) -> str:
    """An answer as text. The console's code page is unknown, so only ASCII can be relied on."""
    return raw.decode("utf-8", "replace").replace("\r\r\n", "\r\n")


_NUMBERED = re.compile(r"^ +[^:\s][^:\r\n]*: +([0-9a-f]+) ", re.M)
_NO_SUCH_SERVICE = 1060


@dataclass(frozen=True)
class WindowsPlatform:
    """Windows Server nodes. `script_folder` (native): where the portal's scripts lie on this one; "" without them."""

    script_folder: str = ""

    name = "windows"
    folds_case = True
    clock_lines = 12

    def scripts(self) -> Mapping[str, bytes]:
        """PowerShell scripts."""
        return {script.file_name: script.content for script in powershell.SCRIPTS}

    def with_scripts(self, folder: str) -> WindowsPlatform:
        """A driver that calls them there."""
        return WindowsPlatform(self.native_path(folder))

    def _call(self, name: str, *words: str) -> Command | None:
        return powershell.call(self.script_folder, name, *words) if self.script_folder else None

    def spell(self, command: Command) -> str:
        """The command line for cmd.exe."""
        line = " ".join(_quoted(word) for word in command.argv)
        if _units(line) > LINE_LIMIT:
            raise ValueError(f"The command line has more than {LINE_LIMIT} characters; send the data by SFTP.")
        return line

    def sftp_path(self, native: str) -> str:
        r"""`C:\x` -> `/C:/x`; `\\server\share\x` -> `//server/share/x`."""
        path = native.replace("\\", "/")
        if path.startswith(("//?/", "//./")):
            raise ValueError(f"{native[:200]!r} is a device path; write it without {native[:4]}.")
        if path.startswith("//"):
            prefix, rest = "/", path[1:]
            parts = self._parts(native, rest)
            if len(parts) < 2:
                raise ValueError(rf"{native[:200]!r} names no share; write \\server\share or a folder below it.")
            return prefix + "/" + "/".join(parts)
        drive = _DRIVE.match(path)
        if not drive:
            raise ValueError(rf"{native[:200]!r} is not absolute; write C:\MDaemon or \\server\share\folder.")
        return "/".join(["", drive[1], *self._parts(native, path[2:])]) if path[2:].strip("/") else f"/{drive[1]}/"

    def native_path(self, sftp: str) -> str:
        """The reverse."""
        if sftp.startswith("//"):
            return self.sftp_path(sftp).replace("/", "\\")
        return self.sftp_path(sftp[1:] if sftp.startswith("/") else "")[1:].replace("/", "\\")

    def _parts(self, native: str, path: str) -> list[str]:
        parts = [part for part in path.split("/") if part]
        for part in parts:
            problem = self.name_problem(part)
            if problem:
                raise ValueError(f"{native[:200]!r}: {problem}; choose another folder.")
        return parts

    def name_problem(self, name: str) -> str | None:
        """Why Windows cannot hold a file of this name."""
        if name in ("", ".", ".."):
            return f"{name!r} is no name of a file"
        odd = _RESERVED_CHARACTERS.search(name)
        if odd:
            return f"Windows allows no {odd[0]!r} in a name"
        if name[-1] in " .":
            return "Windows drops a dot or space at the end of a name"
        if _RESERVED_NAME.fullmatch(name):
            return f"Windows reserves the name {name!r} for a device"
        try:
            units = _units(name)
        except UnicodeEncodeError:
            return "the name is not valid Unicode"
        return f"the name has {units} characters, 255 is the limit" if units > 255 else None

    def probe(self) -> Command | None:
        """Try PowerShell; without scripts SFTP serves for everything."""
        return self._call("selftest")

    def parse_probe(self, result: CommandResult) -> Capabilities:
        """What the scripts can do here."""
        return powershell.parse_selftest(result)

    def system_facts(self) -> Command:
        """Version, host name and zone's registry name. The clock needs more than cmd.exe has."""
        script = f"ver & hostname & reg query {_ZONE_KEY} /v TimeZoneKeyName"
        return Command(("cmd.exe", "/d", "/c", script))

    def parse_system_facts(self, result: CommandResult) -> SystemFacts:
        """Facts; found by shape, for the words around them are translated."""
        text = _shown(result.stdout)
        version = _VERSION.search(text)
        if not version:
            raise OutputUnreadable("The node's answer holds no Windows version such as [Version 10.0.20348].")
        lines = [line.strip() for line in text[version.end() :].splitlines()]
        host_name = next((line for line in lines if line), "")
        values = _values(text)
        return SystemFacts(
            system=f"Windows {version[1]}",
            host_name=host_name if _HOST_NAME.fullmatch(host_name) else "",
            time_zone=values.get("timezonekeyname", "").partition("\0")[0].removesuffix("_dstoff")[:100],
            utc_ns=None,
        )

    def clock(self) -> Command | None:
        """By script; cmd.exe tells local time only, in the locale's form."""
        return self._call("clock")

    def parse_clock(self, result: CommandResult) -> int:
        """Nanoseconds since 1970 UTC."""
        return powershell.parse_clock(result)

    def list_tree(self, root: str, skip: Sequence[str] = ()) -> Command | None:
        """By script; folders in `skip` are compared without regard to case."""
        root = powershell.encoded(self.native_path(root))
        return self._call("tree", "-Root", root, "-Skip", powershell.skipped(skip))

    def parse_list_tree(self, result: CommandResult) -> Listing:
        """The listing, with times to 100 ns."""
        return powershell.parse_tree(result)

    def listing_form(self, result: CommandResult) -> RecordForm | None:
        """The script's lines, if it came to its end."""
        return powershell.TREE_RECORDS if result.ok and powershell.is_whole(result) else None

    def digest_tree(self, root: str, skip: Sequence[str] = ()) -> Command | None:
        """None."""
        return None

    def parse_tree_digest(self, result: CommandResult) -> str | None:
        """Never asked for."""
        return None

    def hash_files(self, root: str) -> Command | None:
        """By script, one process for all files."""
        return self._call("hash", "-Root", powershell.encoded(self.native_path(root)))

    def hash_stdin(self, paths: Iterable[str]) -> bytes:
        """Names, one a line."""
        return powershell.hash_stdin(paths)

    def parse_hashes(self, result: CommandResult) -> dict[str, str]:
        """Hashes by path."""
        return powershell.parse_hashes(result)

    def services(self, folder: str) -> Command | None:
        """By script: from the registry, which every account may read, and the service control manager."""
        return self._call("services", "-Folder", powershell.encoded(self.native_path(folder)))

    def parse_services(self, result: CommandResult) -> tuple[Service, ...]:
        """The services."""
        return powershell.parse_services(result)

    def share_number(self, folder: str) -> Command | None:
        """By script."""
        return self._call("share", "-Folder", powershell.encoded(self.native_path(folder)))

    def parse_share_number(self, result: CommandResult) -> int:
        """The number."""
        return powershell.parse_share(result)

    def mount(self, folder: str) -> None:
        """Windows needs none."""
        return None

    def parse_mount(self, result: CommandResult) -> Mount:
        """Never asked for."""
        raise OutputUnreadable("Windows mounts no shares.")

    def service_state(self, name: str) -> Command:
        """`sc.exe query NAME`."""
        return Command(("sc.exe", "query", name))

    def parse_service_state(self, result: CommandResult) -> int | None:
        """The number of its second indented line, after the type's; words around it may be translated."""
        if result.exit_status == _NO_SUCH_SERVICE:
            return None
        numbers = _NUMBERED.findall(_shown(result.stdout))
        if not result.ok or len(numbers) < 2 or numbers[1] not in "1234567":
            raise OutputUnreadable(f"`sc query` ended with status {result.exit_status} and tells no state.")
        return int(numbers[1])

    def archive(self, root: str) -> None:
        """Use SFTP."""
        return None

    def archive_stdin(self, paths: Iterable[str]) -> bytes:
        """There is nothing to say."""
        return b""

    def parse_archive(self, result: CommandResult) -> Mapping[str, bytes]:
        """There is nothing to parse."""
        return {}

    def untar(self, folder: str, size: int = 0) -> None:
        """Use SFTP."""
        return None

    def link_tree(self, root: str, tree: str) -> None:
        """Use SFTP."""
        return None

    def parse_unlinked(self, result: CommandResult) -> set[str]:
        """There is nothing to parse."""
        return set()

    def remove_tree(self, folder: str) -> None:
        """Use SFTP."""
        return None

    def registry_value(self, key: str, value: str) -> Command:
        """`reg query KEY /v VALUE`."""
        return Command(("reg", "query", key, "/v", value))

    def parse_registry_value(self, result: CommandResult) -> str:
        """The value; reg ends with 1 where there is none."""
        if result.exit_status == 1:
            return ""
        values = list(_values(_shown(result.stdout)).values())
        if not result.ok or len(values) != 1:
            raise OutputUnreadable(f"`reg query` ended with status {result.exit_status} and {len(values)} values.")
        return values[0]


def _values(text: str) -> dict[str, str]:
    """Registry values by lower-case name, from `reg query`'s indented lines."""
    return {name.lower(): value.strip() for name, value in _VALUE.findall(text)}
