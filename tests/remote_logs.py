"""What sshd wrote down: who tried to log in."""

from __future__ import annotations

import re

_ATTEMPT = re.compile(r"^(?:Accepted|Failed) (?:publickey|password|keyboard-interactive).*$", re.MULTILINE)


def logins(log: str) -> list[str]:
    """The lines of an sshd log that tell of an attempt to log in, successful or not."""
    return _ATTEMPT.findall(log)
