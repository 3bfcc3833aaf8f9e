"""What planning reads from the primary: the lines of confirmed keys, where folders lie now, what lies in them. Nothing
is changed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from accounts.errors import Reason, Refused
from nodes.connection.connect import NodeLink
from nodes.connection.reader import Reader
from nodes.counted import many
from nodes.enums import CellReason
from nodes.errors import NodeError, RemoteFileMissing, SessionLost, TimedOut
from nodes.facts.core import barred
from nodes.facts.places import folders_in, known_folders, main_ini
from nodes.platforms.unc import UncPath
from nodes.products.folders import FolderPath, PathText, folders_from
from nodes.products.ini import IniDocument, IniEdit, IniError
from nodes.products.userlist import Accounts, accounts_in, read_accounts
from nodes.remote.session import FileKind
from nodes.shares.core.layout import QUEUES, SharedPlace
from nodes.shares.core.rules import MAIL_FOLDERS
from nodes.shares.models import FormerValue
from nodes.shares.selectors.cells import blind_roles
from nodes.shares.services.former import identity
from nodes.shares.spelling import remote_path
from replication.files.core.paths import RelPath
from replication.files.edits import Edit
from replication.shared_paths.apply_job.scope import Scope
from replication.shared_paths.core.apply_plans import Folder
from replication.shared_paths.core.values import (
    ROUTING,
    Former,
    Key,
    StrangeValue,
    WantedValue,
    at_shared_place,
    switched,
)
from replication.shared_paths.mounted import not_mounted_there

ACCOUNTS = "Userlist.dat"
MOST_ACCOUNTS = 64 * 1024 * 1024
"""Bytes of the list of accounts that are read; a hundred thousand accounts have less."""

ANSWERS = 20
"""Answers to the listing of an old folder: whether it is empty, and some thousand names, is all that is asked."""


class _EnoughSeenError(Exception):
    """More names than anybody needs to know."""


@dataclass(frozen=True, slots=True)
class Inside:
    """What lies in a folder that is given up. `count` None: it could not be told, and `why` says why."""

    folder: Folder
    count: int | None
    why: str = ""
    more: bool = False

    @property
    def in_words(self) -> str:
        """How much."""
        if self.count is None:
            return self.why
        return f"{'more than ' if self.more else ''}{many(self.count, 'name')} in it" if self.count else "empty"


@dataclass(slots=True)
class Look:
    """What was found. `edits`: whole files as they are and shall be. `values`: every key that is to be proven.
    `strange`: keys that are left alone, and why; `missing`: those that are not there. `by_hand`: folders whose place no
    confirmed key tells. `given_up`: where folders lie now and will not any more. `folders`: where they shall lie,
    `to_make` those that are not there, `unseen` those that the portal cannot look at, and why, `no_folders` what bears
    their names and is none. `stay`: folders that are
    given up, and how many accounts have their mail in them. `unmounted`: why folders would not lie on their shares.
    `gone`: where folders would lie again, and are not there any more."""

    edits: list[Edit] = field(default_factory=list)
    values: list[WantedValue] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    missing: list[Key] = field(default_factory=list)
    by_hand: list[SharedPlace] = field(default_factory=list)
    given_up: list[Inside] = field(default_factory=list)
    folders: list[Folder] = field(default_factory=list)
    to_make: list[Folder] = field(default_factory=list)
    unseen: list[tuple[Folder, str]] = field(default_factory=list)
    no_folders: list[Folder] = field(default_factory=list)
    accounts: Accounts | None = None
    stay: list[tuple[str, int]] = field(default_factory=list)
    unmounted: list[Reason] = field(default_factory=list)
    gone: list[Folder] = field(default_factory=list)

    @property
    def written(self) -> list[WantedValue]:
        """The values that are not so yet."""
        return [value for value in self.values if value.value != value.held]


class Looker:
    """One look at the primary."""

    def __init__(self, scope: Scope, link: NodeLink) -> None:
        self._scope, self._link = scope, link
        self._reader = Reader(link)
        self._files: dict[RelPath, bytes] = {}
        self._main_ini = RelPath(main_ini(scope.profile))
        self._paths = PathText(link.platform.name, link.platform.native_path(link.root))
        self._now = self._places_now()
        self.found = Look()

    def look(self) -> Look:
        """Everything. Raises NodeError, IniError, Refused."""
        if self._scope.to_share:
            self._to_share()
        else:
            self._to_former()
        self._edit()
        self._look_inside()
        self._look_at_accounts()
        return self.found

    # where folders lie now

    def _places_now(self) -> tuple[FolderPath, ...]:
        profile, facts = self._scope.profile, getattr(self._scope.primary, "facts", None)
        ini = IniDocument.parse(self._file(self._main_ini))
        found = folders_from(facts.folders if facts else ())
        known = known_folders(self._scope.cluster, profile, found)
        return (*folders_in(ini, self._link, profile, known), *found)

    def _file(self, path: RelPath) -> bytes:
        if path not in self._files:
            self._files[path] = self._reader.file(path)
        return self._files[path]

    def _known(self, role: str) -> list[str]:
        places = [place for now in self._now if now.role == role for place in (now.path, now.default_path)]
        return list(dict.fromkeys(filter(None, places)))

    def _held(self, key: Key) -> str | None:
        """What a key holds; None, and said, where it, or its file, is not there or not to be touched."""
        shut = barred(key.path, self._scope.profile)
        if shut:
            self.found.strange.append(f"{key} is left as it is: {shut}.")
            return None
        try:
            values = IniEdit(IniDocument.parse(self._file(key.path))).values(key.section, key.key)
        except RemoteFileMissing:
            values = ()
        if not values:
            self.found.missing.append(key)
        return values[0] if values else None

    # to the share

    def _to_share(self) -> None:
        scope = self._scope
        places = {place.role: place for place in scope.places}
        told = set()
        for key in scope.keys:
            held = self._held(key)
            if held is None:
                continue
            try:
                value = self._wanted(key, held, places.get(key.role))
            except StrangeValue as error:
                self.found.strange.append(str(error))
                continue
            if value is not None:
                self.found.values.append(value)
                told.add(key.role)
        for place in scope.places:
            self.found.folders.append(self._folder(place.role, place.label, self._spelled(place.path)))
            if place.role not in told and not self._is_there(place):
                self.found.by_hand.append(place)
        self._look_at_share()

    def _wanted(self, key: Key, held: str, place: SharedPlace | None) -> WantedValue | None:
        """None: nothing is wanted of the key."""
        if key.role == ROUTING:
            return switched(key, held, on=self._scope.layout.routing)
        former = self._scope.former_of(key, held)
        if place is not None:
            known = self._known(key.role)
            return at_shared_place(key, held, new=self._spelled(place.path), known=known, former=former)
        return self._given_back(key, held, former) if key.role == QUEUES and former else None

    def _spelled(self, path: UncPath) -> str:
        """A shared place as the servers' files spell it."""
        platform, mounts = self._link.platform, self._scope.mounts_of(self._scope.primary)
        return str(path) if platform.name == "windows" else platform.native_path(remote_path(platform, mounts, path))

    def _is_there(self, place: SharedPlace) -> bool:
        """Whether the main file says so already, at a place that nobody confirmed: then that is proven, by reading."""
        wanted = self._spelled(place.path)
        here = [now for now in self._now if now.role == place.role and now.key and self._paths.same(now.path, wanted)]
        for now in here[:1]:
            held = IniEdit(IniDocument.parse(self._file(self._main_ini))).values(now.section, now.key)[0]
            self.found.values.append(WantedValue(place.role, self._main_ini, now.section, now.key, held, held, wanted))
        return bool(here)

    # back

    def _to_former(self) -> None:
        for key in {identity(row.path, row.section, row.key): _key(row) for row in self._scope.rows}.values():
            held = self._held(key)
            if held is None:
                continue
            former = self._scope.former_of(key, held)
            if former is None and held in self._values_before(key):  # a person gave it back: that is proven
                former = Former(held, held)
            if former is not None:
                self.found.values.append(self._given_back(key, held, former))
            else:
                self.found.strange.append(f"{key} was changed since the portal wrote it; it is left as it is.")
        self._look_for_former()

    def _look_for_former(self) -> None:
        """Whether the folders are still there that the former values lead to: none is made by giving back."""
        labels = {rule.role: rule.label for rule in self._scope.profile.folders}
        folders, blind = [], set(blind_roles(self._scope.primary))
        for value in self.found.written:
            seen = value.role in labels and value.role not in blind
            place = self._paths.folder_in(value.value) if seen else ""
            if place:
                with suppress(ValueError):  # the portal cannot get there, so it cannot tell
                    folders.append(self._folder(value.role, labels[value.role], place))
        there = self._link.session.stat_many([folder.remote for folder in folders])
        self.found.gone += [folder for folder, stat in zip(folders, there, strict=True) if stat is None]

    def _values_before(self, key: Key) -> set[str]:
        wanted = identity(key.path, key.section, key.key)
        rows = [row for row in self._scope.rows if identity(row.path, row.section, row.key) == wanted]
        return {row.value.reveal() for row in rows if row.value is not None}

    def _given_back(self, key: Key, held: str, former: Former) -> WantedValue:
        place = "" if key.role == ROUTING else self._paths.folder_in(held)
        return WantedValue(key.role, key.path, key.section, key.key, held, former.value, place, gives_back=True)

    # what follows

    def _edit(self) -> None:
        for path in dict.fromkeys(value.path for value in self.found.written):
            before = self._file(path)
            edit = IniEdit(IniDocument.parse(before))
            wanted = [value for value in self.found.written if value.path == path]
            try:
                for value in wanted:
                    edit.set(value.section, value.key, value.value)
            except IniError as error:  # the file's encoding lacks a letter
                text = f"{path} cannot be changed: {error}"
                raise Refused("unwritable", text, "Choose a path without it.") from error
            after = edit.document().to_bytes()
            for value in wanted:
                edit.set(value.section, value.key, value.held)
            if edit.document().to_bytes() != before:
                text = f"{path} has a line without '=', which could not be given back as it was."
                raise IniError(text)
            self.found.edits.append(Edit(path, before, after, plain=True))

    def _look_inside(self) -> None:
        """The folders that are given up, but for the queues: what waits there is moved afterwards."""
        labels = {rule.role: rule.label for rule in self._scope.profile.folders}
        left = {(value.role, value.place) for value in self.found.written if value.place and value.role != QUEUES}
        for role, place in sorted(left):
            try:
                folder = self._folder(role, labels.get(role, role), place)
            except ValueError as error:
                folder = Folder(role, labels.get(role, role), place, "")
                self.found.given_up.append(Inside(folder, None, f"it cannot be looked at: {error}"))
                continue
            missing = not_mounted_there(self._link, self._scope.primary, [folder.remote])
            why = f"it cannot be looked at: {missing[0].text.rstrip('.')}" if missing else ""
            self.found.given_up.append(Inside(folder, None, why) if missing else self._counted(folder))

    def _look_at_accounts(self) -> None:
        """How long their names are, and whose mail lies in a folder that is given up by a list that nobody writes."""
        path = f"{self._link.root}/{self._scope.profile.semaphore_folder}/{ACCOUNTS}"
        try:
            content = b"".join(self._link.session.read(path, most=MOST_ACCOUNTS))
        except (SessionLost, TimedOut):
            raise
        except NodeError:
            return
        self.found.accounts = read_accounts(content)
        given_up = {value.place for value in self.found.written if value.role == MAIL_FOLDERS and value.place}
        counted = [(place, accounts_in(content, place)) for place in sorted(given_up)]
        self.found.stay = [(place, count) for place, count in counted if count]

    def _counted(self, folder: Folder) -> Inside:
        seen = 0

        def answered(_: int) -> None:
            nonlocal seen
            seen += 1
            if seen > ANSWERS:
                raise _EnoughSeenError

        try:
            return Inside(folder, len(self._link.session.list_folder(folder.remote, progress=answered)))
        except _EnoughSeenError:
            return Inside(folder, ANSWERS, more=True)
        except RemoteFileMissing:
            return Inside(folder, 0)
        except (SessionLost, TimedOut):
            raise
        except NodeError as error:
            return Inside(folder, None, f"it cannot be looked at: {error}")

    def _folder(self, role: str, label: str, place: str) -> Folder:
        """Raises ValueError where the portal cannot get there."""
        platform = self._link.platform
        if place.startswith("\\\\"):
            mounts = self._scope.mounts_of(self._scope.primary)
            return Folder(role, label, place, remote_path(platform, mounts, UncPath.parse(place)))
        return Folder(role, label, place, platform.sftp_path(place))

    def _look_at_share(self) -> None:
        """Which folders have to be made, as far as the portal's login sees them."""
        folders = self.found.folders
        remote = [one.remote for one in folders]
        self.found.unmounted = not_mounted_there(self._link, self._scope.primary, remote)
        blind = set(blind_roles(self._scope.primary))
        for folder, stat in zip(folders, self._link.session.stat_many(remote), strict=True):
            if folder.role in blind:
                self.found.unseen.append((folder, CellReason.NO_CREDENTIALS.label.lower()))
            elif isinstance(stat, NodeError):
                self.found.unseen.append((folder, str(stat).rstrip(".")))
            elif stat is None:
                self.found.to_make.append(folder)
            elif stat.kind not in (FileKind.FOLDER, FileKind.LINK):
                self.found.no_folders.append(folder)


def _key(row: FormerValue) -> Key:
    return Key(row.role, RelPath(row.path), row.section, row.key)
