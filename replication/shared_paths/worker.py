"""Do one search of a cluster's primary for the keys of its shared folders. Files are read; nothing is written there."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Never

from django.conf import settings

from accounts.errors import Refused
from nodes.connection.connect import open_node
from nodes.connection.reader import Reader
from nodes.errors import LimitBroken, NodeError, RemoteFileMissing, SessionLost, TimedOut
from nodes.facts.core import barred
from nodes.facts.places import folders_in, main_ini
from nodes.facts.selectors.facts import profile_of
from nodes.ini_keys.services import fits
from nodes.leases.errors import Interrupted, LeaseLost
from nodes.leases.lease import Lease, LeaseKeeper
from nodes.leases.worker import SHUTTING_DOWN, closing, worker_name
from nodes.one_line import one_line
from nodes.platforms.unc import UncPath
from nodes.products.errors import ProfileError
from nodes.products.folders import FolderPath
from nodes.products.ini import IniDocument, IniError
from nodes.products.profile import Profile
from nodes.registry.models import Node
from nodes.registry.selectors import primary_of
from nodes.remote.session import FileKind
from nodes.shares.core.layout import shared_folders
from nodes.shares.models import KeySearch
from nodes.shares.selectors.keys import confirmed_in, folder_keys_of
from nodes.shares.selectors.layout import mounts_of, places_of
from nodes.shares.spelling import NoMountPoint, remote_path
from replication.configuration.job.loading import latest_snapshot, manifest_at
from replication.objects import StoreError, default_store
from replication.shared_paths.core.keys import Candidate, Finder, Found, Holds, Sought, Typed, Unread
from replication.shared_paths.selectors.keys import typed_of
from replication.shared_paths.services.keys import claim_search, fail_search, finish_search, give_back

_LOG = logging.getLogger(__name__)

MOST_FILES = 200
MOST_BYTES = 32 * 1024 * 1024
"""Of all files together; a single one has at most `nodes.connection.reader.MAX_INI`."""

MOST_CANDIDATES = 300

MAX_BELOW = 400
"""Characters of the way into a folder that a key's row holds."""

MAX_WHY = 300


class SearchLease(Lease[Never]):
    """Held while a primary is read."""


class _Ending(Interrupted):
    """The worker was told to end."""


class _Keeper(LeaseKeeper[SearchLease]):
    """Waiting for the node is work as well: whatever is asked of it has limits of its own."""

    def look(self, leases: list[SearchLease]) -> None:
        """Give up where the worker ends."""
        for lease in leases:
            lease.sign_of_life()
            lease.stop(_Ending("its worker is ending, another one goes on") if SHUTTING_DOWN.is_set() else None)


def search(cluster_id: int) -> bool:
    """Do a search that waits for a worker. Answers whether this worker was the one to do it."""
    claim = claim_search(cluster_id, owner=worker_name())
    if claim is None:
        return False
    lease, keeper = SearchLease(claim), _Keeper()
    keeper.add(lease)
    row = KeySearch.objects.select_related("cluster").get(pk=claim.pk)
    with ThreadPoolExecutor(1, "keys") as pool:
        work = pool.submit(closing, partial(find, row, lease))
        keeper.attend([work])
    with suppress(LeaseLost):  # another worker, or the sweep, wrote what is to be said
        try:
            finish_search(claim, work.result(), **lease.columns())
        except LeaseLost as error:
            _LOG.info("the search for keys of cluster %s ends before it is through: %s", cluster_id, error)
        except Interrupted:
            give_back(claim)
        except (NodeError, Refused, ProfileError) as error:
            fail_search(claim, str(error))
        except Exception as error:
            fail_search(claim, f"The portal failed while searching ({type(error).__name__}). Its log says why.")
            raise
    return True


def find(row: KeySearch, lease: SearchLease) -> Found:
    """Read the primary. Raises NodeError, Refused, ProfileError, Interrupted."""
    primary = primary_of(row.cluster)
    if primary is None:
        raise Refused("no_primary", "The cluster has no primary.", "Give one node the role primary.")
    profile = profile_of(row.cluster)
    with open_node(primary, waits=settings.PORTAL.observe) as link:
        reader = Reader(link, alive=lease.check, seconds=settings.PORTAL.observe)
        return _Search(row, lease, primary, profile, reader).run()


class _Search:
    """A search under way."""

    def __init__(self, row: KeySearch, lease: SearchLease, primary: Node, profile: Profile, reader: Reader) -> None:
        self._row, self._lease, self._primary, self._profile, self._reader = row, lease, primary, profile, reader
        self._left = MOST_BYTES
        self._unread: list[Unread] = []
        self._files: list[str] = []

    def run(self) -> Found:
        """File by file. Raises what ends the session."""
        named = self._named()
        paths = self._paths(named)
        self._lease.report(total=len(paths))
        main = paths[0]
        document = self._document(main, wanted=True)
        folders = self._folders(main, document)
        finder = Finder(self._reader.link.platform.name, self._sought(folders))
        candidates: list[Candidate] = []
        more: set[str] = set()
        for number, path in enumerate(paths, start=1):
            if number > 1:
                document = self._document(path, wanted=path in named)
            if document is not None:
                self._files.append(path)
                look = finder.look(path, document, named.get(path, ()))
                candidates += [one for one in look.candidates if _can_be_kept(one)]
                more |= look.more
                self._unread += [_missing(one) for one in look.missing]
            self._lease.report(done=number)
        found = Found(self._primary.pk, self._primary.name, tuple(self._files), tuple(candidates[:MOST_CANDIDATES]))
        places = {folder.role: folder.path for folder in reversed(folders)}
        more |= {one.role for one in candidates[MOST_CANDIDATES:]}
        return replace(found, unread=tuple(self._unread), more=tuple(sorted(more)), places=places)

    def _named(self) -> Mapping[str, Sequence[Typed]]:
        """By file, the keys that people named, and those that they confirmed, to be read anew."""
        named: dict[str, list[Typed]] = defaultdict(list)
        for one in typed_of(self._row):
            named[one.path].append(one)
        for key in folder_keys_of(self._row.cluster):
            named[key.path].append(Typed(key.role, key.path, key.section, key.key, key.on, key.off))
        return named

    def _paths(self, named: Mapping[str, Sequence[Typed]]) -> list[str]:
        """The files to look into, MDaemon.ini first."""
        main = main_ini(self._profile)
        paths = dict.fromkeys([main, *named, *self._ini_files()])
        allowed = [path for path in paths if path == main or not barred(path, self._profile)]
        if len(allowed) > MOST_FILES:
            self._unread.append(Unread("", f"Of {len(allowed)} files only the first {MOST_FILES} were looked into"))
        return allowed[:MOST_FILES]

    def _ini_files(self) -> Iterator[str]:
        """What the profile calls ini files: by name, or, where it has a pattern, what the newest snapshot has, or,
        before the first, what the pattern's folder holds."""
        patterns = [rule.pattern for rule in self._profile.rules if rule.ruling.ini]
        yield from (pattern for pattern in patterns if not set("*?") & set(pattern))
        wild = [pattern for pattern in patterns if set("*?") & set(pattern)]
        if wild:
            yield from (path for path in self._names(wild) if self._profile.classify(path).ini)

    def _names(self, patterns: Sequence[str]) -> list[str]:
        snapshot = latest_snapshot(self._row.cluster_id)
        if snapshot is not None:
            with suppress(StoreError, ValueError):  # what is damaged is looked at as if nobody had seen it
                return sorted(manifest_at(snapshot.root, default_store()).files)
        folders = {_literal_folder(pattern) for pattern in patterns}
        return [path for folder in sorted(folders) for path in self._listed(folder)]

    def _listed(self, folder: str) -> list[str]:
        try:
            entries = self._reader.folder("/".join(filter(None, [self._reader.link.root, folder])))
        except (SessionLost, TimedOut, LimitBroken):
            raise
        except RemoteFileMissing:
            return []
        except NodeError as error:
            self._unread.append(Unread(folder, one_line(str(error), MAX_WHY)))
            return []
        names = [one.name for one in entries if one.stat.kind is FileKind.FILE and one.name_bytes is None]
        return ["/".join(filter(None, [folder, name])) for name in sorted(names)]

    def _document(self, path: str, *, wanted: bool) -> IniDocument | None:
        """A file's lines; None where it cannot be read, which is said, but for one that need not be there."""
        try:
            self._check_room()
            content = self._reader.file(path)
            self._left -= len(content)
            return IniDocument.parse(content)
        except RemoteFileMissing:
            if wanted:
                self._unread.append(Unread(path, "It is not there"))
        except (SessionLost, TimedOut, LimitBroken):
            raise
        except (NodeError, IniError, ValueError) as error:
            self._unread.append(Unread(path, one_line(str(error), MAX_WHY).rstrip(".")))
        return None

    def _check_room(self) -> None:
        if self._left <= 0:
            raise ValueError(f"The files before it have {MOST_BYTES} bytes, which is the most that is read")

    def _folders(self, main: str, document: IniDocument | None) -> tuple[FolderPath, ...]:
        """Where the primary keeps its folders now."""
        known = confirmed_in(self._row.cluster, main)
        return folders_in(document or IniDocument.parse(b""), self._reader.link, self._profile, known)

    def _sought(self, folders: Sequence[FolderPath]) -> list[Sought]:
        """The shared folders, the queues among them, with the places by which their keys are known."""
        wanted = {place.role: self._spellings(place.path) for place in places_of(self._row.cluster)}
        sought: list[Sought] = []
        for rule in shared_folders(self._profile.folders, routing=True):
            mine = [folder for folder in folders if folder.role == rule.role]
            places = [(Holds.WANTED, path) for path in wanted.get(rule.role, ())]
            places += [(Holds.TODAY, folder.path) for folder in mine]
            places += [(Holds.DEFAULT, folder.default_path) for folder in mine[:1]]
            sought.append(Sought(rule.role, rule.label, tuple(places)))
        return sought

    def _spellings(self, path: UncPath) -> list[str]:
        """How the primary's files may spell a shared place: as its system reaches it, and as others do."""
        platform = self._reader.link.platform
        spelled = [str(path)]
        with suppress(NoMountPoint, ValueError):
            spelled.insert(0, platform.native_path(remote_path(platform, mounts_of(self._primary), path)))
        return spelled


def _can_be_kept(one: Candidate) -> bool:
    return fits(one.path, one.section, one.key) and len(one.below) <= MAX_BELOW


def _missing(one: Typed) -> Unread:
    return Unread(one.path, f"[{one.section}] {one.key} is not in it", one.role, one.section, one.key)


def _literal_folder(pattern: str) -> str:
    """The deepest folder that a pattern names without wildcards; "" for the top."""
    parts = pattern.split("/")[:-1]
    literal = next((at for at, part in enumerate(parts) if set("*?") & set(part)), len(parts))
    return "/".join(parts[:literal])
