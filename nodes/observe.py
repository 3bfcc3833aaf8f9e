"""Reading what a node is: system, version, effective folders, time zone, clock, disk. Nothing is changed on it."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.conf import settings
from django.utils import timezone

from nodes.command import Command, CommandResult
from nodes.connect import NodeLink, open_node
from nodes.enums import Health
from nodes.errors import (
    ChangedWhileRead,
    HostKeyUnknown,
    NodeError,
    OutputUnreadable,
    SessionLost,
    TimedOut,
    Unreachable,
    Unsupported,
)
from nodes.models import Node, NodeFacts
from nodes.platforms.base import SystemFacts
from nodes.products.folders import FolderPath, effective_folders
from nodes.products.ini import IniDocument, IniError
from nodes.products.profile import Profile
from nodes.products.version import ProductVersion, version_from_ini, version_from_program, version_from_text
from nodes.remote.session import FileKind, Space
from nodes.selectors.clusters import profile_of
from nodes.services.facts import Facts, record_facts, set_health

Value = TypeVar("Value")

CLOCK_READINGS = 5
"""Round trips to compare clocks; the shortest is the most exact."""

MAX_INI = 4 * 1024 * 1024
"""Bytes of MDaemon.ini that are read; real ones have some 50 KB."""

MAX_PROGRAM = 64 * 1024 * 1024
"""Bytes of the program that are searched for its version resource, when nothing else tells the version."""

BANNER_BYTES = 8 * 1024
LOGS_READ = 12
"""Logs whose first bytes are looked at for a banner, newest first; compact logs have none."""

MAIN_INI = "MDaemon.ini"
PROGRAM = "MDaemon.exe"
LOGS = "logs"

READ_ATTEMPTS = 3
"""A server that writes a file while it is read is asked again."""


@dataclass(frozen=True, slots=True)
class ClockReading:
    """How far the node's clock is ahead of the portal's, in milliseconds, and how far that may be wrong."""

    offset_ms: float
    uncertainty_ms: float


@dataclass(slots=True)
class _Reader:
    """Reads fact by fact; what cannot be read is noted and the rest goes on."""

    link: NodeLink
    errors: dict[str, str] = field(default_factory=dict)

    def attempt(self, fact: str, read: Callable[[], Value], otherwise: Value) -> Value:
        """The fact, or `otherwise` with the reason noted. Raises SessionLost: then nothing more can be read."""
        try:
            return read()
        except SessionLost:
            raise
        except (NodeError, IniError, ValueError) as error:
            self.errors[fact] = str(error)
            return otherwise

    def answer(self, command: Command | None, missing: str) -> CommandResult:
        """What a command of the platform answers. Raises Unsupported with `missing` where there is none."""
        if command is None:
            raise Unsupported(missing)
        return self.link.session.run(self.link.platform.spell(command), timeout=settings.PORTAL.command)

    def system(self) -> SystemFacts:
        """System, host name, time zone."""
        platform = self.link.platform
        missing = "The portal has no command for this platform that tells system, host name and time zone."
        return platform.parse_system_facts(self.answer(platform.system_facts(), missing))

    def clock(self) -> ClockReading:
        """The clock by several round trips; the shortest wins."""
        return min((self._clock_once() for _ in range(CLOCK_READINGS)), key=lambda reading: reading.uncertainty_ms)

    def _clock_once(self) -> ClockReading:
        platform = self.link.platform
        missing = "The portal has no command for this platform that tells the clock; compare it by hand."
        asked_ns, started = time.time_ns(), time.perf_counter_ns()
        result = self.answer(platform.clock(), missing)
        trip_ns = time.perf_counter_ns() - started
        offset_ns = platform.parse_clock(result) - (asked_ns + trip_ns // 2)
        return ClockReading(offset_ns / 1e6, trip_ns / 2e6)

    def disk(self) -> Space:
        """Space of the volume with the installation folder."""
        space = self.link.session.free_space(self.link.root)
        if space is None:
            raise Unsupported("The server's SFTP does not tell the free space.")
        return space

    def file(self, relative: str) -> bytes:
        """A small file below the installation folder, whole. Raises OutputUnreadable for a large one."""
        path = f"{self.link.root}/{relative}"
        for _ in range(READ_ATTEMPTS - 1):
            try:
                return self._file_once(path)
            except ChangedWhileRead:
                continue
        return self._file_once(path)

    def _file_once(self, path: str) -> bytes:
        held = bytearray()
        for chunk in self.link.session.read(path):
            held += chunk
            if len(held) > MAX_INI:
                raise OutputUnreadable(f"{path} has more than {MAX_INI} bytes.")
        return bytes(held)

    def start_of(self, path: str, size: int) -> bytes:
        """The first bytes of a file that may be growing."""
        held = bytearray()
        chunks = self.link.session.read(path)
        try:
            for chunk in chunks:
                held += chunk
                if len(held) >= size:
                    break
        except ChangedWhileRead:
            # what came before its end is there all the same
            pass
        finally:
            getattr(chunks, "close", lambda: None)()
        return bytes(held[:size])


def read_facts(link: NodeLink, *, profile: Profile, known_folders: Sequence[FolderPath] = ()) -> Facts:
    """Ask the node for everything it can tell. `known_folders`: what was found before, to be believed again.

    One missing fact does not stop the others; `errors` says why it is missing. Raises SessionLost when the connection
    breaks.
    """
    reader = _Reader(link)
    read_at = timezone.now()
    system = reader.attempt("system", reader.system, SystemFacts("", "", "", None))
    clock = reader.attempt("clock", reader.clock, None)
    disk = reader.attempt("disk", reader.disk, None)
    ini = reader.attempt("folders", lambda: _main_ini(reader, profile), None)
    folders = _folders(link, ini, profile, known_folders) if ini else ()
    version = reader.attempt("version", lambda: _version(reader, profile, ini, folders), None)
    return Facts(
        read_at=read_at,
        system=system.system,
        host_name=system.host_name,
        time_zone=system.time_zone,
        product_version=version.text if version else "",
        version_source=version.source if version else "",
        clock_offset_ms=clock.offset_ms if clock else None,
        clock_uncertainty_ms=clock.uncertainty_ms if clock else None,
        disk_free=disk.free if disk else None,
        disk_total=disk.total if disk else None,
        folders=folders,
        capabilities=link.capabilities,
        errors=reader.errors,
    )


def _main_ini(reader: _Reader, profile: Profile) -> IniDocument:
    return IniDocument.parse(reader.file(f"{profile.semaphore_folder}/{MAIN_INI}"))


def _folders(link: NodeLink, ini: IniDocument, profile: Profile, known: Sequence[FolderPath]) -> tuple[FolderPath, ...]:
    root = link.platform.native_path(link.root)
    return effective_folders(ini, root, link.platform.name, profile, known)


def _version(
    reader: _Reader, profile: Profile, ini: IniDocument | None, folders: Sequence[FolderPath]
) -> ProductVersion:
    """From what runs (the newest log's banner), from the ini file, from the program: the first that tells."""
    sources: tuple[Callable[[], ProductVersion | None], ...] = (
        lambda: _version_in_logs(reader, _log_folder(reader.link, profile, folders)),
        lambda: version_from_ini(ini) if ini else None,
        lambda: version_from_program(reader.start_of(f"{_app(reader.link, profile)}/{PROGRAM}", MAX_PROGRAM)),
    )
    for source in sources:
        try:
            found = source()
        except SessionLost:
            raise
        except NodeError:
            # the next source may tell it
            continue
        if found:
            return found
    raise OutputUnreadable(f"No log, nor {MAIN_INI}, nor {PROGRAM} tells the version.")


def _app(link: NodeLink, profile: Profile) -> str:
    return f"{link.root}/{profile.semaphore_folder}"


def _log_folder(link: NodeLink, profile: Profile, folders: Sequence[FolderPath]) -> str:
    """Where the node keeps its logs, as SFTP spells it; a place it names ambiguously counts by its first mention."""
    for folder in folders:
        if folder.role == LOGS:
            return link.platform.sftp_path(folder.path)
    default = next((rule.default for rule in profile.folders if rule.role == LOGS), "Logs")
    return f"{link.root}/{default}"


def _version_in_logs(reader: _Reader, folder: str) -> ProductVersion | None:
    """The banner of the newest log that has one."""
    session = reader.link.session
    logs = [
        entry
        for entry in session.list_folder(folder)
        if entry.stat.kind == FileKind.FILE and entry.name_bytes is None and entry.name.casefold().endswith(".log")
    ]
    logs.sort(key=lambda entry: entry.stat.mtime_ns, reverse=True)
    for entry in logs[:LOGS_READ]:
        start = reader.start_of(f"{folder}/{entry.name}", BANNER_BYTES)
        found = version_from_text(start.decode("latin-1"))
        if found:
            return found
    return None


def observe_node(node_id: int) -> None:
    """Read a node's facts, keep them, and say how the node is doing. What goes wrong is kept as its health; a node that
    was removed meanwhile is no error."""
    node = Node.objects.select_related("cluster").filter(pk=node_id).first()
    if node is None:
        return
    known = NodeFacts.objects.filter(node=node).values_list("folders", flat=True).first() or []
    try:
        with open_node(node) as link:
            known_folders = tuple(FolderPath(**folder) for folder in known)
            facts = read_facts(link, profile=profile_of(node.cluster), known_folders=known_folders)
    except NodeError as error:
        set_health(node_id=node_id, health=_health_after(error), cause=str(error))
        return
    record_facts(node_id=node_id, facts=facts)
    set_health(node_id=node_id, health=Health.OK)


def _health_after(error: NodeError) -> Health:
    if isinstance(error, HostKeyUnknown):
        return Health.UNKNOWN
    return Health.DOWN if isinstance(error, Unreachable | TimedOut | SessionLost) else Health.DEGRADED
