"""What a program of the portal does while it starts, and leaves out."""

from __future__ import annotations

import subprocess
import sys

from clusterportal.garbage import COLLECT_EVERY

LOADED = """
import gc, django
django.setup()
print(gc.get_threshold()[0], gc.get_freeze_count(), gc.get_count()[0])
"""


def test_what_was_imported_is_not_looked_through_again() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    threshold, kept, new = (int(number) for number in done.stdout.split())
    assert threshold == COLLECT_EVERY
    assert kept > 100_000
    assert new < 1_000
