"""What a node's ini file shall be: the primary's bytes with the node's own values for the keys it keeps.

Two unmarked files are compared and mixed byte for byte, whatever their code page; values pass through text only
where one of the files has another mark. A kept key that the node does not have is not there in the result
either; one that only the node has is added.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from nodes.products.ini import IniDocument, IniEdit
from nodes.products.ini_text import ANSI, UTF8, Charset, charset_of, valid_utf8


@dataclass(frozen=True, slots=True, eq=False)
class IniKey:
    """A key's name, spelled as found. Equal without regard to case."""

    section: str
    key: str

    @property
    def folded(self) -> tuple[str, str]:
        """Section and key without case: equal keys have equal ones."""
        return self.section.casefold(), self.key.casefold()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IniKey) and self.folded == other.folded

    def __hash__(self) -> int:
        return hash(self.folded)


@dataclass(frozen=True, slots=True)
class KeyConflict:
    """A key whose value on a node is not the one that was put there. None: the key is absent."""

    section: str
    key: str
    ours: str | None
    theirs: str | None


@dataclass(frozen=True, slots=True)
class DifferingKey:
    """A key whose values are not the same in two files, in full; several of one key are one line each. None: the file
    has no such key."""

    section: str
    key: str
    primary: str | None
    own: str | None


_Values = dict[IniKey, tuple[str, ...]]


def differing_values(primary: bytes, own: bytes) -> tuple[DifferingKey, ...]:
    """The keys that have not the same values in both files, absent ones included, with what both say; in the primary's
    order, then the node's. Raises IniError."""
    ours, theirs = (_values(document) for document in _parsed(primary, own))
    return tuple(
        DifferingKey(key.section, key.key, _lines(ours.get(key)), _lines(theirs.get(key)))
        for key in _names(ours, theirs)
        if ours.get(key) != theirs.get(key)
    )


def _lines(values: tuple[str, ...] | None) -> str | None:
    return None if values is None else "\n".join(values)


def render(primary: bytes, own: bytes | None, kept: Collection[IniKey]) -> bytes:
    """The primary's file with the node's values of the kept keys. `own` None: the node has no such file, and gets the
    primary's. Raises IniError where either file is no ini, or a kept value does not fit the primary's encoding."""
    if own is None or not kept:
        return primary
    document, node = _parsed(primary, own)
    theirs = _values(node)
    spelled = {key: key for key in theirs}
    edit = IniEdit(document)
    for key in sorted(set(kept), key=lambda key: key.folded):
        _keep(edit, spelled.get(key, key), theirs.get(key, ()))
    return edit.document().to_bytes()


def key_conflicts(expected: bytes, found: bytes, kept: Collection[IniKey]) -> tuple[KeyConflict, ...]:
    """What was edited on a node, key by key, apart from the keys it keeps; `ours` is what we put. Raises IniError."""
    ours, theirs = (_values(document) for document in _parsed(expected, found))
    spared = set(kept)
    return tuple(
        KeyConflict(key.section, key.key, ours_nth, theirs_nth)
        for key in _names(ours, theirs)
        if key not in spared
        for ours_nth, theirs_nth in _paired(ours.get(key, ()), theirs.get(key, ()))
        if ours_nth != theirs_nth
    )


def _parsed(left: bytes, right: bytes) -> tuple[IniDocument, IniDocument]:
    """Both files, unmarked ones in one encoding so that equal bytes are equal text."""
    charsets = charset_of(left), charset_of(right)
    if not charsets[0].mark and not charsets[1].mark:
        common: Charset = UTF8 if valid_utf8(left) and valid_utf8(right) else ANSI
        charsets = common, common
    return IniDocument.parse(left, charsets[0]), IniDocument.parse(right, charsets[1])


def _values(document: IniDocument) -> _Values:
    """The values of each key, duplicates in order."""
    values: dict[IniKey, list[str]] = {}
    for item in document.items():
        values.setdefault(IniKey(item.section, item.key), []).append(item.value)
    return {key: tuple(all_) for key, all_ in values.items()}


def _names(ours: Iterable[IniKey], theirs: Iterable[IniKey]) -> tuple[IniKey, ...]:
    return tuple(dict.fromkeys([*ours, *theirs]))


def _paired(ours: tuple[str, ...], theirs: tuple[str, ...]) -> list[tuple[str | None, str | None]]:
    """The n-th of each, None where one has fewer."""
    longest = max(len(ours), len(theirs))
    left = [*ours, *[None] * (longest - len(ours))]
    right = [*theirs, *[None] * (longest - len(theirs))]
    return list(zip(left, right, strict=True))


def _keep(edit: IniEdit, key: IniKey, values: tuple[str, ...]) -> None:
    """Exactly these values of one key."""
    for nth in range(len(edit.values(key.section, key.key)) - 1, len(values) - 1, -1):
        edit.delete(key.section, key.key, nth)
    for nth, value in enumerate(values):
        edit.set(key.section, key.key, value, nth)
