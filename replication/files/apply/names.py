"""The portal's own temporary names on a node: short, beside the target, and telling whose they are.

`tag` is `<target id>.<fence>`; a later owner sees at once what an earlier one left behind.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from nodes.temp_names import PREFIX, SELF_TEST_FILE, SHARE_TEST_FILE, moving_name

_NAME = re.compile(
    re.escape(PREFIX) + r"(?P<tag>[0-9]+\.[0-9]+)(?P<kind>[sdu])(?P<rest>(?<=s)[0-9a-f]+|(?<=d)|(?<=u)[0-9a-f]{16})\Z"
)


@dataclass(frozen=True, slots=True)
class OwnName:
    """A parsed temporary name. `kind`: s staged file, d staging folder, u undo copy. `rest`: number or path digest."""

    tag: str
    kind: str
    rest: str


def staging_folder(tag: str) -> str:
    """The folder many files are unpacked into."""
    return f"{PREFIX}{tag}d"


def beside(path: str, name: str) -> str:
    """`name` in the folder of `path`."""
    folder = path.rpartition("/")[0]
    return f"{folder}/{name}" if folder else name


def staged_beside(tag: str, path: str, number: int) -> str:
    """Where one file waits beside its target."""
    return beside(path, f"{PREFIX}{tag}s{number:x}")


def undo_beside(tag: str, path: str) -> str:
    """Where what was replaced stays until it has been looked at."""
    return beside(path, f"{PREFIX}{tag}u{path_digest(path)}")


def copying_beside(tag: str, path: str) -> str:
    """Where an undo copy is written before it is whole."""
    return beside(path, f"{PREFIX}{tag}s{path_digest(path)}")


def path_digest(path: str) -> str:
    """A short digest that tells which file an undo copy belongs to."""
    return hashlib.sha256(path.encode()).hexdigest()[:16]


def parse(path: str) -> OwnName | None:
    """What a name means; None if it is not ours."""
    match = _NAME.match(path.rpartition("/")[2])
    return OwnName(match["tag"], match["kind"], match["rest"]) if match else None


def is_ours(path: str, *, folder: bool) -> bool:
    """Whether the portal put this file or folder, or a folder above it, there for a moment: by the exact form of its
    name."""
    if PREFIX not in path:
        return False
    *above, name = path.split("/")
    if "d" in map(_kind, above):
        return True
    if folder:
        return _kind(name) == "d"
    if SELF_TEST_FILE.fullmatch(name) or SHARE_TEST_FILE.fullmatch(name) or moving_name(name):
        return True
    return _kind(name) in ("s", "u")


def _kind(name: str) -> str:
    own = parse(name)
    return own.kind if own else ""
