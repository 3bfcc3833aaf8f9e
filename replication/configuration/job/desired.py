"""What one node should hold: the primary's files, with the ini keys that stay the node's own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256

from nodes.connection.connect import NodeLink
from nodes.ini_keys.services import fits
from nodes.products.ini import IniError
from nodes.products.ini_render import DifferingKey, IniKey, differing_values, render
from nodes.products.profile import Profile
from nodes.remote.session import CHUNK
from replication.files.core.changes import KeptKey, Wanted
from replication.files.core.manifest import Manifest, Problem
from replication.files.core.paths import RelPath
from replication.objects import ObjectLost, Objects, Store, StoreError

CONTENT_LOST = ("content_lost", "the store lost its content; the next job reads it anew from the primary")
"""Code and detail of a file that cannot be sent."""

MAX_INI_BYTES = 8 * 1024 * 1024
"""An ini file larger than this is none; MDaemon.ini has some tens of KiB."""


MAX_DIFFERING = 10_000
"""Keys of one file that may differ before a node's first proof: each is kept, and somebody is asked about it."""


@dataclass(frozen=True, slots=True)
class Decisions:
    """What was decided on a node's ini keys: by path, the keys it keeps and the keys that take the primary's value."""

    keep: Mapping[str, Collection[IniKey]]
    replicate: Mapping[str, Collection[IniKey]]

    def renamed(self, rename: Callable[[str], str]) -> Decisions:
        """The same under other paths; what was decided under several names of one file holds together."""
        return Decisions(_renamed(self.keep, rename), _renamed(self.replicate, rename))


def _renamed(decided: Mapping[str, Collection[IniKey]], rename: Callable[[str], str]) -> dict[str, set[IniKey]]:
    renamed: dict[str, set[IniKey]] = {}
    for path, keys in decided.items():
        renamed.setdefault(rename(path), set()).update(keys)
    return renamed


@dataclass(frozen=True, slots=True)
class Desired:
    """The wanted files, the keys kept, what could not be rendered, and, before the first proof, every key that differs
    by its file."""

    files: Mapping[RelPath, Wanted]
    kept: tuple[KeptKey, ...]
    problems: tuple[Problem, ...]
    differing: Mapping[RelPath, tuple[DifferingKey, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rendering:
    """Everything that rendering one node's files looks at. `shared`: the snapshot's files as nodes get them. `baseline`
    None: nothing was ever proven there."""

    link: NodeLink
    profile: Profile
    store: Store
    snapshot: Manifest
    shared: Mapping[RelPath, Wanted]
    actual: Manifest
    baseline: Manifest | None
    decisions: Decisions


@dataclass(frozen=True, slots=True)
class _Rendered:
    wanted: Wanted
    kept: tuple[KeptKey, ...]
    differing: tuple[DifferingKey, ...] = ()


def desired_files(rendering: Rendering) -> Desired:
    """Wanted files of a node. An ini file that does not parse is a problem: the node's stays as it is."""
    files: dict[RelPath, Wanted] = {}
    kept: list[KeptKey] = []
    problems: list[Problem] = []
    differing: dict[RelPath, tuple[DifferingKey, ...]] = {}
    for path in rendering.snapshot.files:
        if not rendering.profile.classify(path).own_keys and not rendering.decisions.keep.get(path):
            files[path] = rendering.shared[path]
            continue
        try:
            rendered = _render(rendering, path)
        except (IniError, ObjectLost) as error:
            lost = isinstance(error, ObjectLost)
            problems.append(Problem(path, *CONTENT_LOST) if lost else Problem(path, "broken_ini", str(error)))
            if path in rendering.actual.files:
                own = rendering.actual.files[path]
                files[path] = Wanted(own.sha256, own.size, own.mtime_ns, shared=False)
            continue
        files[path] = rendered.wanted
        kept += rendered.kept
        if rendered.differing:
            differing[path] = rendered.differing
    return Desired(files, tuple(kept), tuple(problems), differing)


def gives(
    rendering: Rendering, kept: Mapping[str, Collection[IniKey]], path: RelPath, primary: str, found: str
) -> bool:
    """Whether content of the node (`found`, a hash) is what it gets for content of the primary (another): the same, or
    the same but for the keys it keeps (`kept`, by path)."""
    keys = kept.get(path, ())
    if primary == found or not keys:
        return primary == found
    own, _ = _own_content(rendering, path)
    try:
        content = render(ini_content(rendering.store, primary), own, keys)
    except (IniError, StoreError):
        return False
    return sha256(content).hexdigest() == found


def _render(rendering: Rendering, path: RelPath) -> _Rendered:
    state = rendering.snapshot.files[path]
    own_state = rendering.actual.files.get(path)
    if own_state is not None and own_state.sha256 == state.sha256:
        return _Rendered(Wanted(state.sha256, state.size, state.mtime_ns), ())
    primary = ini_content(rendering.store, state.sha256)
    own, is_stored = _own_content(rendering, path)
    differing = differing_values(primary, own) if rendering.baseline is None and own is not None else ()
    _check_keys(path, differing)
    kept = _kept_keys(rendering, path, differing)
    if not kept:
        return _Rendered(Wanted(state.sha256, state.size, state.mtime_ns), (), differing)
    content = render(primary, own, [IniKey(key.section, key.key) for key in kept])
    digest = sha256(content).hexdigest()
    proven = rendering.baseline.files.get(path) if rendering.baseline else None
    # what was proven is kept as long as its baseline is; all else is put, which keeps it young
    if content != own or not is_stored or proven is None or proven.sha256 != digest:
        rendering.store.put(content, secret=rendering.profile.classify(path).secret)
    return _Rendered(Wanted(digest, len(content), state.mtime_ns, shared=False), kept, differing)


def _check_keys(path: RelPath, differing: Sequence[DifferingKey]) -> None:
    """Raise IniError where a node's keys are more, or longer, than are put before anybody."""
    if len(differing) > MAX_DIFFERING:
        raise IniError(f"{len(differing)} of its keys differ from the primary's, and {MAX_DIFFERING} is the most.")
    if not all(fits(path, one.section, one.key) for one in differing):
        raise IniError("A key that differs from the primary's has a longer name than any key has.")


def _own_content(rendering: Rendering, path: RelPath) -> tuple[bytes | None, bool]:
    """The node's own copy; where it is gone or broken, what was last proven there; and whether the store holds it."""
    proven = rendering.baseline.files.get(path) if rendering.baseline else None
    state = rendering.actual.files.get(path) or proven
    if state is None:
        return None, False
    with suppress(ObjectLost):
        return ini_content(rendering.store, state.sha256), True
    return (_read(rendering, path) if path in rendering.actual.files else None), False


def _read(rendering: Rendering, path: RelPath) -> bytes:
    most = MAX_INI_BYTES + CHUNK  # so that it is `_whole` that refuses more
    return _whole(rendering.link.session.read(f"{rendering.link.root}/{path}", most=most))


def ini_content(store: Objects, id_: str) -> bytes:
    """An ini file's content. Raises IniError for more than any has, of which no more is taken; ObjectLost."""
    return _whole(store.stream(id_))


def _whole(chunks: Iterable[bytes]) -> bytes:
    content = bytearray()
    for chunk in chunks:
        content += chunk
        if len(content) > MAX_INI_BYTES:
            raise IniError(f"It has more than {MAX_INI_BYTES} bytes, and no ini file has")
    return bytes(content)


def _kept_keys(rendering: Rendering, path: RelPath, differing: Sequence[DifferingKey]) -> tuple[KeptKey, ...]:
    """The keys decided as kept, and every other key that differs before the first proof: unanswered means keep."""
    decided = tuple(rendering.decisions.keep.get(path, ()))
    known = {*decided, *rendering.decisions.replicate.get(path, ())}
    kept = [KeptKey(path, key.section, key.key, True) for key in decided]
    kept += [
        KeptKey(path, key.section, key.key, False) for key in differing if IniKey(key.section, key.key) not in known
    ]
    return tuple(kept)
