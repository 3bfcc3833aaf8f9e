"""Shared paths as they are being set: what a change makes of a layout, and what is wrong with it, field by field. Pure,
so that a page can say both while somebody types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from nodes.platforms.unc import UncError, UncPath
from nodes.products.profile import FolderRule
from nodes.shares.core.layout import COMMON, INDIVIDUAL, QUEUES, Layout, SharedPlace, effective
from nodes.shares.core.rules import problems

MODES = ("", COMMON, INDIVIDUAL)


@dataclass(frozen=True, slots=True)
class PathsChange:
    """What shall be set; None leaves what is set. `mode` "": the portal sets no paths. `own`: paths of single folders
    by role, "" for none."""

    mode: str | None = None
    common: str | None = None
    own: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RoutingChange:
    """Whether nodes shall share their mail queues, and where; `queues` "": on the common share under their usual name,
    None: as it is set."""

    on: bool
    queues: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A layout as it would be, `places` what follows for each folder. `complaints`: by field, in sentences that say
    what to do. A path that is none is not in the layout."""

    layout: Layout
    places: tuple[SharedPlace, ...]
    complaints: Mapping[str, tuple[str, ...]]


def field_of(role: str) -> str:
    """By which name a complaint about a folder's own path is told."""
    return QUEUES if role == QUEUES else f"folder_{role}"


def drafted(
    layout: Layout, change: PathsChange | RoutingChange, folders: Sequence[FolderRule], longest: int = 0
) -> Draft:
    r"""What a change makes of a layout. `folders`: all of the profile's. `longest`: bytes of the cluster's longest
    `domain\mailbox`, 0 where that is not known."""
    complaints = _Complaints()
    if isinstance(change, RoutingChange):
        layout = _with_routing(layout, change, complaints)
    else:
        layout = _with_paths(layout, change, {folder.role for folder in folders if folder.shared}, complaints)
    places = _places(layout, folders, complaints)
    _judge_whole(layout, complaints)
    for problem in problems(places, longest):
        on_common = layout.mode == COMMON and problem.role != QUEUES
        complaints.first("common" if on_common else field_of(problem.role), problem.text)
    return Draft(layout, places, complaints.told())


class _Complaints:
    """What is wrong, by field."""

    def __init__(self) -> None:
        self._found: dict[str, list[str]] = {}

    def add(self, field: str, sentence: str) -> None:
        """Note it."""
        self._found.setdefault(field, []).append(sentence)

    def first(self, field: str, sentence: str) -> None:
        """Note it where nothing else is wrong with the field: one share's folders have the same fault together."""
        if self.passed(field):
            self.add(field, sentence)

    def path(self, field: str, text: str) -> UncPath | None:
        """What somebody typed as a path; None for nothing, and for what is none."""
        if not text.strip():
            return None
        try:
            return UncPath.parse(text)
        except UncError as error:
            self.add(field, str(error))
            return None

    def passed(self, field: str) -> bool:
        """Whether nothing is wrong with a field so far."""
        return field not in self._found

    def told(self) -> dict[str, tuple[str, ...]]:
        """All of it."""
        return {field: tuple(sentences) for field, sentences in self._found.items()}


def _with_paths(layout: Layout, change: PathsChange, known: Iterable[str], complaints: _Complaints) -> Layout:
    if change.mode is not None:
        layout = replace(layout, mode=change.mode)
        if change.mode not in MODES:
            complaints.add("mode", f"Use one of: {', '.join(MODES[1:])}; nothing for no shared paths.")
    if change.common is not None:
        layout = replace(layout, common=complaints.path("common", change.common))
    own = dict(layout.own)
    for role, text in (change.own or {}).items():
        path = complaints.path(field_of(role), text)
        own.pop(role, None)
        if path is not None:
            own[role] = path
        if role not in known:
            complaints.add(field_of(role), f"There is no such shared folder; use one of: {', '.join(sorted(known))}.")
    return replace(layout, own=own)


def _with_routing(layout: Layout, change: RoutingChange, complaints: _Complaints) -> Layout:
    queues = layout.queues if change.queues is None else complaints.path(QUEUES, change.queues)
    return replace(layout, routing=change.on, queues=queues)


def _places(layout: Layout, folders: Sequence[FolderRule], complaints: _Complaints) -> tuple[SharedPlace, ...]:
    try:
        return effective(layout, folders)
    except UncError as error:  # only one share's folders are put together, and then they may be too long
        complaints.add("common", str(error))
        return ()


def _judge_whole(layout: Layout, complaints: _Complaints) -> None:
    """What no field shows by itself."""
    if layout.mode == COMMON and layout.common is None and complaints.passed("common"):
        complaints.add("common", r"Give the share in which all folders shall lie, such as \\server\share.")
    if layout.routing and layout.queues is None and layout.mode != COMMON and complaints.passed(QUEUES):
        complaints.add(
            QUEUES, "Multi-node mail routing needs a folder for the queues; give its path under Mail routing."
        )
