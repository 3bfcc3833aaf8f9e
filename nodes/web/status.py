"""How states read on a page: the tone of each word."""

from __future__ import annotations

from dataclasses import dataclass

_TONES = {
    "ok": "ok on pass quiet verified succeeded approved add as_set",
    "warn": "warn degraded held paused seen waiting converging awaiting_approval halted contended blocked warning "
    "differs several",
    "bad": "fail down away cannot_look quarantined failed revoked error delete",
    "info": "settling running planning joining leaving ending info update",
    "idle": "unknown registered left requested pending cancelled touch off disabled unread inside elsewhere",
}
_TONE_OF = {word: tone for tone, words in _TONES.items() for word in words.split()}


@dataclass(frozen=True, slots=True)
class Status:
    """A state's word and the words a person reads."""

    state: str
    label: str


def tone_of(state: str) -> str:
    """ok, warn, bad, info or idle; an unknown word is idle."""
    return _TONE_OF.get(str(state), "idle")
