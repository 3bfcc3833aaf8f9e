"""Values of ini keys that begin with a folder's place, and what they hold once the folder lies elsewhere. Pure."""

from __future__ import annotations

import re

from nodes.products.folders import MACRO, MAX_FOLDER, PathText

_OPENING = "\"' \t"
_NAMES = re.compile(r"[^\\/]+")


class NotThere(ValueError):
    """A value does not begin with the folder's place."""


def moved_value(value: str, old: str, new: str) -> str:
    r"""The value with `new` in the place of the folder `old` at its start. What follows is kept: separators, quotes,
    folders below, macros such as `\$DOMAIN$\$MAILBOX$\`; its separators follow where the one place is spelled by
    Windows' rules and the other is not. Raises NotThere."""
    start, rest = _split(value, old)
    if by_windows_rules(old) and not by_windows_rules(new):
        rest = rest.replace("\\", "/")
    elif by_windows_rules(new) and not by_windows_rules(old):
        rest = rest.replace("/", "\\")
    return f"{start}{new}{rest}"


def what_follows(value: str, place: str) -> str:
    """What stands in a value after the folder's place. Raises NotThere."""
    return _split(value, place)[1]


def by_windows_rules(path: str) -> bool:
    """Whether an absolute path is spelled as Windows does."""
    return not path.startswith("/") or path.startswith("//")


def _split(value: str, place: str) -> tuple[str, str]:
    """What stands before the folder's place, and after it, in any of the place's spellings."""
    paths = PathText("windows" if by_windows_rules(place) else "posix")
    wanted = paths.identity(place)
    start = len(value) - len(value.lstrip(_OPENING))
    if len(value) > MAX_FOLDER:
        raise NotThere(f"The value has more than {MAX_FOLDER} characters.")
    macro = MACRO.search(value, start)
    last = macro.start() if macro else len(value.rstrip(_OPENING))
    ends = [name.end() for name in _NAMES.finditer(value, start, last)]
    # the longest: what it leads back from by `..` is no part of the rest
    for end in reversed(ends):
        rest = value[end:]
        if paths.identity(value[start:end]) == wanted and not _leads_out(rest.rstrip(_OPENING)):
            return value[:start], rest
    raise NotThere(f"The value does not begin with {place}.")


def _leads_out(rest: str) -> bool:
    """Whether what follows a folder leads out of it by `..`."""
    depth = 0
    for name in _NAMES.findall(rest):
        depth += {"..": -1, ".": 0}.get(name, 1)
        if depth < 0:
            return True
    return False
