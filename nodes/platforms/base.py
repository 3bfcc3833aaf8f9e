"""The contract of a platform driver: how one kind of operating system spells commands, and what its answers mean.

Drivers are pure: no connection, no clock, no framework. A remote folder is always an SFTP path. Methods that
return None say "this platform has no command for it; use SFTP". Parsers take raw bytes from a possibly hostile node
and raise OutputUnreadable instead of guessing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from nodes.command import Command, CommandResult


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What was found on a node by `Platform.probe`. All False: SFTP alone."""

    can_list: bool = False
    can_hash: bool = False
    can_untar: bool = False
    can_link: bool = False
    can_archive: bool = False


@dataclass(frozen=True, slots=True)
class ListedFile:
    """One line of a tree listing: path relative to the listed root with `/`. `kind` is file, folder, link or other.
    `change_ns` is the inode change time where the system has one; `path_bytes` is set where the name is no valid
    UTF-8 (`path` is then an escaped spelling, of no use but to be shown).
    """

    path: str
    kind: str
    size: int
    mtime_ns: int
    change_ns: int | None = None
    path_bytes: bytes | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A tree listing. `unreadable` names folders (relative, "" for the root) whose content is not fully in `files`:
    what is missing beneath them must not be taken for absent. `vanished` names files and folders that went away while
    they were being listed: neither surely there nor surely gone."""

    files: tuple[ListedFile, ...]
    unreadable: tuple[str, ...] = ()
    vanished: tuple[str, ...] = ()


class RecordForm(Protocol):
    """The form of a listing as it comes from a node: records, one an entry, each with the same end."""

    end: bytes

    def mark(self, path: str) -> bytes:
        """What the record of this path holds, whatever else it says; a record of another path may hold it, too."""
        ...

    def parse(self, records: bytes) -> Listing:
        """What whole records say, all of a listing or some. Raises OutputUnreadable."""
        ...


@dataclass(frozen=True, slots=True)
class ClockReading:
    """How far the node's clock is ahead of the portal's, in milliseconds, and how far that may be wrong."""

    offset_ms: float
    uncertainty_ms: float


@dataclass(frozen=True, slots=True)
class SystemFacts:
    """What the node says of itself. `utc_ns` is its clock when it answered."""

    system: str
    host_name: str
    time_zone: str
    utc_ns: int | None


@dataclass(frozen=True, slots=True)
class Service:
    """A service. `state` and `start` are the system's numbers: 1 stopped, 4 running, 0 not to be asked for; start 2
    automatic, 3 on demand, 4 disabled. `program` is its command line."""

    name: str
    shown_name: str
    state: int
    start: int
    account: str
    program: str


@dataclass(frozen=True, slots=True)
class Mount:
    """The volume that a folder lies on: what is mounted (a device, `//server/share`, `server:/folder`), and where."""

    source: str
    point: str

    def __str__(self) -> str:
        return f"{self.source} at {self.point}"


class Platform(Protocol):
    """How a system is spoken to."""

    name: str
    folds_case: bool
    clock_lines: int
    """How many lines of input `clock` answers, the last of which counts; 0: it reads none."""

    def scripts(self) -> Mapping[str, bytes]:
        """Programs the portal brings to such nodes, by file name; empty where the system's own tools suffice."""
        ...

    def with_scripts(self, folder: str) -> Platform:
        """The driver for a node that holds `scripts` in this folder (an SFTP path)."""
        ...

    def spell(self, command: Command) -> str:
        """The command line for the node's shell, every word quoted. Raises ValueError for what cannot be quoted."""
        ...

    def sftp_path(self, native: str) -> str:
        """A native absolute path (`C:\\MDaemon`, `/srv/md`) as SFTP spells it. Raises ValueError naming the remedy."""
        ...

    def native_path(self, sftp: str) -> str:
        """The reverse of `sftp_path`."""
        ...

    def name_problem(self, name: str) -> str | None:
        """Why a file of this name cannot exist on the platform; None if it can."""
        ...

    def probe(self) -> Command | None:
        """A command whose answer tells the node's capabilities."""
        ...

    def parse_probe(self, result: CommandResult) -> Capabilities:
        """Capabilities from the probe's answer; an odd answer means none."""
        ...

    def system_facts(self) -> Command | None:
        """A command that tells system, host name, zone and clock in one round trip."""
        ...

    def parse_system_facts(self, result: CommandResult) -> SystemFacts:
        """Facts from its answer. Raises OutputUnreadable."""
        ...

    def clock(self) -> Command | None:
        """A command that tells the UTC clock with sub-second precision."""
        ...

    def parse_clock(self, result: CommandResult) -> int:
        """Nanoseconds since 1970 UTC. Raises OutputUnreadable."""
        ...

    def list_tree(self, root: str, skip: Sequence[str] = ()) -> Command | None:
        """List every entry under an SFTP path, not following links, not descending into `skip` (relative folders)."""
        ...

    def parse_list_tree(self, result: CommandResult) -> Listing:
        """The listing. Raises OutputUnreadable, RemoteFileMissing (no root), RemoteDenied (no way into the root)."""
        ...

    def listing_form(self, result: CommandResult) -> RecordForm | None:
        """The form of the records in the answer's output, if it is a whole listing without complaints; else None."""
        ...

    def digest_tree(self, root: str, skip: Sequence[str] = ()) -> Command | None:
        """Tell the SHA-256 of what `list_tree` would answer, complaints and failure included."""
        ...

    def parse_tree_digest(self, result: CommandResult) -> str | None:
        """The digest, in hex; None for any other answer."""
        ...

    def hash_files(self, root: str) -> Command | None:
        """Hash files under `root` whose relative paths come by `hash_stdin`."""
        ...

    def hash_stdin(self, paths: Iterable[str]) -> bytes:
        """Standard input for `hash_files`."""
        ...

    def parse_hashes(self, result: CommandResult) -> dict[str, str]:
        """Relative path -> SHA-256 hex; files that could not be read are missing from it. Raises OutputUnreadable,
        RemoteFileMissing (no root), RemoteDenied."""
        ...

    def archive(self, root: str) -> Command | None:
        """Write an archive of the files under `root` whose relative paths come by `archive_stdin`."""
        ...

    def archive_stdin(self, paths: Iterable[str]) -> bytes:
        """Standard input for `archive`."""
        ...

    def parse_archive(self, result: CommandResult) -> Mapping[str, bytes]:
        """Relative path -> content. Raises OutputUnreadable, also where a file could not be read, or changed while it
        was, RemoteFileMissing (no root), RemoteDenied."""
        ...

    def untar(self, folder: str, size: int = 0) -> Command | None:
        """Unpack a gzip tar from standard input into an existing folder. `size`: bytes of all its files, about."""
        ...

    def link_tree(self, root: str, tree: str) -> Command | None:
        """Give every file of a tree (relative to `root`, on its volume) a second name at the same place under `root`.
        What is there stays as it is, and no link is followed."""
        ...

    def parse_unlinked(self, result: CommandResult) -> set[str]:
        """The files of the tree (relative to it) that have no second name. Raises OutputUnreadable, RemoteFileMissing
        (no root), RemoteDenied."""
        ...

    def remove_tree(self, folder: str) -> Command | None:
        """Remove a folder with all that is in it; no link is followed."""
        ...

    def services(self, folder: str) -> Command | None:
        """The services whose program lies below an SFTP path."""
        ...

    def parse_services(self, result: CommandResult) -> tuple[Service, ...]:
        """The services. Raises OutputUnreadable."""
        ...

    def service_state(self, name: str) -> Command | None:
        """Ask for one service's state; None where there are no such services."""
        ...

    def parse_service_state(self, result: CommandResult) -> int | None:
        """Its number as in `Service.state`; None where there is no service of that name. Raises OutputUnreadable."""
        ...

    def share_number(self, folder: str) -> Command | None:
        """Open a folder on a share (an SFTP path) and tell by number why that fails; None where there are no such
        numbers. It may wait as long as the system waits for a file server: a minute."""
        ...

    def parse_share_number(self, result: CommandResult) -> int:
        """The number of the Win32 error, 11001 where nobody knows the file server's name, 0 where the folder opens.
        Raises OutputUnreadable."""
        ...

    def mount(self, folder: str) -> Command | None:
        """Tell which volume a folder lies on; None where shares are not mounted."""
        ...

    def parse_mount(self, result: CommandResult) -> Mount:
        """The volume. Raises OutputUnreadable."""
        ...

    def registry_value(self, key: str, value: str) -> Command | None:
        """Read one registry value; None where there is no registry."""
        ...

    def parse_registry_value(self, result: CommandResult) -> str:
        """The value's text; "" where there is none of that name."""
        ...
