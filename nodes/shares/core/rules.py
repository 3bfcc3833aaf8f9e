r"""What the folders of a share must keep to: apart from each other, and short enough for what lies in them. Pure.

Sources: the guide's step 1 for the folders; for the mail directory's length the columns of the list of accounts
(`nodes.products.userlist`); for Windows' the documentation of MAX_PATH, which holds for every program that does not ask
for long paths, and nobody says that mail servers do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Protocol

from nodes.platforms.unc import UncPath, folded
from nodes.products.userlist import MAIL_DIRECTORY

MAIL_FOLDERS = "users"
"""The role of the folder with the accounts' mail directories."""

WINDOWS_FOLDER = 247
"""Characters of the longest path of a folder that Windows makes: 260, less a file's short name and what ends it."""

_MACRO = re.compile(r"\$[A-Za-z]+[0-9]*\$")
_SHORT = re.compile(r"(?=[^.]{3,8}(?:\.|\Z))[^.~]{1,6}~[0-9]{1,6}(?:\.[^.]{1,3})?")
"""A name as Windows makes short ones: eight characters and three, with a tilde and a number."""


class Place(Protocol):
    """A folder that a cluster's nodes share."""

    @property
    def role(self) -> str:
        """The profile's word for it."""
        ...

    @property
    def label(self) -> str:
        """Its name for people."""
        ...

    @property
    def path(self) -> UncPath:
        """Where it lies."""
        ...


@dataclass(frozen=True, slots=True)
class Problem:
    """Why the folder of this role cannot lie where it is to; the sentence names the remedy."""

    role: str
    text: str


def problems(places: Sequence[Place], longest: int = 0) -> tuple[Problem, ...]:
    r"""Everything that is wrong with these folders. `longest`: bytes of the longest `domain\mailbox` of the cluster, 0
    where that is not known."""
    found = list(clashes(places))
    for place in places:
        below = longest if place.role == MAIL_FOLDERS else 0
        texts = [macro_problem(place.path), short_name_problem(place.path), path_problem(place.path, below)]
        if place.role == MAIL_FOLDERS:
            texts.append(mail_directory_problem(str(place.path), longest))
        found += [Problem(place.role, text) for text in texts if text]
    return tuple(found)


def clashes(places: Sequence[Place]) -> tuple[Problem, ...]:
    """Folders that would be one, or lie within each other. A server's short name and its name with a domain count as
    one server."""
    found = []
    for one, other in combinations(places, 2):
        if not _same_server(one.path.server, other.path.server):
            continue
        above, below = one.path.identity[1:], other.path.identity[1:]
        if above == below:
            text = f"{other.label} would be the same folder as {one.label}; give each a folder of its own."
            found.append(Problem(other.role, text))
        elif below[: len(above)] == above:
            found.append(_within(other, one))
        elif above[: len(below)] == below:
            found.append(_within(one, other))
    return tuple(found)


def _within(inner: Place, outer: Place) -> Problem:
    text = f"{inner.label} would lie within {outer.label} ({outer.path}); choose a folder beside it."
    return Problem(inner.role, text)


def _same_server(one: str, other: str) -> bool:
    short, long = sorted((folded(one), folded(other)), key=len)
    return short == long or ("." not in short and long.startswith(f"{short}."))


def macro_problem(path: UncPath) -> str | None:
    """Why the mail server would take a name for something else; None if it would not."""
    for name in (path.share, *path.folders):
        macro = _MACRO.search(name)
        if macro:
            return f"The mail server puts something else in the place of {macro[0]}; choose another name than {name}."
    return None


def short_name_problem(path: UncPath) -> str | None:
    """Why a path does not say which folder it means, and may be one with another that is spelled in full; None if it
    does."""
    short = short_name_in(str(path))
    if not short:
        return None
    return (
        f"{short} looks like a short name that Windows made for a longer one, so that two paths may be one folder; "
        "write the folder's full name, which `dir /x` on the file server shows."
    )


def short_name_in(path: str) -> str:
    r"""The first folder's name in a path, with `\` or `/`, that looks like a short one (`MDAEMO~1`); "" where none
    does. A share has no short name."""
    names = re.split(r"[\\/]+", path)
    first = 3 if path.startswith(("\\\\", "//")) else 0
    return next((name for name in names[first:] if _SHORT.fullmatch(name)), "")


def path_problem(path: UncPath, below: int = 0) -> str | None:
    """Why Windows cannot make the folder, or what has paths of `below` more characters in it; None if it can."""
    length = path.length + (below + 1 if below else 0)
    if length <= WINDOWS_FOLDER:
        return None
    counted = " with the longest account's folder" if below else ""
    return (
        f"The path has {length} characters{counted}; Windows makes no folder of more than {WINDOWS_FOLDER}: choose "
        "shorter names."
    )


def mail_directory_problem(folder: str, longest: int = 0, limit: int = MAIL_DIRECTORY) -> str | None:
    r"""Why an account's mail directory, `folder\domain\mailbox\`, does not fit into the list of accounts; None if it
    does. `folder` as it is written on the primary; `longest` as for `problems`. Counted in bytes, of which an accented
    letter may take two."""
    size = len(folder.rstrip("\\/").encode("utf-8", "replace")) + 1 + (longest + 1 if longest else 0)
    if size <= limit:
        return None
    counted = f" with the longest account's {longest}" if longest else ""
    return (
        f"An account's mail directory would have {size} characters{counted}; the list of accounts holds {limit}. "
        f"Choose a path that is shorter by {size - limit}: in the names of server, share and folders."
    )
