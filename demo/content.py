"""Makers of file contents in MDaemon's formats and encodings. All deterministic: same arguments, same bytes."""

from __future__ import annotations

import base64
import hashlib
import random
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

CRLF = "\r\n"
MAIL_DIR_WIDTH = 90


@dataclass(frozen=True, slots=True)
class Account:
    """A mailbox. Roles instead of people: nobody's name is in the demo."""

    mailbox: str
    domain: str
    full_name: str

    @property
    def address(self) -> str:
        """mailbox@domain."""
        return f"{self.mailbox}@{self.domain}"

    @property
    def mail_dir(self) -> str:
        """The folder as MDaemon spells it."""
        return f"C:\\MDaemon\\Users\\{self.domain}\\{self.mailbox}\\"


def lines(texts: Iterable[str]) -> bytes:
    """CRLF lines in Windows' Western code page."""
    return "".join(text + CRLF for text in texts).encode("cp1252")


def ini(sections: Mapping[str, Mapping[str, str]], *, comment: str = "") -> bytes:
    """A Windows private-profile file."""
    texts = [f"; {comment}"] if comment else []
    for name, items in sections.items():
        texts += [f"[{name}]", *(f"{key}={value}" for key, value in items.items()), ""]
    return lines(texts)


def utf16_ini(sections: Mapping[str, Mapping[str, str]]) -> bytes:
    """The same, as newer Windows programs write it: UTF-16 little-endian with a mark."""
    return b"\xff\xfe" + ini(sections).decode("cp1252").encode("utf-16-le")


def user_list(accounts: Sequence[Account], seed: str) -> bytes:
    """Userlist.dat: fixed-width lines. Columns as published: domain 45, mailbox 30, name 30, folder 90, password 20,
    then one-character flags and counters."""
    return lines(_user_line(account, seed) for account in accounts)


def _user_line(account: Account, seed: str) -> str:
    # looks like what is there, opens nothing
    password = base64.b64encode(_digest(seed, account.address)[:12]).decode()
    return (
        account.domain.ljust(45)
        + account.mailbox.ljust(30)
        + account.full_name.ljust(30)
        + account.mail_dir.ljust(MAIL_DIR_WIDTH)
        + password.ljust(20)
        + "NNY"
        + "YNNNNNN"
        + "0".rjust(4)
        + "0".rjust(10)
    )


def mailing_list(name: str, domain: str, members: Sequence[str]) -> bytes:
    """A .grp list: `; Key = Value` head lines, then members; `^` may only read, `$` may only post."""
    head = [
        "# mailing list of the demo",
        f"; ListName = {name}@{domain}",
        f"; Description = {name} (Verteiler für {domain})",
        "; ReplyAddress = LIST",
        "; DigestMBF = DIGEST",
        "; MaxMembers = 0",
    ]
    marks = ("", "", "", "^", "$")
    return lines([*head, *(marks[index % 5] + member for index, member in enumerate(members))])


def response_script(subject: str, text: str) -> bytes:
    """A .rsp autoresponder script."""
    return lines([f"%SetResponderSubject%={subject}", "", text, "", "Mit freundlichen Grüßen", "$DOMAIN$"])


def message(number: int, sender: str, recipient: str, *, size: int = 600) -> bytes:
    """A stored message (.msg)."""
    rng = random.Random(f"{number}{recipient}")
    head = [
        f"From: {sender}",
        f"To: {recipient}",
        f"Subject: Demo message {number}",
        f"Message-ID: <{number}@demo.invalid>",
        "Content-Type: text/plain; charset=windows-1252",
        "Content-Transfer-Encoding: 8bit",
        "",
    ]
    body = [f"Lorem ipsum dolor sit amet, Prüfsumme {rng.getrandbits(32):08x}" for _ in range(size // 50)]
    return lines([*head, *body])


def raw_message(sender: str, recipient: str, subject: str) -> bytes:
    """A file of the raw queue: three head lines, an empty one, the body."""
    return lines([f"from <{sender}>", f"to <{recipient}>", f"subject <{subject}>", "", "A message made by the demo."])


def imap_marks(messages: int) -> bytes:
    """IMAP.MRK: binary, 36 bytes a message. Its columns are not public; these are made up."""
    return b"".join(
        struct.pack("<16sIII8x", b"md%010d" % number, number, 0x2 if number % 3 else 0, 600)
        for number in range(messages)
    )


def program(name: str, seed: str, *, size: int = 8192) -> bytes:
    """A stand-in for an executable: a PE header that tools recognise, then bytes that compress badly. It cannot run."""
    stub = b"MZ" + bytes(58) + struct.pack("<I", 64)
    header = b"PE\0\0" + struct.pack("<HHIIIHH", 0x8664, 0, 0, 0, 0, 0, 0x2022)
    filler = random.Random(f"{seed}{name}").randbytes(size - len(stub) - len(header))
    return stub + header + filler


def database(name: str, seed: str, *, records: int = 64) -> bytes:
    """A binary database of fixed records. Made up: MDaemon's own are not public."""
    rows = b"".join(_digest(seed, f"{name}{row}") for row in range(records))
    return b"DEMO\x01\0\0\0" + struct.pack("<I", records) + rows


def pem(label: str, seed: str) -> bytes:
    """Something shaped like PEM with no key in it."""
    text = base64.b64encode(random.Random(f"{seed}{label}").randbytes(600)).decode()
    rows = [text[start : start + 64] for start in range(0, len(text), 64)]
    return "\n".join([f"-----BEGIN {label}-----", *rows, f"-----END {label}-----", ""]).encode()


def page(title: str, body: str) -> bytes:
    """A web page of the webmail or the help."""
    head = f"<head><meta charset=utf-8><title>{title}</title></head>"
    return f"<!DOCTYPE html>\r\n<html>{head}\r\n<body>{body}</body></html>\r\n".encode()


def _digest(seed: str, text: str) -> bytes:
    return hashlib.sha256(f"{seed}/{text}".encode()).digest()
