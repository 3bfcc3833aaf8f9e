"""A manifest as a tree of directory objects, as in git: a directory's id is the SHA-256 of its canonical bytes.

Equal directories are one object, so a snapshot that differs in one file adds one object for each folder above that
file. A directory object is a JSON list: a format number, then its entries sorted by name. A file is
`["f", name, size, mtime_ns, change_ns, sha256, stale]`, a folder `["d", name, id]`. Stored bytes are never trusted:
`load` checks the id, the shape and every name.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from nodes.errors import OutputUnreadable
from replication.files.core.manifest import FileState, Manifest
from replication.files.core.paths import MAX_LENGTH, RelPath, folders_above

FORMAT = 1
MAX_FILES = 2_000_000
"""More files than any installation has; a tree that names one folder again and again ends here."""

Fetch = Callable[[str], bytes]
"""Answers a directory object's bytes by its id; what it raises passes through."""

FetchLeft = Callable[[str], bytes | None]
"""The same, where some may be lost: None."""


class TreeDamaged(ValueError):
    """A stored tree is not one that `build` makes. The sentence names the directory object."""


class Contradiction(OutputUnreadable, ValueError):
    """The node lists one name as a file and as a folder."""


@dataclass(frozen=True, slots=True)
class Tree:
    """`root` is the id of the top folder; `objects` the directory objects by id, ready to be stored; `folders` the ids
    by the folders' paths, "" the top."""

    root: str
    objects: Mapping[str, bytes]
    folders: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Folder:
    files: dict[str, FileState]
    folders: dict[str, str]


def build(manifest: Manifest) -> Tree:
    """The tree of a manifest's files. Raises Contradiction."""
    pending: dict[str, _Folder] = {"": _Folder({}, {})}
    for path, state in manifest.files.items():
        folder, _, name = path.rpartition("/")
        if folder not in pending:
            _make_folders(folder, pending)
        pending[folder].files[name] = state
    return _built(pending, {})


def build_after(manifest: Manifest, earlier: Manifest, folders: Mapping[str, str]) -> Tree:
    """The same tree, where that of an `earlier` manifest has these `folders`: its objects are only those of folders in
    which, or beneath which, a file differs. Raises Contradiction."""
    before, now = earlier.files, manifest.files
    differing = [path for path, state in now.items() if (other := before.get(path)) is not state and other != state]
    differing += [path for path in before if path not in now]
    pending = {folder: _Folder({}, {}) for path in differing for folder in folders_above(path)}
    pending[""] = _Folder({}, {})
    for path, state in now.items():
        folder, _, name = path.rpartition("/")
        if folder in pending:
            pending[folder].files[name] = state
    return _built(pending, {folder: id_ for folder, id_ in folders.items() if folder not in pending})


def _built(pending: Mapping[str, _Folder], kept: Mapping[str, str]) -> Tree:
    """The tree of the folders that are to be written, with their files, and of those `kept`."""

    def enter(folder: str, id_: str) -> None:
        parent, _, name = folder.rpartition("/")
        if parent in pending:
            pending[parent].folders[name] = id_

    folders, objects = dict(kept), dict[str, bytes]()
    for folder, id_ in kept.items():
        enter(folder, id_)
    # deepest first, so that a folder's id is known before its parent is written
    for folder in sorted(pending, key=lambda text: (bool(text), text.count("/")), reverse=True):
        content = pending[folder]
        if folder and not (content.files or content.folders):
            continue  # its last file went
        data = _encode(content, folder)
        id_ = hashlib.sha256(data).hexdigest()
        objects[id_], folders[folder] = data, id_
        if folder:
            enter(folder, id_)
    return Tree(folders[""], objects, folders)


def load(root: str, fetch: Fetch) -> Manifest:
    """The files of a stored tree, sorted by path. Raises TreeDamaged, and what `fetch` raises."""
    return Manifest(files=dict(sorted(_files_below(root, fetch))))


def what_is_left(root: str, fetch: FetchLeft) -> tuple[Manifest, tuple[str, ...]]:
    """As `load`: the files that are still known, and the folders of which nothing is."""
    lost: list[str] = []
    files = dict(sorted(_files_below(root, fetch, lost.append)))
    return Manifest(files=files), tuple(lost)


def encode_changes(changes: Mapping[RelPath, FileState | None]) -> bytes:
    """In what some files are other than in a tree (None: not there), fit to be stored beside its root; nothing where
    nothing is."""
    rows = [[path, *_values(state)] if state else [path] for path, state in sorted(changes.items())]
    return json.dumps(rows, separators=(",", ":")).encode() if rows else b""


def decode_changes(data: bytes) -> dict[RelPath, FileState | None]:
    """The reverse. Raises TreeDamaged."""
    try:
        rows: Any = json.loads(data) if data else []
        return {RelPath(row[0]): _file_state(["f", *row]) if len(row) > 1 else None for row in rows}
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise TreeDamaged(f"The changes to a stored tree are malformed: {error}.") from error


def changed(manifest: Manifest, changes: Mapping[RelPath, FileState | None]) -> Manifest:
    """The files of a manifest with changes to them."""
    if not changes:
        return manifest
    files = {**manifest.files, **changes}
    return Manifest(files={path: state for path, state in files.items() if state is not None})


def ids_below(roots: Iterable[str], fetch: FetchLeft) -> set[str]:
    """Every id that stored trees need: their directory objects' and their files'; what lost ones needed is not known.
    What several trees share is read once. Raises TreeDamaged, and what `fetch` raises."""
    found: set[str] = set()
    pending = list(roots)
    while pending:
        id_ = pending.pop()
        if id_ not in found:
            found.add(id_)
            data = fetch(id_)
            if data is None:
                continue
            folder = _folder("", id_, data)
            found.update(state.sha256 for state in folder.files.values())
            pending += folder.folders.values()
    return found


class Lookup:
    """Single files of many stored trees. What the trees share is read once, and of each folder only what lies on the
    way to these paths is kept."""

    def __init__(self, paths: Iterable[str], fetch: Fetch) -> None:
        self._names = {name for path in paths for name in path.split("/")}
        self._fetch = fetch
        self._known: dict[str, _Folder] = {}

    def find(self, root: str, path: str) -> FileState | None:
        """One file of a tree; None where it has none of that path. Raises TreeDamaged, and what `fetch` raises."""
        *folders, name = path.split("/")
        id_ = root
        for folder in folders:
            inside = self._folder(id_).folders
            if folder not in inside:
                return None
            id_ = inside[folder]
        return self._folder(id_).files.get(name)

    def _folder(self, id_: str) -> _Folder:
        if id_ not in self._known:
            whole = _folder("", id_, self._fetch(id_))
            files = {name: state for name, state in whole.files.items() if name in self._names}
            self._known[id_] = _Folder(files, {name: id_ for name, id_ in whole.folders.items() if name in self._names})
        return self._known[id_]


def _make_folders(folder: str, pending: dict[str, _Folder]) -> None:
    while folder not in pending:
        pending[folder] = _Folder({}, {})
        folder = folder.rpartition("/")[0]


def _encode(folder: _Folder, path: str) -> bytes:
    both = folder.files.keys() & folder.folders.keys()
    if both:
        raise Contradiction(f"{_join(path, min(both))!r} is both a file and a folder")
    rows: list[tuple[str, list[object]]] = [(name, ["d", name, id_]) for name, id_ in folder.folders.items()]
    for name, state in folder.files.items():
        rows.append((name, ["f", name, *_values(state)]))
    rows.sort(key=lambda row: row[0])
    return json.dumps([FORMAT, *(row for _, row in rows)], separators=(",", ":")).encode()


def _values(state: FileState) -> tuple[object, ...]:
    return state.size, state.mtime_ns, state.change_ns, state.sha256, state.stale


def _lost(folder: str) -> None:
    raise TreeDamaged(f"Of the folder {folder!r} nothing is known.")


def _files_below(
    root: str, fetch: FetchLeft, lost: Callable[[str], None] = _lost
) -> Iterator[tuple[RelPath, FileState]]:
    pending = [("", root)]
    count = 0
    while pending:
        folder, id_ = pending.pop()
        data = fetch(id_)
        if data is None:
            lost(folder)
            continue
        content = _folder(folder, id_, data)
        count += len(content.files)
        if count > MAX_FILES:
            raise TreeDamaged(f"The stored tree {root[:12]} names more than {MAX_FILES} files.")
        for name, state in content.files.items():
            yield _path(folder, name), state
        pending += [(_join(folder, name), child) for name, child in content.folders.items()]


def _folder(path: str, id_: str, data: bytes) -> _Folder:
    if hashlib.sha256(data).hexdigest() != id_:
        raise TreeDamaged(f"The directory object {id_[:12]} does not hold what its id says.")
    if len(path) > MAX_LENGTH:
        raise TreeDamaged(f"The directory object {id_[:12]} lies deeper than a path can say.")
    try:
        content = _decode(data)
    except (ValueError, RecursionError) as error:
        raise TreeDamaged(f"The directory object {id_[:12]} is malformed: {error}.") from error
    if path and not (content.files or content.folders):
        raise TreeDamaged(f"The directory object {id_[:12]} is an empty folder, which no tree holds.")
    return content


def _decode(data: bytes) -> _Folder:
    rows: Any = json.loads(data)
    if not isinstance(rows, list) or rows[:1] != [FORMAT]:
        raise ValueError("it is of another format")
    folder = _Folder({}, {})
    for row in rows[1:]:
        name = _name(row)
        if row[0] == "f":
            folder.files[name] = _file_state(row)
        else:
            folder.folders[name] = _id(row)
    # two spellings of one folder would have two ids
    if _encode(folder, "") != data:
        raise ValueError("it is not in the canonical form")
    return folder


def _name(row: Any) -> str:
    if not isinstance(row, list) or len(row) != {"f": 7, "d": 3}.get(str(row[0]) if row else "", -1):
        raise ValueError("an entry has the wrong shape")
    name = row[1]
    if not isinstance(name, str) or "/" in name:
        raise ValueError("an entry has no proper name")
    return RelPath(name)


def _file_state(row: list[Any]) -> FileState:
    _, _, size, mtime_ns, change_ns, _, stale = row
    # `type` and not isinstance: True is no size
    if type(size) is not int or size < 0 or type(mtime_ns) is not int or not isinstance(stale, bool):
        raise ValueError("a file's size, time or mark is no such value")
    if change_ns is not None and type(change_ns) is not int:
        raise ValueError("a file's change time is no time")
    return FileState(size, mtime_ns, _id(row), change_ns, stale)


def _id(row: list[Any]) -> str:
    value = row[5] if row[0] == "f" else row[2]
    if not isinstance(value, str) or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise ValueError("an entry's hash is no SHA-256")
    return value


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _path(folder: str, name: str) -> RelPath:
    try:
        return RelPath(_join(folder, name))
    except ValueError as error:
        raise TreeDamaged(f"A stored tree holds an impossible path: {error}.") from error
