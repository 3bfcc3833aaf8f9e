"""The ini line editor: changes exactly the bytes of a value and nothing else.

Windows private-profile rules: names compare without case, `;` (and `#`) starts a comment line, the first `=` ends the
key, blanks around key and value do not count, the first of several equal keys is the one that is read. Everything
that is not touched is given back byte for byte: endings, blanks, order, duplicates, comments, marks, odd bytes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from nodes.products.errors import IniError
from nodes.products.ini_text import Charset, charset_of

__all__ = ["MAX_LINES", "IniDocument", "IniError", "IniItem"]

MAX_LINES = 300_000
"""No ini file has more lines. One in memory takes some 250 bytes, whatever is in it."""

_LINE = re.compile(r"([^\r\n]*)(\r\n|\r|\n|\Z)")
_BLANKS = " \t"
_FORBIDDEN = re.compile(r"[\0\r\n]")


@dataclass(frozen=True, slots=True)
class IniItem:
    """One key as it stands. `section` is "" before the first header; `line` counts from 1."""

    section: str
    key: str
    value: str
    line: int


@dataclass(frozen=True, slots=True)
class _Line:
    """One line. `key` None: no item. The value is `text[start:end]`; `bare`: there is no `=` yet."""

    text: str
    ending: str
    section: str
    key: str | None = None
    start: int = 0
    end: int = 0
    bare: bool = False

    @property
    def value(self) -> str:
        return self.text[self.start : self.end]

    def holding(self, value: str) -> _Line:
        """The same line with another value."""
        if value == self.value:
            return self
        sign = "=" if self.bare else ""
        text = self.text[: self.start] + sign + value + self.text[self.end :]
        start = self.start + len(sign)
        return replace(self, text=text, start=start, end=start + len(value), bare=False)


def _item_line(text: str, ending: str, section: str) -> _Line:
    """A line with a key, `=` or not."""
    key_part, sign, value_part = text.partition("=")
    key = key_part.strip(_BLANKS)
    if not key:
        return _Line(text, ending, section)  # `=value` has no name and can never be read
    if not sign:
        start = len(text.rstrip(_BLANKS))
        return _Line(text, ending, section, key, start, start, bare=True)
    value = value_part.strip(_BLANKS)
    start = len(key_part) + 1 + len(value_part) - len(value_part.lstrip(_BLANKS))
    return _Line(text, ending, section, key, start, start + len(value))


def _lines(text: str) -> tuple[_Line, ...]:
    """The lines of a text. Raises IniError."""
    lines: list[_Line] = []
    section = ""
    for number, match in enumerate(_LINE.finditer(text), start=1):
        body, ending = match.groups()
        if not body and not ending:
            break
        if number > MAX_LINES:
            raise IniError(f"more than {MAX_LINES} lines, as no ini file has.", number)
        if "\0" in body:
            raise IniError(
                "a NUL: the file is binary, damaged, or UTF-16 without its mark; restore or convert it.", number
            )
        inner = body.strip(_BLANKS)
        if inner.startswith("["):
            if "]" not in inner:
                # never what the line holds: it may be a secret, and the sentence goes into pages and logs
                raise IniError("the section begun there has no closing ']'; the file may be cut short.", number)
            section = inner[1 : inner.rindex("]")].strip(_BLANKS)
            lines.append(_Line(body, ending, section))
        elif not inner or inner[0] in ";#":
            lines.append(_Line(body, ending, section))
        else:
            lines.append(_item_line(body, ending, section))
    return tuple(lines)


@dataclass(frozen=True, slots=True)
class IniDocument:
    """An ini file. Never changed: `set` and `delete` answer a new document."""

    _all: tuple[_Line, ...]
    charset: Charset

    @classmethod
    def parse(cls, data: bytes, charset: Charset | None = None) -> IniDocument:
        """Read a file's bytes; `charset` where the caller knows better. Raises IniError with the line."""
        known = charset or charset_of(data)
        return cls(_lines(known.decode(data[len(known.mark) :])), known)

    def to_bytes(self) -> bytes:
        """The file's bytes."""
        return self.charset.mark + self.charset.encode("".join(line.text + line.ending for line in self._all))

    def items(self) -> tuple[IniItem, ...]:
        """Every key in the file's order, duplicates too. A key without `=` has the value ""."""
        return tuple(
            IniItem(line.section, line.key, line.value, number)
            for number, line in enumerate(self._all, start=1)
            if line.key is not None
        )

    def values(self, section: str, key: str) -> tuple[str, ...]:
        """The values of all keys of that name in sections of that name, in the file's order."""
        return tuple(self._all[at].value for at in self._places(section, key))

    def get(self, section: str, key: str, nth: int = 0) -> str | None:
        """The value of the n-th such key (from 0, which is the one Windows reads); None where there is none."""
        values = self.values(section, key)
        return values[nth] if 0 <= nth < len(values) else None

    def set(self, section: str, key: str, value: str, nth: int = 0) -> IniDocument:
        """Change the n-th such key; one beyond the last adds it (and its section). Raises IniError for what cannot be
        written."""
        places = self._places(section, key)
        if nth < len(places):
            if value == self._all[places[nth]].value:
                return self
            self._check_value(section, key, value)
            return self._with(places[nth], places[nth] + 1, self._all[places[nth]].holding(value))
        if nth > len(places):
            raise IniError(f"[{section}] {key} stands {len(places)} times; there is no number {nth + 1} to change.")
        self._check_value(section, key, value)
        self._check_names(section, key)
        return self._added(section, f"{key}={value}", after=places[-1] + 1 if places else 0)

    def delete(self, section: str, key: str, nth: int = 0) -> IniDocument:
        """Remove the n-th such key's line; the document itself where there is none."""
        places = self._places(section, key)
        return self._with(places[nth], places[nth] + 1) if 0 <= nth < len(places) else self

    def _places(self, section: str, key: str) -> list[int]:
        wanted = (section.casefold(), key.casefold())
        return [
            at
            for at, line in enumerate(self._all)
            if line.key is not None and (line.section.casefold(), line.key.casefold()) == wanted
        ]

    def _with(self, start: int, end: int, *lines: _Line) -> IniDocument:
        return replace(self, _all=(*self._all[:start], *lines, *self._all[end:]))

    def _added(self, section: str, text: str, after: int = 0) -> IniDocument:
        """The document with a new line at the end of the (first) section, which is made if there is none; not before
        the place `after`, because of several such keys Windows reads the first."""
        at = self._end_of(section)
        if at is None:
            header = _Line(f"[{section}]", "", section)
            return self._inserted(len(self._all), header)._added(section, text)
        return self._inserted(max(at, after), _item_line(text, "", section))

    def _end_of(self, section: str) -> int | None:
        """The place after the first such section's last item, or after its header; None where there is no section."""
        folded = section.casefold()
        place = None if section else 0
        for at, line in enumerate(self._all):
            if line.section.casefold() != folded:
                if place:
                    break
            elif line.key is not None or place is None:
                place = at + 1
        return place

    def _inserted(self, at: int, line: _Line) -> IniDocument:
        """A line put in; the last line of a file keeps ending as it ended."""
        newline = next((known.ending for known in self._all if known.ending), "\r\n")
        if at == len(self._all) > 0 and not self._all[-1].ending:
            return self._with(at - 1, at, replace(self._all[-1], ending=newline), line)
        return self._with(at, at, replace(line, ending=newline))

    def _check_value(self, section: str, key: str, value: str) -> None:
        if _FORBIDDEN.search(value):
            raise IniError(f"The value of [{section}] {key} holds a newline or NUL; an ini value is one line of text.")
        if value != value.strip(_BLANKS):
            raise IniError(
                f"The value of [{section}] {key} begins or ends with a blank, which Windows drops; remove it."
            )
        self.charset.encode(value)

    def _check_names(self, section: str, key: str) -> None:
        """Raise where a new line would not be read back as what it is meant to be."""
        probe = _lines(f"[{section}]\n{key}=") if not _FORBIDDEN.search(section + key) else ()
        if len(probe) != 2 or (probe[1].section, probe[1].key) != (section, key):
            raise IniError(
                f"[{section[:80]}] {key[:80]!r} is no name of a key; use no '=', brackets, ';', '#' or newline."
            )
        self.charset.encode(section + key)
