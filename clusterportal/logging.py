"""Logs for people and machines, with every secret blanked before a line is written anywhere.

Two nets: values that were revealed to be used (passwords, keys) are known and blanked wherever they turn up; patterns
catch what never was a `Secret`: Authorization headers, private key blocks, tokens, passwords in URLs and assignments.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

from nodes.secret import revealed

_BLANK = "***"
_PATTERNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S), _BLANK),
    (re.compile(r"(?i)\b(authorization|cookie|set-cookie|x-csrftoken)(['\"]?\s*[:=]\s*['\"]?)[^\r\n'\"]+"), r"\1\2***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"\bcpt_[0-9a-f]{8,}"), _BLANK),
    (re.compile(r"(\w+://[^/\s:@]*:)[^@\s/]+@"), r"\1***@"),
    (
        re.compile(r"(?i)\b(pass(?:word|phrase|wd)?|secret|token|api_?key)(['\"]?\s*[=:]\s*['\"]?)[^\s'\",;)}]+"),
        r"\1\2***",
    ),
)


def redact(text: str) -> str:
    """The text without anything that is, or looks like, a secret."""
    for secret in revealed():
        text = text.replace(secret, _BLANK)
    for pattern, blank in _PATTERNS:
        text = pattern.sub(blank, text)
    return text


class RedactingFilter(logging.Filter):
    """Blanks secrets in the message, its arguments and the traceback of every record; drops none."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite the record in place."""
        try:
            message = record.getMessage()
        except (TypeError, ValueError):
            message = f"{record.msg} (its arguments did not fit)"
        record.msg, record.args = redact(message), None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = redact(record.exc_text)
        if record.stack_info:
            record.stack_info = redact(record.stack_info)
        return True


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
        return json.dumps(line, ensure_ascii=False)


def configuration(level: str, style: str) -> dict[str, Any]:
    """Django's LOGGING. `style` is text or json; everything goes to standard error, where the supervisor takes it."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"redact": {"()": "clusterportal.logging.RedactingFilter"}},
        "formatters": {
            "text": {"format": "{asctime} {levelname:7} {name}: {message}", "style": "{"},
            "json": {"()": "clusterportal.logging.JsonFormatter"},
        },
        "handlers": {
            "stderr": {"class": "logging.StreamHandler", "filters": ["redact"], "formatter": style},
        },
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "INFO", "propagate": True},
            "axes": {"level": "WARNING"},
            "paramiko": {"level": "CRITICAL"},  # nodes.remote tells its errors once, in our words
        },
    }
