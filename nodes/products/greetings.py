"""What a server's first line tells of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SMTP = re.compile(r"220[ -](?P<host>[-.\w]+) ESMTP(?: (?P<rest>.*))?\Z")
_PRODUCT = re.compile(r"\bMDaemon\b(?:\s+(?:PRO\s+)?v?(?P<version>\d[-.\w]*))?", re.IGNORECASE)
"""Source: service-probe collections (community). Newer installations hide the version: its absence means nothing."""


@dataclass(frozen=True, slots=True)
class Greeting:
    """`product`: the line names MDaemon. `version`, `host_name` are "" where the line does not tell."""

    product: bool = False
    version: str = ""
    host_name: str = ""


def parse_smtp(line: str) -> Greeting:
    """What an SMTP banner tells."""
    match = _SMTP.match(line)
    product = _PRODUCT.search(match["rest"] or "" if match else line)
    host = match["host"] if match else ""
    return Greeting(product is not None, (product["version"] or "") if product else "", host[:255])
