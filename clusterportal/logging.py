"""Logs for people and machines, with every secret blanked before a line is written anywhere.

Two nets: values that were revealed to be used (passwords, keys) are known and blanked wherever they turn up; patterns
catch what never was a `Secret`: Authorization headers, private key blocks, tokens, passwords in URLs and assignments.
"""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from nodes.secret import revealed

LONGEST = 16_384
"""Characters of a message, or of a traceback, that are written; how many were left out is said."""

_NOTE = 64  # room for saying so
_MARGIN = 1_024  # looked through beyond LONGEST, and dropped: a secret that the cut would halve lies in it
_FRAMES = 40  # of each exception of a traceback, the innermost
_BLANK = "***"
_KEY = r"[A-Z0-9 %+]*PRIVATE[ %+0-9]{1,3}KEY-----"
# what stands between a name and its value, as headers, JSON, its quotation and URLs spell it; and a value in quotes
_IS = r"\\*+['\"]?\s*+(?:[:=]|%3[ad])(?:\s|%20|\+)*+(?:\\*+(?P<quote>['\"]))?+"
_QUOTED = r"(?:(?!(?P=quote))[^\\\r\n]|\\.)++"
_HEADERS = r"authorization|cookie|x-csrftoken"
_NAMES = r"pass(?:word|phrase|wd|code)|(?<![a-z])pass|secret(?:[_-]?key)?|token|(?:api|private)[_-]?key|sessionid"
# Each takes steps in proportion to the text, whoever wrote it: none begins with a repetition, and where two follow one
# another, they share no character or the first gives nothing back. The tests count the steps.
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(rf"-----BEGIN{_KEY}.*?(?:-----END{_KEY}|\Z)", re.S), _BLANK),
    (
        re.compile(rf"(?i)((?:{_HEADERS}){_IS})(?(quote){_QUOTED}|[^\r\n'\"]++(?:\"[^\r\n\"]*+\"[^\r\n'\"]*+)*+)"),
        r"\1***",
    ),
    (re.compile(r"(?i)\b((?:bearer|basic)(?:\s|%20|\+)++)[A-Za-z0-9._~+/=-]{8,}"), r"\1***"),
    (re.compile(r"cpt_[0-9a-f]{8,}"), _BLANK),
    (re.compile(r"(://[^/\s:@]*:)[^\s/]+@"), r"\1***@"),
    (re.compile(rf"(?i)((?:{_NAMES})\d{{0,2}}{_IS})(?(quote){_QUOTED}|[^\s'\",;)}}]+)"), r"\1***"),
)


def redact(text: str) -> str:
    """The text without anything that is, or looks like, a secret; its first LONGEST characters at most."""
    secrets = revealed()
    margin = max(_MARGIN, 2 * len(secrets[0])) if secrets else _MARGIN
    seen = text[: LONGEST + margin]
    blanked = _blanked(seen, secrets)
    whole = len(seen) == len(text)
    if whole and len(blanked) <= LONGEST:
        return blanked
    kept = blanked[: max(0, min(LONGEST - _NOTE, len(blanked) - (0 if whole else margin)))]
    return f"{kept} ... ({len(text) - len(kept)} of {len(text)} characters left out)"


def _blanked(text: str, secrets: Iterable[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, _BLANK)
    for pattern, blank in _PATTERNS:
        text = pattern.sub(blank, text)
    return text


def unforgeable(text: str) -> str:
    """The text with what does not show spelled out, and its further lines set in: whoever has part of a line written
    cannot begin a line of the log, or turn one around."""
    if text.isprintable():
        return text
    return "\n    ".join(_shown(line) for line in text.split("\n"))


def _shown(line: str) -> str:
    return "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in line)


class RedactingFilter(logging.Filter):
    """Blanks secrets in the message, its arguments and the traceback of every record; drops none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place."""
        record.msg, record.args = redact(_message(record)), None
        if record.exc_info and not record.exc_text:
            record.exc_text = _traceback(record.exc_info[1])
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


def _message(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception as error:  # noqa: BLE001 - of whatever the arguments are; who logs must not fail by it
        return f"{record.msg!r:.200} (its arguments did not fit: {type(error).__name__})"


def _traceback(error: BaseException | None) -> str:
    frames = sum(1 for _ in traceback.walk_tb(error.__traceback__)) if error else 0
    told = f"({frames - _FRAMES} outer frames left out)\n" if frames > _FRAMES else ""
    return told + "".join(traceback.format_exception(error, limit=-_FRAMES)).rstrip("\n")


class TextFormatter(logging.Formatter):
    """A line for people; what is more than a line, as a traceback, is set in."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:7} {name}: {message}", style="{")

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return unforgeable(super().format(record))


class FewOfAKind(logging.Filter):
    """Lets through BURST records a minute from one place in the code, and says with the first one after that minute
    how many it kept back: whoever makes the web server complain must not fill the disk by it."""

    BURST = 20
    MINUTE = 60.0

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[tuple[str, int], tuple[float, int]] = {}  # since when, and how many

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the record is written."""
        place = (record.pathname, record.lineno)
        since, count = self._seen.get(place, (record.created, 0))
        if not 0 <= record.created - since < self.MINUTE:
            if count > self.BURST:
                record.msg, record.args = f"{_message(record)} ({count - self.BURST} more like this before)", None
            since, count = record.created, 0
        self._seen[place] = (since, count + 1)
        return count < self.BURST


class JsonFormatter(logging.Formatter):
    """One JSON object a line: at, level, logger, message, process, thread, and the traceback of a failure."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "process": record.process,
            "thread": record.threadName,
        }
        if record.exc_text:
            line["traceback"] = record.exc_text
        return json.dumps(line)


def configuration(level: str, style: str) -> dict[str, Any]:
    """Django's LOGGING. `style` is text or json; everything goes to standard error, where the supervisor takes it."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {
            "redact": {"()": "clusterportal.logging.RedactingFilter"},
            "few": {"()": "clusterportal.logging.FewOfAKind"},
        },
        "formatters": {
            "text": {"()": "clusterportal.logging.TextFormatter"},
            "json": {"()": "clusterportal.logging.JsonFormatter"},
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "filters": ["redact"], "formatter": style},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
            # in the place of handlers of uvicorn's own, which blank nothing
            "uvicorn": {"handlers": [], "level": "NOTSET", "propagate": True},
            "uvicorn.error": {"handlers": [], "level": "NOTSET", "propagate": True, "filters": ["few"]},
            "uvicorn.access": {"handlers": [], "level": "NOTSET", "propagate": True},
            "asyncio": {"filters": ["few"]},
            "clusterportal.connections": {"filters": ["few"]},
            "clusterportal.front_door": {"filters": ["few"]},
            "axes": {"level": "WARNING"},
            "paramiko": {"level": "CRITICAL"},  # nodes.remote tells its errors once, in our words
            "smbprotocol": {"level": "CRITICAL"},  # so, too
            "spnego": {"level": "CRITICAL"},
        },
    }
