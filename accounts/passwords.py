"""What a password of one's own must stand up to: guessing, and lists of passwords that became known elsewhere."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.exceptions import ValidationError

from accounts.models import Role, User

SCORE = 3
"""Of zxcvbn's 0 to 4: more than a hundred million guesses by somebody who knows how people choose."""

WORDS_OF_THIS_PLACE = (
    "clusterportal",
    "cluster",
    "portal",
    "mdaemon",
    "mailserver",
    "server",
    "postmaster",
    "password",
)
"""What somebody who guesses here tries first; names of roles, of the user and of the portal's hosts come to them."""

SHORTEST_WORD = 4
"""Letters of a word that counts for nothing in a password."""

_JUDGED = 72
"""Characters that are judged, as more take zxcvbn long: what starts so well is good however it goes on."""

_DIGEST = 40
"""Hexadecimal digits of a SHA-1, which is what lists of known passwords are sorted by."""


class HardToGuess:
    """Refuses what is guessed soon: common passwords, runs on the keyboard, dates, repetitions, and mixtures of these.
    Words of this place count for nothing."""

    def validate(self, password: str, user: object = None) -> None:
        """Raises ValidationError for a password that is guessed soon."""
        from zxcvbn import zxcvbn  # noqa: PLC0415 - its lists take memory that only a change of a password needs

        if zxcvbn(without(words_about(user), password)[:_JUDGED])["score"] < SCORE:
            text = "This password is guessed soon. Use several words, unrelated to each other and to this portal."
            raise ValidationError(text, code="password_guessed_soon")

    def get_help_text(self) -> str:
        """For the form."""
        return "Your password must not be guessed soon: no common password, no run of keys, no name from here."


def words_about(user: object) -> list[str]:
    """Words of this place, and what is known of the user; the longest first."""
    own = [user.username, *user.username.split("."), *user.email.split("@")] if isinstance(user, User) else []
    hosts = [part for host in settings.ALLOWED_HOSTS for part in (host, *host.split("."))]
    words = {word.casefold() for word in (*WORDS_OF_THIS_PLACE, *Role.values, *hosts, *own)}
    return sorted((word for word in words if len(word) >= SHORTEST_WORD), key=lambda word: (-len(word), word))


def without(words: Iterable[str], password: str) -> str:
    """What is left of a password once these words are taken out of it, whatever their case."""
    for word in words:
        password = re.sub(re.escape(word), "", password, flags=re.IGNORECASE)
    return password


class NotKnownElsewhere:
    """Refuses passwords of a list that the operator keeps: SHA-1 digests, one a line, sorted, as Have I Been Pwned
    offers them for download."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def validate(self, password: str, user: object = None) -> None:
        """Raises ValidationError for a listed password, and where the list cannot be read."""
        # SHA-1 is the lists' own key, no protection of anything
        digest = hashlib.sha1(password.encode("utf-8", "surrogatepass"), usedforsecurity=False).hexdigest().upper()
        try:
            known = is_listed(self._path, digest)
        except OSError as error:
            text = "The list of known passwords cannot be read. Tell whoever runs the portal."
            raise ValidationError(text, code="password_list_unreadable") from error
        if known:
            text = "This password became known in a break-in elsewhere. Choose another."
            raise ValidationError(text, code="password_known")

    def get_help_text(self) -> str:
        """For the form."""
        return "Your password must not have become known in a break-in elsewhere."


def is_listed(path: Path, digest: str) -> bool:
    """Whether a line of a sorted file begins with the digest (upper case); reads some 40 lines of however many.
    Raises OSError."""
    wanted = digest.encode()
    with path.open("rb") as file:
        low, high = 0, file.seek(0, 2)
        while low < high:
            middle = (low + high) // 2
            line = _line_from(file, middle)
            if not line or line[:_DIGEST].upper() >= wanted:
                high = middle
            else:
                low = middle + 1
        return _line_from(file, low)[:_DIGEST].upper() == wanted


def _line_from(file: BinaryIO, position: int) -> bytes:
    """The first line that begins at this byte or after it."""
    if position:
        file.seek(position - 1)
        file.readline()
    else:
        file.seek(0)
    return file.readline()
