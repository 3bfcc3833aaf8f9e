"""Every way the portal uses on a node, tried once on a real one and reported: read-only unless told otherwise.

It is the one real check of PowerShell and Windows. Nothing it says is secret: names, counts and times.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from django.conf import settings

from nodes.command import Command, CommandResult
from nodes.connection.connect import NodeLink
from nodes.connection.reader import Reader
from nodes.counted import many
from nodes.errors import NodeError, OutputUnreadable
from nodes.one_line import one_line
from nodes.platforms.base import Listing
from nodes.products.profile import Profile
from nodes.remote.scripts import prepared
from nodes.remote.session import FileKind, Outcome
from nodes.remote.walk import walk
from nodes.temp_names import SELF_TEST

HASHED_FILES = 5
LARGEST_HASHED = 1024 * 1024
LONGEST_DETAIL = 1000
BUILD = (r"HKLM\SOFTWARE\Microsoft\Windows NT\CurrentVersion", "CurrentBuildNumber")


class TestOutcome(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class TestResult:
    """One check: its name, how it ended, its time, and what was seen or why it failed."""

    name: str
    outcome: TestOutcome
    seconds: float
    detail: str


class Skipped(Exception):
    """The check does not apply to this node; the text says why."""


class Wrong(Exception):
    """What was seen is not right; the text says what."""


@dataclass(slots=True)
class SelfTest:
    """A run on one node. `checks` grows as it goes."""

    link: NodeLink
    profile: Profile
    checks: list[TestResult] = field(default_factory=list)
    walked: Listing = field(default_factory=lambda: Listing(()))

    def run(self, *, write: bool) -> tuple[TestResult, ...]:
        """All checks, in order; `write` also tries a scratch file's whole life in the installation folder."""
        checks: tuple[tuple[str, Callable[[], str]], ...] = (
            ("login's home folder", self._home),
            ("free space", self._space),
            ("list over SFTP", self._walk),
            ("read over SFTP", self._read),
            ("system, host name, time zone", self._system),
            ("registry", self._registry),
            ("portal's scripts", self._scripts),
            ("what commands can do", self._capabilities),
            ("list by command", self._list),
            ("hash by command", self._hash),
            ("clock", self._clock),
            ("services", self._services),
            ("why a folder does not open", self._reason),
        )
        for name, check in checks:
            self.attempt(name, check)
        if write:
            TempFiles(self).run()
        else:
            self.attempt("write, link, rename, remove", self._not_asked)
        return tuple(self.checks)

    def attempt(self, name: str, check: Callable[[], str]) -> bool:
        """Run one check and write down how it ended; answers whether it passed."""
        started = time.perf_counter()
        try:
            outcome, detail = TestOutcome.PASS, check()
        except Skipped as reason:
            outcome, detail = TestOutcome.SKIP, str(reason)
        except (NodeError, Wrong, ValueError) as error:
            outcome, detail = TestOutcome.FAIL, str(error)
        seconds = time.perf_counter() - started
        self.checks.append(TestResult(name, outcome, seconds, one_line(detail, LONGEST_DETAIL)))
        return outcome is TestOutcome.PASS

    def _home(self) -> str:
        return self.link.session.home()

    def _space(self) -> str:
        space = self.link.session.free_space(self.link.root)
        if space is None:
            raise Skipped("the server's SFTP does not tell it")
        return f"{space.free / 1e9:.1f} of {space.total / 1e9:.1f} GB free"

    def _walk(self) -> str:
        folds_case = self.link.platform.folds_case
        self.walked = walk(self.link.session, self._app, folds_case=folds_case)
        unreadable = (
            f", {many(len(self.walked.unreadable), 'folder')} cannot be listed" if self.walked.unreadable else ""
        )
        return f"{many(len(self.walked.files), 'name')} in {self.profile.semaphore_folder}{unreadable}"

    @property
    def _app(self) -> str:
        return f"{self.link.root}/{self.profile.semaphore_folder}"

    def _sample(self) -> list[str]:
        """A few files that are read and hashed."""
        small = [
            file.path
            for file in self.walked.files
            if file.kind == FileKind.FILE and file.size <= LARGEST_HASHED and file.path_bytes is None
        ]
        if not small:
            raise Skipped("there is no small file to read")
        return small[:HASHED_FILES]

    def _read(self) -> str:
        total = sum(len(self._content(path)) for path in self._sample())
        return f"{many(len(self._sample()), 'file')}, {many(total, 'byte')}"

    def _content(self, path: str) -> bytes:
        return b"".join(self.link.session.read(f"{self._app}/{path}", most=LARGEST_HASHED))

    def _system(self) -> str:
        system = Reader(self.link).system()
        return f"{system.system}; {system.host_name or 'no host name'}; {system.time_zone or 'no time zone'}"

    def _registry(self) -> str:
        platform = self.link.platform
        return f"build {platform.parse_registry_value(self._answer(platform.registry_value(*BUILD)))}"

    def _answer(self, command: Command | None, stdin: bytes = b"") -> CommandResult:
        """What a command answers. Raises Skipped where the platform, or this node, has none for it."""
        if command is None:
            raise Skipped("no command for it on this node")
        line = self.link.platform.spell(command)
        return self.link.session.run(line, stdin=stdin, timeout=settings.PORTAL.command)

    def _scripts(self) -> str:
        wanted = self.link.platform.scripts()
        if not wanted:
            raise Skipped("this system needs none")
        if prepared(self.link.session, self.link.platform).probe() is None:
            raise Skipped("not brought yet, or not the portal's own: bring them by POST nodes/ID/scripts/bring")
        return f"as they should be: {many(len(wanted), 'file')}"

    def _capabilities(self) -> str:
        """The answer of the probe, even where it was not good enough to be used."""
        able = prepared(self.link.session, self.link.platform)
        result = self._answer(able.probe())
        found = able.parse_probe(result)
        if not found.can_list or not found.can_hash:
            said = (result.stdout + result.stderr)[:300].decode("ascii", "replace").split()
            raise Wrong(f"status {result.exit_status}; list {found.can_list}, hash {found.can_hash}: {' '.join(said)}")
        return f"list, hash{', unpack' if found.can_untar else ''}"

    def _list(self) -> str:
        platform = self.link.platform
        listing = platform.parse_list_tree(self._answer(platform.list_tree(self._app)))
        by_sftp, by_command = ({file.path for file in found.files} for found in (self.walked, listing))
        odd = sorted(by_sftp ^ by_command)
        if odd:
            raise Wrong(f"in one listing only: {many(len(odd), 'name')}, the first: {odd[0]!r}; run it again")
        return f"{many(len(listing.files), 'name')}, the same as over SFTP"

    def _hash(self) -> str:
        platform, sample = self.link.platform, self._sample()
        result = self._answer(platform.hash_files(self._app), platform.hash_stdin(sample))
        found = platform.parse_hashes(result)
        wrong = [path for path in sample if found.get(path) != hashlib.sha256(self._content(path)).hexdigest()]
        if wrong:
            raise Wrong(f"{len(wrong)} of {len(sample)} hashes are not those of the content, the first: {wrong[0]!r}")
        return f"the content says the same of {many(len(sample), 'file')}"

    def _clock(self) -> str:
        if self.link.platform.clock() is None:
            raise Skipped("no command for it on this node")
        clock = Reader(self.link).clock()
        return f"{clock.offset_ms:+.0f} ms against the portal, give or take {clock.uncertainty_ms:.0f} ms"

    def _services(self) -> str:
        platform = self.link.platform
        services = platform.parse_services(self._answer(platform.services(self.link.root)))
        if not services:
            raise Skipped("no service's program lies in the installation folder")
        for service in services:
            state = platform.parse_service_state(self._answer(platform.service_state(service.name)))
            if state != service.state:
                raise Wrong(f"{service.name} is in state {service.state} by script, {state} by sc.exe")
        return "; ".join(f"{one.name} (state {one.state}, account {one.account})" for one in services)

    def _reason(self) -> str:
        """Asked of shares in earnest; here of folders of which it is known."""
        platform = self.link.platform
        for folder, right in ((self.link.root, (0,)), (f"{self.link.root}/{SELF_TEST}none", (2, 3))):
            number = platform.parse_share_number(self._answer(platform.share_number(folder)))
            if number not in right:
                raise Wrong(f"Windows is said to answer {number} for {folder}")
        return "told by number"

    def _not_asked(self) -> str:
        raise Skipped("only with --write")


class TempFiles:
    """The life of a scratch file in the installation folder, with every verb by which files are replaced."""

    def __init__(self, test: SelfTest) -> None:
        self._test, self._session = test, test.link.session
        start = f"{test.link.root}/{SELF_TEST}{secrets.token_hex(4)}"
        self.first, self.second, self.undo = f"{start}a", f"{start}b", f"{start}c"

    def run(self) -> None:
        """Write two files, link one, put the other in its place, set its time, read it back; remove all in any case."""
        steps: tuple[tuple[str, Callable[[], str]], ...] = (
            ("write a new file", self._write),
            ("hard link", self._link),
            ("replace a file by rename", self._replace),
            ("set a file's time", self._touch),
        )
        with self._cleaned():
            for name, step in steps:
                if not self._test.attempt(name, step) and step == self._write:
                    return

    @contextmanager
    def _cleaned(self) -> Iterator[None]:
        try:
            yield
        finally:
            self._test.attempt("remove files", self._remove)

    def _write(self) -> str:
        self._session.write_new(self.first, [b"first"])
        self._session.write_new(self.second, [b"second"])
        return self.first

    def _link(self) -> str:
        _done(self._session.link_many([(self.first, self.undo)]))
        return "the undo copy costs nothing"

    def _replace(self) -> str:
        _done(self._session.replace_many([(self.second, self.first)]))
        if b"".join(self._session.read(self.first, most=LARGEST_HASHED)) != b"second":
            raise Wrong("the file still has its old content")
        return "at once, and the new content is there"

    def _touch(self) -> str:
        wanted = 1_600_000_000 * 10**9
        _done(self._session.set_mtime_many([(self.first, wanted)]))
        facts = self._session.stat(self.first)
        if facts is None or facts.mtime_ns != wanted:
            raise Wrong("the file has another time than was set")
        return "kept"

    def _remove(self) -> str:
        _done(self._session.remove_many([self.first, self.second, self.undo]))
        if any(self._session.stat_many([self.first, self.second, self.undo])):
            raise OutputUnreadable("A scratch file is still there.")
        return "nothing is left"


def _done(outcomes: list[Outcome]) -> None:
    for outcome in outcomes:
        if outcome is not None:
            raise outcome
