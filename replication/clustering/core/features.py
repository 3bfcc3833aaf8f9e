"""The words of the jobs that switch what does not go with clustering."""

from __future__ import annotations

FEATURES = "features"
"""Their kind."""

OFF, RESTORE = "off", "restore"
"""What one does, in its option `to`."""
