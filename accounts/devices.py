"""A browser in words, by what it says of itself. Pure; what it says is anybody's text, of which only known names come
through."""

from __future__ import annotations

# the more particular first: most browsers name others as well
_PROGRAMS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"), ("Safari", "Safari"))
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


def device(agent: str) -> str:
    """Such as "Firefox on Windows"; "Unknown" where nothing is known."""
    program = next((name for mark, name in _PROGRAMS if f"{mark}/" in agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in agent), "")
    return " on ".join(filter(None, (program, system))) or "Unknown"
