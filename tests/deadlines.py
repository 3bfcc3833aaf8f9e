"""How long tests wait: one number, so large that only what hangs reaches it, however busy the machine is."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

PATIENCE = 300.0
"""Seconds. No promise of the portal's: where one is tested, the test says its own number."""

AT_ONCE = 0.03
"""Seconds between two looks at what may come, and go, in no time."""

SELDOM = 0.2
"""Seconds between two looks at what has not come for long."""

RESTS = 4
"""So many times as long as a look took it is not looked again, up to LONGEST_REST seconds: a page that takes long to
make would else be all that is made."""

LONGEST_REST = 0.5


def promised(seconds: float) -> float:
    """The bound of a promise in seconds: itself where this machine has nothing else to do, else only no hanging."""
    return seconds if os.getloadavg()[0] < (os.cpu_count() or 1) else PATIENCE


def wait_for(what: str, condition: Callable[[], Any], seconds: float = PATIENCE, *, pause: float = AT_ONCE) -> Any:
    """The first true value of `condition`; fails by name after `seconds`. It is asked every `pause` seconds, and more
    seldom the longer it takes (SELDOM), and the longer it takes to ask (RESTS): those who are waited for need the
    processor that asking takes."""
    began = time.monotonic()
    while True:
        asked = time.monotonic()
        if value := condition():
            return value
        now = time.monotonic()
        waited = now - began
        assert waited < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(max(pause, min(waited / 20, SELDOM), min(RESTS * (now - asked), LONGEST_REST)))
