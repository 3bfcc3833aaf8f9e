"""Lines of MDaemon's own Cluster log, in both forms that are public: as its window shows them (source: guide) and the
compact one of its plug-ins' files (source: community; that the cluster's file has it too is assumed)."""

from __future__ import annotations

import re

from nodes.one_line import one_line

CLUSTER_CODES = re.compile(rb"0x4151[0-9A-Fa-f]{4}")
"""What gives a cluster log away, whatever its file is called."""

_WINDOW = re.compile(r"\d\d/\d\d/\d\d \d\d:\d\d:\d\d\.\d{3} +[A-Za-z]+ +[0-9A-Fa-f]{8} +(0x4151[0-9A-Fa-f]{4})\b.*")
_COMPACT = re.compile(r"\d{6} \d{9} [A-Z] \[[0-9A-Fa-f]{8}\] (0x4151[0-9A-Fa-f]{4})\b.*")

LINE_LIMIT = 300

MOST_CODES = 200
"""The newest are kept; the guide has some twenty."""


def newest_lines(text: str) -> dict[str, str]:
    """The last line of each code, of the newest MOST_CODES, the code spelled as in the guide, in the order in which
    they stand. Other lines do not count."""
    found: dict[str, str] = {}
    for raw in text.splitlines():
        line = raw.strip()
        match = _WINDOW.fullmatch(line) or _COMPACT.fullmatch(line)
        if match:
            code = "0x" + match.group(1)[2:].upper()
            found.pop(code, None)
            found[code] = one_line(line, LINE_LIMIT)
            if len(found) > MOST_CODES:
                del found[next(iter(found))]
    return found
