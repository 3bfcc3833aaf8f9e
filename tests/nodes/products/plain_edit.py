"""The meaning of editing an ini file, spelled out without a thought for how long it takes: what `IniEdit` must agree
with."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from nodes.products.ini import IniDocument, _item_line, _Line
from nodes.products.ini_render import IniKey, _parsed, _values


class PlainEdit:
    """The lines of a document as a list, gone through anew for each change."""

    def __init__(self, document: IniDocument) -> None:
        self.lines = list(document._all)

    def places(self, section: str, key: str) -> list[int]:
        wanted = (section.casefold(), key.casefold())
        return [
            at
            for at, line in enumerate(self.lines)
            if line.key is not None and (line.section.casefold(), line.key.casefold()) == wanted
        ]

    def set(self, section: str, key: str, value: str, nth: int = 0) -> None:
        places = self.places(section, key)
        if nth < len(places):
            self.lines[places[nth]] = self.lines[places[nth]].holding(value)
        else:
            self.add(section, f"{key}={value}", places[-1] + 1 if places else 0)

    def delete(self, section: str, key: str, nth: int = 0) -> None:
        places = self.places(section, key)
        if nth < len(places):
            del self.lines[places[nth]]

    def add(self, section: str, text: str, after: int) -> None:
        at = self.end_of(section)
        if at is None:
            self.insert(len(self.lines), _Line(f"[{section}]", "", section))
            at = len(self.lines)
        self.insert(max(at, after), _item_line(text, "", section))

    def end_of(self, section: str) -> int | None:
        place = None if section else 0
        for at, line in enumerate(self.lines):
            if line.section.casefold() != section.casefold():
                if place:
                    break
            elif line.key is not None or place is None:
                place = at + 1
        return place

    def insert(self, at: int, line: _Line) -> None:
        newline = next((known.ending for known in self.lines if known.ending), "\r\n")
        if at == len(self.lines) > 0 and not self.lines[-1].ending:
            self.lines[-1] = replace(self.lines[-1], ending=newline)
            self.lines.append(line)
        else:
            self.lines.insert(at, replace(line, ending=newline))


def plainly_rendered(primary: bytes, own: bytes, kept: Collection[IniKey]) -> bytes:
    """What `render` answers for a node that has a file."""
    document, node = _parsed(primary, own)
    theirs = _values(node)
    spelled = {key: key for key in theirs}
    edit = PlainEdit(document)
    for key in sorted(set(kept), key=lambda key: key.folded):
        name, values = spelled.get(key, key), theirs.get(key, ())
        for nth in range(len(edit.places(name.section, name.key)) - 1, len(values) - 1, -1):
            edit.delete(name.section, name.key, nth)
        for nth, value in enumerate(values):
            edit.set(name.section, name.key, value, nth)
    return IniDocument(tuple(edit.lines), document.charset).to_bytes()
