"""The keys of a cluster's shared folders: what was confirmed, what was found on the primary, what stands against it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from nodes.clusters.models import Cluster
from nodes.enums import IniChoice, NodeRole, SearchState
from nodes.ini_keys.models import IniDecision
from nodes.ini_keys.services import folded
from nodes.platforms import platform_named
from nodes.platforms.unc import UncPath
from nodes.products.folders import FolderPath, PathText, folders_from
from nodes.registry.models import Node
from nodes.shares.core.layout import SharedPlace, effective, shared_folders
from nodes.shares.models import FolderKey, KeySearch
from nodes.shares.selectors.keys import folder_keys_of
from nodes.shares.selectors.layout import folder_rules, layout_of, mounts_of
from nodes.shares.spelling import NoMountPoint, remote_path
from replication.shared_paths.core.keys import FOUND, TYPED, Candidate, Found, Holds, Typed, Unread
from replication.shared_paths.core.values import ROUTING

SAID = {
    Holds.WANTED: "holds the wanted path",
    Holds.TODAY: "holds where the folder lies today",
    Holds.DEFAULT: "holds where the folder lies by default",
    Holds.OTHER: "holds another place",
}
ROUTING_LABEL = "Switch of multi-node mail routing"


def found_of(row: KeySearch | None) -> Found | None:
    """What the last search that came through found; None before the first."""
    return None if row is None or row.found is None else FOUND.decode(row.found.reveal())


def typed_of(row: KeySearch) -> tuple[Typed, ...]:
    """The places that people named and nobody confirmed yet."""
    return TYPED.convert(row.typed)


def id_of(role: str, identity: str) -> str:
    """What names a key of a folder on pages and over REST; `identity`: as `nodes.ini_keys.services.folded` makes it."""
    return hashlib.sha256(f"{role}\t{identity}".encode()).hexdigest()[:16]


def labels_of(cluster: Cluster) -> dict[str, str]:
    """What keys can be of, by role: the shared folders, the queues among them, and the switch of routing. Raises
    ProfileError."""
    rules = shared_folders(folder_rules(cluster), routing=True)
    return {rule.role: rule.label for rule in rules} | {ROUTING: ROUTING_LABEL}


@dataclass(frozen=True, slots=True)
class KeptBy:
    """A secondary that keeps a key as its own, because somebody said so or nobody answered: what the primary's file
    says never gets there."""

    node_id: int
    node: str


def kept_keys(cluster: Cluster, keys: Sequence[FolderKey]) -> dict[str, tuple[KeptBy, ...]]:
    """By `folded`: who keeps a confirmed key. At most one query."""
    kept: dict[str, tuple[KeptBy, ...]] = {}
    wanted = [key.folded for key in keys]
    rows = IniDecision.objects.filter(node__cluster=cluster, node__role=NodeRole.SECONDARY, choice=IniChoice.KEEP)
    for row in rows.filter(folded__in=wanted).select_related("node") if wanted else ():
        kept[row.folded] = (*kept.get(row.folded, ()), KeptBy(row.node_id, row.node.name))
    return kept


@dataclass(frozen=True, slots=True)
class KeyShown:
    """A confirmed key. `now`: how it stood when the primary was last searched, None where it was not there then or was
    not looked for. `kept`: secondaries that it never reaches."""

    key: FolderKey
    now: Candidate | None
    kept: tuple[KeptBy, ...]

    @property
    def is_set(self) -> bool:
        """Whether it held the place that is wanted."""
        return self.now is not None and self.now.holds == Holds.WANTED


@dataclass(frozen=True, slots=True)
class CandidateShown:
    """A key that may be confirmed. `id` names it on pages. `others`: labels of other folders whose place it holds as
    well."""

    id: str
    found: Candidate
    others: tuple[str, ...]

    @property
    def says(self) -> str:
        """What it holds, in words."""
        if self.found.role == ROUTING:
            return f"stands at {self.found.switched}" if self.found.switched else "holds neither of the two values"
        where = f", and leads to {self.found.below} in it" if self.found.below else ""
        return f"{SAID[self.found.holds]}{where}"


@dataclass(frozen=True, slots=True)
class FolderShown:
    """One folder, or the switch of routing. `today`: where it lies on the primary, "" where it is not known; `wanted`:
    where it shall lie, "" where nobody said; `by_hand`: the line that says the wanted place although no key is
    confirmed, because somebody set it on the server; "" where none does. `more`: there are more keys than are told.
    `is_asked`: it shall be shared, as the queues are only while multi-node mail routing is on."""

    role: str
    label: str
    today: str
    wanted: str
    keys: tuple[KeyShown, ...]
    candidates: tuple[CandidateShown, ...]
    by_hand: str
    more: bool
    is_asked: bool

    @property
    def is_ambiguous(self) -> bool:
        """Whether several keys hold the folder's own place, and a person has to say by which the server goes."""
        return sum(not one.found.below for one in self.candidates) > 1

    @property
    def is_nowhere(self) -> bool:
        """Whether there is nothing to confirm, and nothing confirmed."""
        return self.is_asked and not self.keys and not self.candidates and not self.by_hand

    @property
    def is_switch(self) -> bool:
        """Whether it is no folder, but the switch of routing."""
        return self.role == ROUTING


@dataclass(frozen=True, slots=True)
class TypedShown:
    """A key that somebody named and nobody confirmed. `id` names it on pages. `missing`: it was not in the file when
    that was read."""

    id: str
    label: str
    place: Typed
    missing: bool


@dataclass(frozen=True, slots=True)
class KeysShown:
    """All of a cluster's keys. `search` None: nobody asked yet. `gone`: confirmed keys that were not in their file when
    that was read. `unread`: files that could not be looked into."""

    search: KeySearch | None
    found: Found | None
    folders: tuple[FolderShown, ...]
    typed: tuple[TypedShown, ...]
    gone: frozenset[str]
    unread: tuple[Unread, ...]

    @property
    def is_searching(self) -> bool:
        """Whether the primary is being read, or is about to be."""
        return self.search is not None and self.search.state in (SearchState.REQUESTED, SearchState.RUNNING)

    @property
    def candidates(self) -> tuple[CandidateShown, ...]:
        """Everything that may be confirmed."""
        return tuple(one for folder in self.folders for one in folder.candidates)

    @property
    def confirmed(self) -> tuple[tuple[str, KeyShown], ...]:
        """Confirmed keys with the label of what they are of."""
        return tuple((folder.label, key) for folder in self.folders for key in folder.keys)

    @property
    def by_hand(self) -> tuple[FolderShown, ...]:
        """Folders that somebody set on the server."""
        return tuple(folder for folder in self.folders if folder.by_hand)

    @property
    def nowhere(self) -> tuple[FolderShown, ...]:
        """Folders that no file names a place for."""
        return tuple(folder for folder in self.folders if folder.is_nowhere)


def keys_shown(cluster: Cluster) -> KeysShown:
    """Everything that a page says of a cluster's keys, in the same number of queries for any number of them. Raises
    ProfileError."""
    search = KeySearch.objects.filter(cluster=cluster).first()
    found = found_of(search)
    primary = Node.objects.filter(cluster=cluster, role=NodeRole.PRIMARY).select_related("facts").first()
    keys = folder_keys_of(cluster)
    layout = layout_of(cluster)
    wanted = _wanted(effective(layout, folder_rules(cluster)), primary)
    asked = frozenset(rule.role for rule in shared_folders(folder_rules(cluster), routing=layout.routing))
    asked |= {ROUTING} if layout.routing else frozenset()
    known = _Known(primary, found, wanted, asked, kept_keys(cluster, keys))
    labels = labels_of(cluster)
    named = typed_of(search) if search else ()
    typed = {(one.role, _identity(one)) for one in named}
    folders = tuple(_folder(role, labels, [key for key in keys if key.role == role], known, typed) for role in labels)
    unread = found.unread if found else ()
    gone = frozenset(_identity(one) for one in unread if one.role)
    return KeysShown(
        search=search,
        found=found,
        folders=folders,
        typed=tuple(_typed(one, labels, gone) for one in named),
        gone=gone,
        unread=tuple(one for one in unread if not one.role),
    )


def _identity(one: Candidate | Typed | Unread) -> str:
    return folded(one.path, one.section, one.key)


@dataclass(frozen=True, slots=True)
class _Known:
    primary: Node | None
    found: Found | None
    wanted: Mapping[str, str]
    asked: frozenset[str]
    kept: Mapping[str, tuple[KeptBy, ...]]

    def today(self, role: str) -> FolderPath | None:
        """Where the primary keeps a folder by its facts."""
        facts = getattr(self.primary, "facts", None)
        return next((one for one in folders_from(facts.folders if facts else ()) if one.role == role), None)


def _wanted(shared: Iterable[SharedPlace], primary: Node | None) -> dict[str, str]:
    """Where each folder shall lie, as the primary's files are to spell it; as a share where that is not known."""
    places = {place.role: place.path for place in shared}
    if primary is None:
        return {role: str(path) for role, path in places.items()}
    platform, mounts = platform_named(primary.platform), mounts_of(primary)

    def spelled(path: UncPath) -> str:
        try:
            return platform.native_path(remote_path(platform, mounts, path))
        except (NoMountPoint, ValueError):
            return str(path)

    return {role: spelled(path) for role, path in places.items()}


def _folder(
    role: str, labels: Mapping[str, str], keys: Iterable[FolderKey], known: _Known, typed: set[tuple[str, str]]
) -> FolderShown:
    found = known.found or Found()
    mine = {_identity(one): one for one in found.candidates if one.role == role}
    confirmed = tuple(KeyShown(key, mine.get(key.folded), known.kept.get(key.folded, ())) for key in keys)
    taken = {shown.key.folded for shown in confirmed}
    candidates = tuple(
        _candidate(one, place, labels, found)
        for place, one in mine.items()
        if place not in taken and (one.holds != Holds.OTHER or (role, place) in typed)
    )
    today = known.today(role)
    wanted = known.wanted.get(role, "")
    return FolderShown(
        role=role,
        label=labels[role],
        today=found.places.get(role, "") or (today.path if today else ""),
        wanted=wanted,
        keys=confirmed,
        candidates=candidates,
        by_hand="" if confirmed else _by_hand(candidates, today, wanted, known),
        more=role in found.more,
        is_asked=role in known.asked,
    )


def _candidate(one: Candidate, place: str, labels: Mapping[str, str], found: Found) -> CandidateShown:
    same = [other for other in found.candidates if _identity(other) == place]
    others = tuple(labels.get(other.role, other.role) for other in same if other.role != one.role)
    return CandidateShown(id_of(one.role, place), one, others)


def _typed(one: Typed, labels: Mapping[str, str], gone: frozenset[str]) -> TypedShown:
    return TypedShown(id_of(one.role, _identity(one)), labels.get(one.role, one.role), one, _identity(one) in gone)


def _by_hand(candidates: Sequence[CandidateShown], today: FolderPath | None, wanted: str, known: _Known) -> str:
    """The line by which the server says the wanted place, as the primary was read last."""
    for one in candidates:
        if one.found.holds == Holds.WANTED and not one.found.below:
            return f"[{one.found.section}] {one.found.shown}"
    if known.primary is None or today is None or not today.key or not wanted:
        return ""
    paths = PathText(known.primary.platform)
    return f"[{today.section}] {today.key}={today.path}" if paths.same(today.path, wanted) else ""
