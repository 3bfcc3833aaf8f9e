"""Values the core's tests share: short spellings and hypothesis strategies."""

from __future__ import annotations

import hashlib

from hypothesis import strategies as st

from replication.files.core.changes import Wanted
from replication.files.core.manifest import FileState
from replication.files.core.paths import RelPath, path_problem

SECOND = 1_000_000_000


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def state(text: str, *, mtime: int = SECOND, stale: bool = False) -> FileState:
    return FileState(len(text), mtime, sha(text), stale=stale)


def wanted(text: str, *, mtime: int = SECOND) -> Wanted:
    return Wanted(sha(text), len(text), mtime)


names = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="/\0"), min_size=1, max_size=12).filter(
    lambda name: name not in (".", "..")
)
paths = (
    st.lists(names, min_size=1, max_size=5).map("/".join).filter(lambda text: path_problem(text) is None).map(RelPath)
)
times = st.integers(-(2**62), 2**62)
states = st.builds(
    FileState,
    size=st.integers(0, 2**60),
    mtime_ns=times,
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    change_ns=st.none() | times,
    stale=st.booleans(),
)


def without_folders(files):
    """Drop files whose name is also a folder of another: no file system holds both."""
    folders = {"/".join(path.split("/")[:depth]) for path in files for depth in range(1, path.count("/") + 1)}
    return {path: value for path, value in files.items() if path not in folders}


file_maps = st.dictionaries(paths, states, max_size=20).map(without_folders)
