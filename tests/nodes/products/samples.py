"""Nasty ini files: bytes, the change (section, key, value), and the bytes expected after it."""

from __future__ import annotations

import codecs
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    before: bytes
    change: tuple[str, str, str]
    after: bytes
    oracle: bool = True
    """Whether ConfigUpdater handles it exactly."""


def utf16(text: str, codec: str) -> bytes:
    mark = codecs.BOM_UTF16_LE if codec == "utf-16-le" else codecs.BOM_UTF16_BE
    return mark + text.encode(codec)


HOST = ("Domain", "HostName", "mail2.example.com")

SAMPLES = [
    Sample(
        "plain CRLF",
        b"[Domain]\r\nHostName=old\r\nPort=25\r\n\r\n[Special]\r\nX=Yes\r\n",
        HOST,
        b"[Domain]\r\nHostName=mail2.example.com\r\nPort=25\r\n\r\n[Special]\r\nX=Yes\r\n",
    ),
    Sample("LF only", b"[Domain]\nHostName=old\nPort=25\n", HOST, b"[Domain]\nHostName=mail2.example.com\nPort=25\n"),
    Sample(
        "UTF-8 with mark",
        b"\xef\xbb\xbf[Domain]\r\nHostName=old\r\nName=B\xc3\xbccher\r\n",
        HOST,
        b"\xef\xbb\xbf[Domain]\r\nHostName=mail2.example.com\r\nName=B\xc3\xbccher\r\n",
    ),
    Sample(
        "cp1252",
        b"[Domain]\r\nName=B\xfccher \x80 5\r\nHostName=old\r\n",
        ("Domain", "Name", "Caf\u00e9 \u20ac"),
        b"[Domain]\r\nName=Caf\xe9 \x80\r\nHostName=old\r\n",
    ),
    Sample(
        "comments and blank lines",
        b"; top\r\n# also\r\n\r\n[Domain]\r\n;HostName=no\r\n\r\nHostName=old\r\n# end\r\n\r\n\r\n",
        HOST,
        b"; top\r\n# also\r\n\r\n[Domain]\r\n;HostName=no\r\n\r\nHostName=mail2.example.com\r\n# end\r\n\r\n\r\n",
    ),
    Sample(
        "key with spaces",
        b"[Ports]\r\nIMAP SSL Port=993\r\nIMAP=143\r\n",
        ("Ports", "IMAP SSL Port", "1993"),
        b"[Ports]\r\nIMAP SSL Port=1993\r\nIMAP=143\r\n",
    ),
    Sample(
        "a path as key",
        b"[Exclude]\r\nC:\\MDaemon\\x=1\r\n\\\\srv\\share=2\r\n",
        ("Exclude", "C:\\MDaemon\\x", "0"),
        b"[Exclude]\r\nC:\\MDaemon\\x=0\r\n\\\\srv\\share=2\r\n",
        oracle=False,
    ),
    Sample(
        "values with = ; # %",
        b"[A]\r\nQuery=a=b;c#d%20e ; not a comment\r\nHost=x\r\n",
        ("A", "Query", "=;#% %d ; y=z"),
        b"[A]\r\nQuery==;#% %d ; y=z\r\nHost=x\r\n",
    ),
    Sample(
        "interpolation look-alikes",
        b"[A]\r\nx=%(y)s\r\ny=${z}\r\n",
        ("A", "x", "%(y)s%(y)s %"),
        b"[A]\r\nx=%(y)s%(y)s %\r\ny=${z}\r\n",
    ),
    Sample(
        "quotes",
        b"[A]\r\nx=\"quoted value \"\r\ny='single'\r\n",
        ("A", "x", '" "'),
        b"[A]\r\nx=\" \"\r\ny='single'\r\n",
    ),
    Sample("empty value", b"[A]\r\nx=\r\ny=1\r\n", ("A", "x", "v"), b"[A]\r\nx=v\r\ny=1\r\n"),
    Sample("key without =", b"[A]\r\nflag\r\nx=1\r\n", ("A", "x", "2"), b"[A]\r\nflag\r\nx=2\r\n"),
    Sample(
        "blanks round =",
        b"[A]\r\nx = old  \r\ny\t=\t1\r\nz=1\r\n",
        ("A", "x", "new"),
        b"[A]\r\nx = new  \r\ny\t=\t1\r\nz=1\r\n",
        oracle=False,
    ),
    Sample(
        "trailing blanks elsewhere",
        b"[A]  \r\nx=old\r\ny=1   \r\n\t\r\nz=2\r\n",
        ("A", "x", "new"),
        b"[A]  \r\nx=new\r\ny=1   \r\n\t\r\nz=2\r\n",
        oracle=False,
    ),
    Sample("no final newline", b"[A]\r\nx=1\r\ny=old", ("A", "y", "new"), b"[A]\r\nx=1\r\ny=new", oracle=False),
    Sample(
        "indented key after the changed one",
        b"[A]\r\nx=old\r\n  indented=1\r\n\ttabbed=2\r\ny=3\r\n",
        ("A", "x", "new"),
        b"[A]\r\nx=new\r\n  indented=1\r\n\ttabbed=2\r\ny=3\r\n",
        oracle=False,
    ),
    Sample(
        "duplicate keys",
        b"[A]\r\nx=first\r\ny=1\r\nX=second\r\n",
        ("A", "x", "new"),
        b"[A]\r\nx=new\r\ny=1\r\nX=second\r\n",
        oracle=False,
    ),
    Sample(
        "key before any section, duplicate section",
        b"lone=1\r\n[A]\r\nx=first\r\n[B]\r\nz=1\r\n[a]\r\nx=second\r\n",
        ("", "lone", "2"),
        b"lone=2\r\n[A]\r\nx=first\r\n[B]\r\nz=1\r\n[a]\r\nx=second\r\n",
        oracle=False,
    ),
    Sample(
        "bytes 0B, 85, 81 in a value",
        b"[A]\r\nx=a\x0bb\x85c\x81\x0c\x1c\r\ny=old\r\n",
        ("A", "y", "new"),
        b"[A]\r\nx=a\x0bb\x85c\x81\x0c\x1c\r\ny=new\r\n",
        oracle=False,
    ),
    Sample(
        "UTF-16 LE",
        utf16("; \u010capek\r\n[Domain]\r\nHostName=old\r\nPort=25\r\n", "utf-16-le"),
        ("Domain", "HostName", "\u4e2d\U0001f600"),
        utf16("; \u010capek\r\n[Domain]\r\nHostName=\u4e2d\U0001f600\r\nPort=25\r\n", "utf-16-le"),
        oracle=False,
    ),
    Sample(
        "UTF-16 BE",
        utf16("[Domain]\r\nHostName=\u0a0d\u0d0a\r\nPort=25", "utf-16-be"),
        ("domain", "PORT", "\u010a"),
        utf16("[Domain]\r\nHostName=\u0a0d\u0d0a\r\nPort=\u010a", "utf-16-be"),
        oracle=False,
    ),
    Sample(
        "UTF-8 without mark",
        b"[A]\nx=B\xc3\xbccher\ny=old\n",
        ("A", "y", "\u4e2d"),
        b"[A]\nx=B\xc3\xbccher\ny=\xe4\xb8\xad\n",
    ),
    Sample(
        "lone CR and mixed endings",
        b"[A]\rx=old\ny=1\r\nz=2\r",
        ("A", "x", "new"),
        b"[A]\rx=new\ny=1\r\nz=2\r",
        oracle=False,
    ),
]
