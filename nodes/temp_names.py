"""What the portal's own temporary names on a node begin with. A name that only begins so is a file like any other: what
is ours is told by the exact form (`replication/files/apply/names.py`). The advice on antivirus in docs/windows.md names
the beginning, too."""

import re

PREFIX = ".cp~"

SELF_TEST = f"{PREFIX}selftest-"
"""Of a self-test's scratch files: then eight hex digits and a letter."""

SELF_TEST_FILE = re.compile(re.escape(SELF_TEST) + r"[0-9a-f]{8}[abc]")
