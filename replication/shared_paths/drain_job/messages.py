"""A message on its way, as the names of its file tell it."""

from __future__ import annotations

from dataclasses import dataclass, field

from nodes.remote.session import RemoteEntry
from nodes.temp_names import Moving, moving_name


@dataclass(slots=True)
class Moved:
    """What came of a move. `waits`: messages that were just written, or held open; `stuck`: why others stay."""

    messages: int = 0
    size: int = 0
    renamed: list[str] = field(default_factory=list)
    waits: int = 0
    stuck: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Message:
    """A message on its way: `name` is what it is called, `held` what its file is called now."""

    name: str
    held: str
    size: int
    mtime_ns: int


def message_of(entry: RemoteEntry) -> Message:
    """A listed file as a message."""
    own = moving_name(entry.name)
    return Message(own.name if own else entry.name, entry.name, entry.stat.size, entry.stat.mtime_ns)


def step_of(name: str) -> Moving | None:
    """How far a file's message is; None where nothing was begun."""
    own = moving_name(name)
    return own.step if own else None


def tag_of(message: Message) -> str:
    """Whose copy a COPIED message has."""
    own = moving_name(message.held)
    return own.tag if own else ""
