"""When two user names are too much alike for people to tell them apart. Pure.

Letters of every script are welcome, mixed ones too: a name is refused only for being like one that is there.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

RESERVED = frozenset({"system"})
"""What the portal calls itself in the audit log."""

_MARKS = "\u200e"
"""What the table puts around what is written from right to left."""


@dataclass(frozen=True, slots=True)
class Looks:
    """Digests of what a name looks like, as it is typed and in small letters. Two names of which either is equal are
    too much alike: small letters alone would not see that `Ivan` is `lvan` to the eye, nor that Cyrillic capitals
    spell `BOB`. (Digests, because the longest such text does not fit into an index.)"""

    typed: str
    small: str


def normalised(name: str) -> str:
    """The one spelling of a name: NFKC, in which letters of full width are plain letters."""
    return unicodedata.normalize("NFKC", name)


def looks_of(name: str) -> Looks:
    """What a name looks like: its skeleton by Unicode's table of confusable characters (UTS #39, 4), without case.
    It is stored: another table wants a migration that makes it anew."""
    plain = normalised(name)
    return Looks(typed=_digest(plain), small=_digest(plain.casefold()))


def alike(one: str, other: str) -> bool:
    """Whether people could take one name for the other."""
    first, second = looks_of(one), looks_of(other)
    return first.typed == second.typed or first.small == second.small


def _digest(plain: str) -> str:
    caseless = _skeleton(_skeleton(plain).casefold())  # a large letter may become a small one that is like others
    return hashlib.sha256(caseless.encode()).hexdigest()


def _skeleton(text: str) -> str:
    bare = unicodedata.normalize("NFD", text).translate(_prototypes())
    return unicodedata.normalize("NFD", bare)


@cache
def _prototypes() -> Mapping[int, str]:
    """Each confusable character with the one that stands for all like it. Read when the first name is compared: few
    processes ever do.

    The library's table leads from a character to its prototype, and from a prototype to all that lead to it. Only a
    prototype has several; of two that name each other the first stands for both."""
    table = import_module("confusable_homoglyphs.confusables").confusables_data
    found: dict[int, str] = {}
    for key, others in table.items():
        character, prototype = key.strip(_MARKS), others[0]["c"].strip(_MARKS)
        mutual = len(prototype) == 1 and len(table[others[0]["c"]]) == 1 and character < prototype
        if len(character) == 1 and len(others) == 1 and not mutual:
            found[ord(character)] = prototype
    return found
