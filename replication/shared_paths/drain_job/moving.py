"""Messages go from one folder to another, each exactly once, whoever dies meanwhile.

What a message's file is called tells how far it is (`nodes.temp_names.Moving`). It is claimed by a rename, so that no
mail server takes it; copied under a name that no mail server takes either; the copy is read back, and only then the
message is COPIED. From there on the copy counts: one rename gives it its name in the other queue, where a mail server
may take it at once, and the message goes. Of a COPIED message whose copy is not there any more the copy had got its
name, if the mark shows that this is the folder that it lay in.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from nodes.connection.connect import NodeLink
from nodes.errors import (
    ChangedWhileRead,
    NodeError,
    RemoteBusy,
    RemoteFileExists,
    RemoteFileMissing,
)
from nodes.products.profile import Profile
from nodes.queues.core.places import usual_place
from nodes.queues.core.tally import is_message
from nodes.queues.look import DEEPEST, MOST_FOLDERS
from nodes.remote.session import FileKind, Outcome, RemoteEntry, RemoteStat
from nodes.temp_names import PREFIX, Moving, MovingName, moving_name
from replication.files.work_context import moving
from replication.jobs.runner import JobLease
from replication.shared_paths.core.queue_moves import free_name, is_used
from replication.shared_paths.drain_job.copying import Copies
from replication.shared_paths.drain_job.messages import Message, Moved, message_of, step_of, tag_of
from replication.shared_paths.drain_job.places import Way, same_folder

BATCH = 64
"""Messages that take each step together."""

SETTLE_NS = 10 * 10**9
"""A message that was written so shortly before may not be whole yet."""

MOST_SKIPPED = 5_000
"""So many files of one folder that cannot be moved now are remembered; where there are more, the rest waits."""

MOST_NAMES = 20
"""So many names are tried for a message whose own is taken."""

LONGEST_NAME = 255


class Mover:
    """Moves the messages of one node. `tag` is this owner's. `on_its_way`: whether some message could not go on."""

    def __init__(self, link: NodeLink, way: Way, profile: Profile, lease: JobLease, tag: str) -> None:
        self.link, self.session, self.way, self.profile, self.lease, self.tag = (
            link, link.session, way, profile, lease, tag,
        )  # fmt: skip
        self.moved = Moved()
        self.on_its_way = False
        self.node_id = link.node_id
        self._usual = usual_place(profile.folders)
        self._made: set[str] = set()
        self._is_marked = False

    def mark(self) -> None:
        """Show where the copies are made. Raises RemoteFileMissing where the folder is not there: then its share is not
        mounted, or it was never made; Refused where it is the very folder that messages are taken from."""
        self.lease.check()
        with suppress(RemoteFileExists):
            self.session.write_new(f"{self.way.target}/{self._marked(self.tag)}", [b"clusterportal\n"])
        self._is_marked = True
        if self.session.stat(f"{self.way.source}/{self._marked(self.tag)}") is not None:  # it would all come back
            self._remove([f"{self.way.target}/{self._marked(self.tag)}"])
            raise same_folder(self.way)
        self.lease.boundary("queue-marked")

    def check_place(self) -> None:
        """Raises RemoteFileMissing where the mark is not there any more: then the share was unmounted meanwhile, and
        what is written would come onto the disk below its mount point."""
        if not self._is_marked:
            self.mark()
        elif not self.was_here([self.tag]):
            raise RemoteFileMissing(f"{self.way.target} is not the folder any more that it was.")

    def run(self) -> None:
        """Move what lies in the folder and below it. Raises NodeError where no more can be moved."""
        waiting = [""]
        while waiting:
            queue = waiting.pop()
            below = self._folder(queue)
            if queue.count("/") < DEEPEST:
                waiting += [f"{queue}/{name}" if queue else name for name in below]

    def _folder(self, queue: str) -> list[str]:
        """Move what lies in one folder; answers those below it. Of a queue that is in use only what was on its way
        already goes on."""
        source, target = _in(self.way.source, queue), _in(self.way.target, queue)
        place = f"{self._usual}/{queue}" if queue else self._usual
        folder = _Folder(self, source, target, place, only_begun=self._is_in_use(queue))
        is_there = folder.run()
        self.on_its_way |= any(moving_name(name) for name in folder.skipped)
        if is_there and not folder.skipped:
            self._sweep(target, Moving.COPY)
        return sorted(folder.below)

    def _is_in_use(self, queue: str) -> bool:
        return self.way.words.begun or is_used(queue, self.way.words.used)

    def make_target(self, target: str) -> None:
        """The folder that a queue's messages go to; that of all queues is never made here."""
        if target != self.way.target and target not in self._made:
            self.lease.check()
            self.session.make_folders(target)
            self._made.add(target)

    def unmark(self) -> None:
        """Nothing is on its way any more: the marks of this node go."""
        self._sweep(self.way.target, Moving.MARK)

    def _sweep(self, target: str, step: Moving) -> None:
        """Remove this node's files of a kind that nobody needs any more: marks, and copies whose messages went or were
        copied again."""
        try:
            names = (entry.name for entries in self.session.entries(target) for entry in entries)
            found = [name for name in names if self._is_mine(name, step)]
        except RemoteFileMissing:
            return
        self._remove([f"{target}/{name}" for name in found])

    def _remove(self, paths: Sequence[str]) -> None:
        if paths:
            self.lease.check()
            self.session.remove_many(paths)

    def _is_mine(self, name: str, step: Moving) -> bool:
        own = moving_name(name)
        return own is not None and own.step is step and own.tag.partition(".")[0] == str(self.node_id)

    def was_here(self, tags: Sequence[str]) -> set[str]:
        """Those of these owners' tags whose copies were made in this folder."""
        paths = [f"{self.way.target}/{self._marked(tag)}" for tag in tags]
        found = self.session.stat_many(paths)
        for one in found:
            if isinstance(one, NodeError):
                raise one
        return {tag for tag, one in zip(tags, found, strict=True) if one is not None}

    @staticmethod
    def _marked(tag: str) -> str:
        return str(MovingName(Moving.MARK, tag, ""))


class _Folder:
    """One folder's messages, batch by batch."""

    def __init__(self, mover: Mover, source: str, target: str, place: str, *, only_begun: bool) -> None:
        self.mover, self.session, self.lease = mover, mover.session, mover.lease
        self.source, self.target, self.place, self.only_begun = source, target, place, only_begun
        self.skipped: set[str] = set()
        self.below: set[str] = set()
        self._copies = Copies(self.session, self.lease, mover.tag, source, target, self._skip)

    def run(self) -> bool:
        """Until nothing can be moved any more; whether the folder was there."""
        while True:
            try:
                batch = list(self._next())
            except RemoteFileMissing:
                return False
            if not batch:
                return True
            self._move(batch)

    def _next(self) -> Iterator[RemoteEntry]:
        """The next messages that may be moved: those on their way first, as the folder is listed."""
        count = 0
        for entries in self.session.entries(self.source, progress=moving(self.lease)):
            for entry in entries:
                if count < BATCH and self._may_move(entry):
                    count += 1
                    yield entry
            if count >= BATCH or len(self.skipped) > MOST_SKIPPED:
                return

    def _may_move(self, entry: RemoteEntry) -> bool:
        if entry.stat.kind is FileKind.FOLDER and entry.name_bytes is None and len(self.below) < MOST_FOLDERS:
            self.below.add(entry.name)
        if entry.name in self.skipped or entry.stat.kind is not FileKind.FILE:
            return False
        if entry.name.startswith(PREFIX):
            own = moving_name(entry.name)
            if own is not None and own.step is Moving.CLAIMED:
                return self._is_left_alone(entry)
            return own is not None and own.step is Moving.COPIED
        if self.only_begun or not is_message(self.mover.profile, self.place, entry.name):
            return False
        return self._is_whole(entry)

    def _is_whole(self, entry: RemoteEntry) -> bool:
        """Whether it can be spelled, and was left alone for a while."""
        longest = str(MovingName(Moving.COPY, self.mover.tag, entry.name))
        if entry.name_bytes is not None or len(longest.encode()) > LONGEST_NAME:
            self._skip(entry.name, f"{entry.name}: its name cannot be written")
            return False
        return self._is_left_alone(entry)

    def _is_left_alone(self, entry: RemoteEntry) -> bool:
        """Whether nobody wrote to it for a while. A writer that has it open still may, whatever it is called by now."""
        age = time.time_ns() + self.mover.way.ahead_ns - entry.stat.mtime_ns
        if abs(age) < SETTLE_NS:
            self._skip(entry.name)
            return False
        return True

    def _skip(self, name: str, why: str = "") -> None:
        """It stays for this time, and so does whatever else is called like it; without a reason it is waited for."""
        own = moving_name(name)
        self.skipped |= {name, own.name} if own else {name}
        if why:
            self.mover.moved.stuck.append(why)
        else:
            self.mover.moved.waits += 1

    def _move(self, batch: Sequence[RemoteEntry]) -> None:
        self.mover.check_place()
        self.mover.make_target(self.target)
        copied = [message_of(entry) for entry in batch if step_of(entry.name) is Moving.COPIED]
        if copied:
            self._finish(self._resumed(copied))
        claimed = [message_of(entry) for entry in batch if step_of(entry.name) is Moving.CLAIMED]
        fresh = [entry for entry in batch if step_of(entry.name) is None and entry.name not in self.skipped]
        claimed += self._claim(fresh)
        self._finish(self._copy(claimed))

    def _claim(self, entries: Sequence[RemoteEntry]) -> list[Message]:
        pairs = [(entry.name, str(MovingName(Moving.CLAIMED, "", entry.name))) for entry in entries]
        outcomes = self._rename(pairs)
        self.lease.boundary("queue-claimed")
        return [
            Message(name, held, entry.stat.size, entry.stat.mtime_ns)
            for entry, (name, held), outcome in zip(entries, pairs, outcomes, strict=True)
            if self._went(outcome, name)
        ]

    def _copy(self, messages: Sequence[Message]) -> list[Message]:
        """Copies that were read back as they were read; the messages are COPIED then."""
        copied = self._copies.of(messages)
        self.lease.boundary("queue-copied")
        whole = self._copies.as_listed(copied)
        pairs = [(one.held, str(MovingName(Moving.COPIED, self.mover.tag, one.name))) for one in whole]
        outcomes = self._rename(pairs)
        self.lease.boundary("queue-decided")
        return [
            Message(one.name, held, one.size, one.mtime_ns)
            for one, (_, held), outcome in zip(whole, pairs, outcomes, strict=True)
            if self._went(outcome, one.held)
        ]

    def _resumed(self, messages: Sequence[Message]) -> list[Message]:
        """COPIED messages of an earlier try that still have to get their name. Of the others the copy has it."""
        copies = [f"{self.target}/{self._copy_name(one)}" for one in messages]
        found = self.session.stat_many(copies)
        for stat in found:
            if isinstance(stat, NodeError):
                raise stat
        gone = [one for one, stat in zip(messages, found, strict=True) if stat is None]
        here = self.mover.was_here(sorted({tag_of(one) for one in gone}))
        for one in gone:
            if tag_of(one) not in here:
                self._skip(one.held, f"{one.name}: its copy is not in {self.target}, which may be another folder now")
        self._away([one for one in gone if tag_of(one) in here])
        return [one for one, stat in zip(messages, found, strict=True) if stat is not None]

    def _finish(self, messages: Sequence[Message]) -> None:
        """Give the copies their names, and let the messages go."""
        if not messages:
            return
        placed = self._place(messages)
        self.lease.boundary("queue-placed")
        self._away(placed)
        self.lease.boundary("queue-cleaned")

    def _place(self, messages: Sequence[Message]) -> list[Message]:
        """Those whose copies have a name now, their own or, where that is taken, a free one."""
        placed: list[Message] = []
        left, names = list(messages), {one.held: one.name for one in messages}
        for number in range(MOST_NAMES):
            taken = []
            self.lease.check()
            for one, outcome in zip(left, self._move_into_place(left, names), strict=True):
                if isinstance(outcome, RemoteFileExists):
                    taken.append(one)
                elif self._went(outcome, one.held):
                    placed.append(one)
                    self._note_name(one, names[one.held])
            placed += (there := [one for one in taken if self._is_there(one, names[one.held])])
            left = [one for one in taken if one not in there]
            names |= {one.held: free_name(one.name, self.mover.node_id, number) for one in left}
            if not left:
                break
        for one in left:
            self._skip(one.held, f"{one.name}: no name is free for it in {self.target}")
        return placed

    def _move_into_place(self, messages: Sequence[Message], names: Mapping[str, str]) -> list[Outcome]:
        pairs = [(f"{self.target}/{self._copy_name(one)}", f"{self.target}/{names[one.held]}") for one in messages]
        return self.session.move_many(pairs)

    def _is_there(self, message: Message, name: str) -> bool:
        """Whether the message itself lies under that name already, because somebody copied it by hand, or because the
        node's server died between the two halves of a rename. Its copy goes then."""
        copy, there = f"{self.target}/{self._copy_name(message)}", f"{self.target}/{name}"
        facts = self.session.stat_many([copy, there])
        if facts[0] != facts[1] or not isinstance(facts[0], RemoteStat):
            return False
        try:
            is_same = self._copies.digest(copy) == self._copies.digest(there)
        except (ChangedWhileRead, RemoteFileMissing, RemoteBusy):
            return False
        if is_same:
            self.lease.check()
            self.session.remove_many([copy])
        return is_same

    def _note_name(self, message: Message, name: str) -> None:
        if name != message.name:
            self.mover.moved.renamed.append(f"{message.name} is {name} now")

    def _copy_name(self, message: Message) -> MovingName:
        return MovingName(Moving.COPY, tag_of(message), message.name)

    def _away(self, messages: Sequence[Message]) -> None:
        """The messages themselves go: their copies have taken their place."""
        if not messages:
            return
        self.lease.check()
        outcomes = self.session.remove_many([f"{self.source}/{one.held}" for one in messages])
        for one, outcome in zip(messages, outcomes, strict=True):
            if self._went(outcome, one.held):
                self.mover.moved.messages += 1
                self.mover.moved.size += one.size
        self.lease.progress(files=len(messages))

    def _rename(self, pairs: Sequence[tuple[str, str]]) -> list[Outcome]:
        if not pairs:
            return []
        self.lease.check()
        return self.session.move_many([(f"{self.source}/{old}", f"{self.source}/{new}") for old, new in pairs])

    def _went(self, outcome: Outcome, name: str) -> bool:
        """Whether it went well. What somebody else took, or holds open, is looked at again the next time."""
        if outcome is None:
            return True
        if isinstance(outcome, RemoteFileMissing | RemoteFileExists | RemoteBusy):
            self._skip(name)
            return False
        raise outcome


def _in(folder: str, queue: str) -> str:
    return f"{folder}/{queue}" if queue else folder
