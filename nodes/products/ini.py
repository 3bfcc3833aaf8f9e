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

__all__ = ["MAX_LINES", "MAX_SECTION", "IniDocument", "IniEdit", "IniError", "IniItem"]

MAX_LINES = 300_000
"""No ini file has more lines. One in memory takes some 250 bytes, whatever is in it."""

MAX_SECTION = 1000
"""No section has a longer name, in characters. Each of its keys is compared with it."""

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


def _folded(section: str, key: str) -> tuple[str, str]:
    return section.casefold(), key.casefold()


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
            section = _section(inner, number)
            lines.append(_Line(body, ending, section))
        elif not inner or inner[0] in ";#":
            lines.append(_Line(body, ending, section))
        else:
            lines.append(_item_line(body, ending, section))
    return tuple(lines)


def _section(header: str, number: int) -> str:
    """The name in a header, which it never tells: it may be a secret, and the sentence goes into pages and logs."""
    if "]" not in header:
        raise IniError("the section begun there has no closing ']'; the file may be cut short.", number)
    section = header[1 : header.rindex("]")].strip(_BLANKS)
    if len(section) > MAX_SECTION:
        raise IniError(f"the section begun there has a name of more than {MAX_SECTION} characters.", number)
    return section


@dataclass(frozen=True, slots=True)
class IniDocument:
    """An ini file. Never changed: an `IniEdit` makes a new one."""

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


_TOP = _Line("", "", "")


class IniEdit:
    """Any number of changes to a document. Each takes as long in a long file as in a short one: lines are a ring that
    begins and ends at number 0, which is none; those of one section in a row are a run."""

    def __init__(self, document: IniDocument) -> None:
        self._charset = document.charset
        self._lines = [_TOP]
        self._next, self._before, self._run = [0], [0], [0]
        self._places: dict[tuple[str, str], list[int]] = {}
        """By section and key without case: the numbers of its lines, in the file's order."""
        self._starts, self._ends, self._held = [0], [0], [0]
        """By run: its first line, the line after which a new key goes, and how many keys it holds."""
        self._named: dict[str, int] = {}
        """By section: its first run."""
        self._nameless: list[int] = []
        """Runs that a header without a name begins, last first."""
        section = ""
        for line in document._all:
            folded = line.section.casefold()
            if folded != section:
                self._begin(folded)
                section = folded
            self._put(self._before[0], line, len(self._starts) - 1, folded)
        self._nameless.reverse()

    def document(self) -> IniDocument:
        """The document with all changes."""
        lines = []
        at = self._next[0]
        while at:
            lines.append(self._lines[at])
            at = self._next[at]
        return IniDocument(tuple(lines), self._charset)

    def values(self, section: str, key: str) -> tuple[str, ...]:
        """The values of all keys of that name in sections of that name, in the file's order; the first is the one that
        Windows reads."""
        return tuple(self._lines[at].value for at in self._places.get(_folded(section, key), ()))

    def set(self, section: str, key: str, value: str, nth: int = 0) -> None:
        """Change the n-th such key (from 0); one beyond the last adds it (and its section). Raises IniError for what
        cannot be written."""
        places = self._places.get(_folded(section, key), [])
        if nth > len(places):
            raise IniError(f"[{section}] {key} stands {len(places)} times; there is no number {nth + 1} to change.")
        if nth == len(places):
            self._check_value(section, key, value)
            self._check_names(section, key)
            self._add(section, f"{key}={value}", places[-1] if places else 0)
        elif value != self._lines[places[nth]].value:
            self._check_value(section, key, value)
            self._lines[places[nth]] = self._lines[places[nth]].holding(value)

    def delete(self, section: str, key: str, nth: int = 0) -> None:
        """Remove the n-th such key's line, if there is one."""
        places = self._places.get(_folded(section, key), [])
        if not 0 <= nth < len(places):
            return
        at = places.pop(nth)
        run = self._run[at]
        self._held[run] -= 1
        if at == self._ends[run]:
            end = self._before[at]
            while end != self._starts[run] and self._lines[end].key is None:
                end = self._before[end]
            self._ends[run] = end
        self._next[self._before[at]], self._before[self._next[at]] = self._next[at], self._before[at]

    def _begin(self, folded: str) -> None:
        """A new run, of the line that is put next."""
        run, first = len(self._starts), len(self._lines)
        self._starts.append(first)
        self._ends.append(first)
        self._held.append(0)
        if folded:
            self._named.setdefault(folded, run)
        else:
            self._nameless.append(run)

    def _put(self, after: int, line: _Line, run: int, folded: str) -> None:
        """A line after another one."""
        at, following = len(self._lines), self._next[after]
        self._lines.append(line)
        self._run.append(run)
        self._next.append(following)
        self._before.append(after)
        self._next[after] = self._before[following] = at
        if line.key is not None:
            self._places.setdefault((folded, line.key.casefold()), []).append(at)
            self._held[run] += 1
            if after == self._ends[run] or following == 0:
                self._ends[run] = at

    def _add(self, section: str, text: str, last: int) -> None:
        """A new line at the end of the (first) section, which is made if there is none; not before the line `last`,
        because of several such keys Windows reads the first."""
        folded = section.casefold()
        run = self._home(folded)
        if run is None:
            self._begin(folded)
            run = len(self._starts) - 1
            self._insert(self._before[0], _Line(f"[{section}]", "", section), run, folded)
        after = self._ends[run]
        if last and self._run[last] != run:
            after, run = last, self._run[last]
        self._insert(after, _item_line(text, "", section), run, folded)

    def _home(self, folded: str) -> int | None:
        """The run that a section's new key goes to; None where there is no such section. Before the first header there
        is always room; without keys there, a nameless section with keys has them."""
        if folded:
            return self._named.get(folded)
        while self._nameless and not self._held[self._nameless[-1]]:
            self._nameless.pop()
        return self._nameless[-1] if self._nameless and not self._held[0] else 0

    def _insert(self, after: int, line: _Line, run: int, folded: str) -> None:
        """A line put in; the last line of a file keeps ending as it ended."""
        newline = self._newline()
        if after and not self._next[after] and not self._lines[after].ending:
            self._lines[after] = replace(self._lines[after], ending=newline)
        else:
            line = replace(line, ending=newline)
        self._put(after, line, run, folded)

    def _newline(self) -> str:
        """The first line's ending; only the last line may have none."""
        return self._lines[self._next[0]].ending or "\r\n"

    def _check_value(self, section: str, key: str, value: str) -> None:
        if _FORBIDDEN.search(value):
            raise IniError(f"The value of [{section}] {key} holds a newline or NUL; an ini value is one line of text.")
        if value != value.strip(_BLANKS):
            raise IniError(
                f"The value of [{section}] {key} begins or ends with a blank, which Windows drops; remove it."
            )
        self._charset.encode(value)

    def _check_names(self, section: str, key: str) -> None:
        """Raise where a new line would not be read back as what it is meant to be."""
        probe = _lines(f"[{section}]\n{key}=") if not _FORBIDDEN.search(section + key) else ()
        if len(probe) != 2 or (probe[1].section, probe[1].key) != (section, key):
            raise IniError(
                f"[{section[:80]}] {key[:80]!r} is no name of a key; use no '=', brackets, ';', '#' or newline."
            )
        self._charset.encode(section + key)
