"""Why work stops before it is done, other than by an error of its node."""

from __future__ import annotations


class Interrupted(Exception):
    """The work must stop now, with nothing half done. Who works cleans up what it staged and lets it pass."""


class LeaseLost(Interrupted):
    """Another worker may own this by now, or the database has been out of reach for too long: change nothing more."""
