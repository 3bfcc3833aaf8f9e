"""From where to where a node's messages go, by what the files of the nodes say now."""

from __future__ import annotations

from dataclasses import dataclass, replace

from accounts.errors import Refused
from nodes.clusters.models import Cluster
from nodes.connection.connect import NodeLink, open_node
from nodes.connection.reader import Reader
from nodes.enums import NodeRole
from nodes.errors import NodeError
from nodes.facts.models import NodeFacts
from nodes.facts.places import MAIN_INI, folders_in, known_folders, main_ini
from nodes.products.folders import FolderPath, folders_from
from nodes.products.ini import IniDocument, IniError
from nodes.products.profile import Profile
from nodes.queues.core.places import QueuePlaces, left_place
from nodes.queues.models import QueueReading
from nodes.queues.selectors.places import queue_places
from nodes.registry.models import Node
from nodes.registry.selectors import still_in
from replication.shared_paths.core.queue_moves import FromTo


@dataclass(frozen=True, slots=True)
class Way:
    """One node's move. `source`, `target`: as SFTP spells them; `words`: as the node does. `ahead_ns`: how far its
    clock is ahead of the portal's."""

    source: str
    target: str
    words: FromTo
    ahead_ns: int


def folders_now(link: NodeLink, node: Node, profile: Profile) -> tuple[FolderPath, ...]:
    """Where the node keeps its folders, read from its files now. Raises NodeError, and Refused where its file does not
    parse."""
    try:
        document = IniDocument.parse(Reader(link).file(main_ini(profile)))
    except IniError as error:
        raise Refused("broken_ini", f"{MAIN_INI} of {node} does not parse: {error}") from error
    facts: NodeFacts | None = getattr(node, "facts", None)
    known = known_folders(node.cluster, profile, folders_from(facts.folders if facts else ()))
    return folders_in(document, link, profile, known)


def way_of(link: NodeLink, node: Node, profile: Profile) -> Way | None:
    """From where to where; None where no folder is left behind. Out of the shared queues the primary moves alone: on
    any other node, and where what is to be moved lies there, only what was begun goes on. Raises NodeError, Refused."""
    places, folders = queue_places(node, profile), folders_now(link, node, profile)
    present = places.present(folders)
    reading: QueueReading | None = getattr(node, "queue_reading", None)
    left = left_place(present, reading.place if reading else "", reading.left_place if reading else "", places)
    if not left:
        return None
    if places.is_shared(left) and node.role != NodeRole.PRIMARY:
        return _way(node, places, FromTo(present, left, begun=True))
    way = _way(node, places, FromTo(left, present))
    used = filter(None, (_below(way.source, _sftp(node, places, folder.path)) for folder in folders if folder.key))
    if places.is_shared(left):
        check_nobody_works_there(node, profile)
    return replace(way, words=replace(way.words, used=tuple(sorted(used))))


def begun_there(way: Way) -> Way:
    """The other way round, for what an earlier move to there began."""
    words = FromTo(way.words.target, way.words.source, begun=True)
    return Way(way.target, way.source, words, way.ahead_ns)


def same_folder(way: Way) -> Refused:
    """Why nothing goes from a folder to itself: a short name, a link, another name of the file server."""
    text = f"{way.words.source} and {way.words.target} are one folder. Nothing was moved."
    return Refused("same_folder", text, "Its messages are where they belong; write one of the names everywhere.")


def _way(node: Node, places: QueuePlaces, words: FromTo) -> Way:
    facts: NodeFacts | None = getattr(node, "facts", None)
    ahead = (facts.clock_offset_ms if facts else None) or 0.0
    return Way(_sftp(node, places, words.source), _sftp(node, places, words.target), words, int(ahead * 1e6))


def _sftp(node: Node, places: QueuePlaces, folder: str) -> str:
    try:
        return places.sftp(folder).rstrip("/")
    except ValueError as error:
        raise Refused("not_reached", f"{node} does not reach {folder}: {error}") from error


def _below(source: str, path: str) -> str:
    """A folder's path relative to another; "" where it does not lie below it."""
    is_below = path.casefold().startswith(f"{source.casefold()}/")
    return path[len(source) + 1 :] if is_below else ""


def check_nobody_works_there(node: Node, profile: Profile) -> None:
    """Raise Refused where another node works in the shared queues, or where nobody can say."""
    for other in nodes_with_queues(node.cluster):
        if other.pk == node.pk:
            continue
        places = queue_places(other, profile)
        try:
            with open_node(other) as link:
                present = places.present(folders_now(link, other, profile))
        except NodeError as error:
            text = f"Whether {other} still works in the shared queues cannot be read: {error}"
            raise Refused("still_used", text, "Its messages stay until it answers.") from error
        if places.is_shared(present):
            raise Refused("still_used", f"{other} still works in {present}.", "Bring it where the others are first.")


def nodes_with_queues(cluster: Cluster) -> list[Node]:
    """The servers of a cluster with what is known of their queues."""
    rows = still_in(cluster).order_by("pk")
    return list(rows.select_related("cluster", "facts", "queue_reading"))
