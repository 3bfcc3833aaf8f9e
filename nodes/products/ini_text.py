"""The encodings of Windows ini files, each decoded so that encoding gives the same bytes back.

Windows writes such files in UTF-16 with a mark, UTF-8 with a mark, or without any mark in the machine's ANSI code
page. An unmarked file is taken for UTF-8 if it is valid UTF-8 beyond ASCII, else for Windows-1252 with its five holes
filled by the C1 controls, as Windows itself does: so every byte has a character.
"""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from nodes.products.errors import IniError

_HOLES = {0x81, 0x8D, 0x8F, 0x90, 0x9D}
_ANSI_TABLE = "".join(chr(byte) if byte in _HOLES else bytes([byte]).decode("cp1252") for byte in range(256))
_ANSI_MAP = codecs.charmap_build(_ANSI_TABLE)

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Charset:
    """How a file's bytes are its text. `mark` is the byte order mark, empty in an unmarked file."""

    name: str
    mark: bytes = b""

    def decode(self, data: bytes) -> str:
        """The text of bytes without the mark. Raises IniError."""
        if self.name == "cp1252":
            return codecs.charmap_decode(data, "strict", _ANSI_TABLE)[0]
        try:
            return data.decode(self.name)
        except UnicodeDecodeError as error:
            line = data[: error.start].count("\n".encode(self.name)) + 1
            raise IniError(
                f"not valid {self.name.upper()}; save the file anew or restore it from a backup.", line
            ) from error

    def encode(self, text: str) -> bytes:
        """The bytes without the mark. Raises IniError, which does not tell the text: it may be a secret."""
        try:
            if self.name == "cp1252":
                return codecs.charmap_encode(text, "strict", _ANSI_MAP)[0]
            return text.encode(self.name)
        except UnicodeEncodeError as error:
            place = f"{error.start + 1} of {len(text)}"
            text = f"The file's encoding {self.name} cannot hold character {place}; write it without."
            raise IniError(text) from error


UTF8 = Charset("utf-8")
ANSI = Charset("cp1252")


def charset_of(data: bytes) -> Charset:
    """The encoding of a file's bytes, by its mark or its content."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return Charset(name, mark)
    return UTF8 if not data.isascii() and valid_utf8(data) else ANSI


def valid_utf8(data: bytes) -> bool:
    """Whether bytes are UTF-8."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
