"""What sshd wrote down: who tried to log in."""

from __future__ import annotations

import re

_ATTEMPT = re.compile(r"^(?:Accepted|Failed|Connection closed by authenticating user|Postponed|maximum auth).*$", re.M)


def logins(log: str) -> list[str]:
    """The lines of an sshd log that tell of an attempt to log in, successful or not."""
    return [line for line in _ATTEMPT.findall(log) if not line.startswith("Failed none")]
