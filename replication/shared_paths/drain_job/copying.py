"""Copies of the messages of one folder: made, read back, and compared with what was listed."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nodes.errors import ChangedWhileRead, NodeError, OutputUnreadable, RemoteBusy, RemoteFileMissing
from nodes.remote.session import CHUNK, RemoteStat, Session
from nodes.temp_names import Moving, MovingName
from replication.files.work_context import moving
from replication.jobs.runner import JobLease
from replication.shared_paths.drain_job.messages import Message

LARGEST = 2**40
"""Bytes of a message that is read; there is no such message."""


@dataclass(frozen=True, slots=True)
class Copies:
    """Of claimed messages in `source`, made in `target` under names that no mail server takes. `tag`: whose copies they
    are; `skip` leaves a message for this time."""

    session: Session
    lease: JobLease
    tag: str
    source: str
    target: str
    skip: Callable[[str], None]

    def of(self, messages: Sequence[Message]) -> list[Message]:
        """The messages whose copies were read back as they were read. Raises NodeError."""
        together = self._together([message for message in messages if message.size <= CHUNK])
        return [message for message in messages if message.held in together or self._alone(message)]

    def as_listed(self, messages: Sequence[Message]) -> list[Message]:
        """Those that nobody wrote to since they were listed. The others' copies lack what came; they are made anew."""
        now = self.session.stat_many([f"{self.source}/{one.held}" for one in messages])
        same = []
        for one, stat in zip(messages, now, strict=True):
            if isinstance(stat, NodeError) and not isinstance(stat, RemoteBusy):
                raise stat
            if isinstance(stat, RemoteStat) and (stat.size, stat.mtime_ns) == (one.size, one.mtime_ns):
                same.append(one)
            else:
                self.skip(one.held)
        return same

    def digest(self, path: str) -> str:
        """SHA-256 of a file, read now. Raises NodeError."""
        digest = hashlib.sha256()
        for chunk in self.session.read(path, most=LARGEST, progress=moving(self.lease)):
            digest.update(chunk)
        return digest.hexdigest()

    def _together(self, messages: Sequence[Message]) -> set[str]:
        """Small ones. What does not go well is left to be done alone, where it is told why."""
        if not messages:
            return set()
        self.lease.check()
        copies = [self._copy(one) for one in messages]
        contents = self.session.read_small([f"{self.source}/{one.held}" for one in messages])
        files = [(copy, content) for copy, content in zip(copies, contents, strict=True) if isinstance(content, bytes)]
        self.session.write_new_small(files)
        self.session.set_mtime_many([(copy, one.mtime_ns) for copy, one in zip(copies, messages, strict=True)])
        self.lease.progress(bytes=sum(len(content) for _, content in files))
        back = self.session.read_small(copies)
        return {
            one.held
            for one, content, copied in zip(messages, contents, back, strict=True)
            if isinstance(content, bytes) and content == copied
        }

    def _alone(self, message: Message) -> bool:
        copy = self._copy(message)
        progress = moving(self.lease, bytes_each=1.0)
        self.lease.check()
        try:
            self.session.remove_many([copy])  # of a try of this very owner
            content = self.session.read(f"{self.source}/{message.held}", most=LARGEST)
            written = self.session.write_new(copy, content, progress=progress)
            self.session.set_mtime_many([(copy, message.mtime_ns)])
            if self.digest(copy) != written.sha256:
                raise OutputUnreadable(f"{copy} does not hold what was written there.")
        except (ChangedWhileRead, RemoteBusy, RemoteFileMissing):
            self.skip(message.held)
            return False
        return True

    def _copy(self, message: Message) -> str:
        return f"{self.target}/{MovingName(Moving.COPY, self.tag, message.name)}"
