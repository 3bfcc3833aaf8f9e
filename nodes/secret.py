"""A text that shows itself only when asked by name. A leaf: anyone may import it."""

from __future__ import annotations

_REMEMBERED = 500  # enough for every credential in use at once
_SHORTEST = 4  # blanking shorter ones would tear every log line apart
_revealed: dict[str, None] = {}


def revealed() -> tuple[str, ...]:
    """The texts last revealed, longest first, for whoever must blank them (logs)."""
    return tuple(sorted(_revealed.copy(), key=len, reverse=True))


def _remember(text: str) -> None:
    if len(text) >= _SHORTEST:
        _revealed.pop(text, None)
        _revealed[text] = None
        while len(_revealed) > _REMEMBERED:
            _revealed.pop(next(iter(_revealed)), None)


class Secret:
    """Passwords, private keys, passphrases: never printed, never pickled, never in an exception."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself; for the wire only. It is remembered, so that logs can blank it."""
        _remember(self._text)
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> tuple[object, ...]:
        raise TypeError("a Secret is not pickled")
