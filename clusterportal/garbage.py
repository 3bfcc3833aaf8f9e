"""When Python looks for what keeps itself alive, and in what.

Its own rule suits neither a program that imports much, nor a job that makes values by the hundred thousand, none of
which refers back to itself: looking through all of it again and again took a seventh of a start, and up to a sixth of
a large job's time.
"""

from __future__ import annotations

import gc

WHILE_LOADING = 300_000
"""How many more objects than before call for a look while modules are imported: about as many as that makes. A program
that imports some of the portal and never sets up Django goes on with it, and so is looked through, too."""

COLLECT_EVERY = 10_000
"""How many from then on (Python's own: 700)."""


def begin_loading() -> None:
    """Modules are being imported."""
    gc.set_threshold(WHILE_LOADING)


def end_loading() -> None:
    """What is there by now stays, and is not looked through again."""
    gc.freeze()
    gc.set_threshold(COLLECT_EVERY)
