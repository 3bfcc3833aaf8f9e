"""No secret reaches a log line, by whatever way it is on its way there."""

from __future__ import annotations

import io
import json
import logging
import logging.config
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from uvicorn.config import LOGGING_CONFIG as UVICORN

from clusterportal.logging import (
    _PATTERNS,
    LONGEST,
    FewOfAKind,
    JsonFormatter,
    RedactingFilter,
    TextFormatter,
    configuration,
    redact,
    unforgeable,
)
from nodes.secret import Secret, revealed
from tests.regex_steps import Counted, steps_of

PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAA\nAAAA\n-----END OPENSSH PRIVATE KEY-----"


@pytest.fixture
def log():
    """A logger as configured, writing into memory."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(RedactingFilter())
    logger = logging.getLogger("canary")
    logger.addHandler(handler)
    logger.propagate = False
    yield logger, stream, handler
    logger.removeHandler(handler)


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("Authorization: Bearer cpt_0123456789abcdef0123", "cpt_0123456789abcdef0123"),
        ("headers {'Authorization': 'Basic dXNlcjpwYXNz'}", "dXNlcjpwYXNz"),
        ("Cookie: sessionid=0123abcd; theme=dark", "0123abcd"),
        (f"key is {PEM} and more", "b3BlbnNzaC1rZXk"),
        ("key torn off: -----BEGIN RSA PRIVATE KEY-----\nMIIEpA", "MIIEpA"),
        ("redis://:hunter22@127.0.0.1:6379/0", "hunter22"),
        ("postgres://portal:hunter22@db/portal", "hunter22"),
        ("password=hunter22&x=1", "hunter22"),
        ('{"passphrase": "hunter22"}', "hunter22"),
        ("token made: cpt_aaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa"),
        ('{"password": "correct horse battery"}', "horse"),
        (r"{'passphrase': 'it is \'mine\' alone'}", "alone"),
        (r"body \"{\"token\": \"zebra crossing\"}\"", "crossing"),
        ("oldpassword=hunter22&password1=walrus", "walrus"),
        ("GET /?next=%2F%3Fnew_password%3Dhunter22 HTTP/1.1", "hunter22"),
        ("GET /Authorization:%20Basic%20dXNlcjpwYXNz HTTP/1.1", "dXNlcjpwYXNz"),
        ('Cookie: theme=dark; messages="a b"; __Host-session=0123abcd', "0123abcd"),
        ("postgres://portal:hunt@er22@db/portal", "er22"),
        (f"GET /?key={quote(PEM)} HTTP/1.1", "b3BlbnNzaC1rZXk"),
    ],
)
def test_patterns(line, secret):
    assert secret not in redact(line)
    assert "***" in redact(line)


def test_ordinary_lines_stay_whole():
    for line in ("node mail1 answered in 12 ms", "3 tokens of light", "The password was wrong.", "mailto:a@b.example"):
        assert redact(line) == line


def test_a_revealed_secret_is_blanked_wherever_it_turns_up(log):
    logger, stream, _ = log
    text = Secret("zebra-crossing-77").reveal()
    logger.error("could not log in with %s to %s", text, "mail1")
    logger.error("args %r", {"deep": [text]})
    assert "zebra" not in stream.getvalue() and "mail1" in stream.getvalue()


def test_tracebacks_and_bad_arguments_too(log):
    logger, stream, _ = log
    text = Secret("walrus-tusk-42").reveal()
    try:
        raise RuntimeError(f"login failed for {text}")
    except RuntimeError:
        logger.exception("failed")
    logger.error("%s %s", text)  # noqa: PLE1206 - the mistake that must not reveal it
    assert "RuntimeError" in stream.getvalue() and "walrus" not in stream.getvalue()


def test_json_lines(log):
    logger, stream, handler = log
    handler.setFormatter(JsonFormatter())
    try:
        raise ValueError(PEM)
    except ValueError:
        logger.exception("two\nlines")
    line = json.loads(stream.getvalue())
    assert (line["level"], line["logger"], line["message"]) == ("error", "canary", "two\nlines")
    assert "ValueError" in line["traceback"] and "b3Blbn" not in stream.getvalue()


@pytest.mark.parametrize("argument", [10**5000, object], ids=["a number too long to print", "a mistake"])
def test_who_logs_never_fails_by_it(log, argument):
    logger, stream, _ = log

    class Mistaken:
        def __str__(self):
            raise KeyError(1)

    logger.error("%s", Mistaken() if argument is object else argument)
    assert "did not fit" in stream.getvalue()


# --- however long the text is, and whoever wrote it ---


def test_what_is_long_is_cut_and_says_so(log):
    logger, stream, _ = log
    logger.error("%s", "x" * 60_000)
    line = stream.getvalue()
    assert len(line) <= LONGEST + 1 and "of 60000 characters left out" in line


def test_a_long_traceback_keeps_its_innermost_frames_and_its_error(log):
    logger, stream, _ = log

    def one(depth):
        other(depth)

    def other(depth):
        if not depth:
            raise RuntimeError("at the bottom")
        one(depth - 1)

    try:
        one(100)
    except RuntimeError:
        logger.exception("failed")
    assert "RuntimeError: at the bottom" in stream.getvalue() and "outer frames left out" in stream.getvalue()
    assert len(stream.getvalue()) <= 2 * LONGEST


@pytest.mark.parametrize("offset", range(-80, 20, 7))
def test_a_secret_that_the_cut_would_halve_is_not_shown_in_part(offset):
    """Where the text is cut, and where it stops being looked at."""
    text = Secret("zebra-crossing-" * 4).reveal()
    for place in (LONGEST, LONGEST + 1024):
        shown = redact("x" * (place + offset) + text + "y" * 3000)
        assert "zeb" not in shown and len(shown) <= LONGEST


PIECES = [
    *("authorization", "Cookie", "x-csrftoken", "bearer", "basic", "password", "pass", "token", "api_key", "secret"),
    *(
        "cpt_",
        "0123456789abcdef",
        "://",
        "http",
        "@",
        ":",
        "=",
        "%3D",
        "%20",
        "+",
        "/",
        "\\",
        "'",
        '"',
        " ",
        "\n",
        "\r",
    ),
    *("-----BEGIN", "-----END", " PRIVATE", " KEY-----", "PRIVATE KEY-----", "RSA", "a", "\u017f", "\ud800", "\0", "1"),
]
HOSTILE = st.lists(st.sampled_from(PIECES), min_size=1, max_size=30).map("".join)
"""What the patterns are about, in any order."""


@pytest.mark.parametrize("pattern", [pattern for pattern, _ in _PATTERNS], ids=lambda pattern: pattern.pattern[:20])
@hypothesis_settings(max_examples=40)
@example("a", "")
@example("authorization: ", "")
@example("-----BEGIN PRIVATE KEY-----", "")
@given(HOSTILE, HOSTILE)
def test_steps_follow_the_length_of_the_text(pattern, piece, end):
    """Twice the text is at most twice the steps, whatever is repeated in it."""
    few, twice = (steps_of(pattern, piece * count + end) for count in (16, 32))
    assert twice <= 2 * few + 200


@hypothesis_settings(max_examples=60)
@given(HOSTILE, st.sampled_from([pattern for pattern, _ in _PATTERNS]))
def test_what_counts_the_steps_finds_what_the_engine_finds(text, pattern):
    assert Counted(pattern, text).spans() == [found.span() for found in pattern.finditer(text)]


@hypothesis_settings(max_examples=60)
@given(HOSTILE, st.sampled_from([1, 300, 3000]))
def test_any_text_can_be_logged(text, times):
    shown = redact(text * times)
    assert len(shown) <= LONGEST
    assert len(text * times) > LONGEST or redact(shown) == shown


@hypothesis_settings(max_examples=60)
@given(HOSTILE, HOSTILE, st.sampled_from(["password='{}'", "token={}", "Authorization: {}", "x://u:{}@h", "{}"]))
def test_planted_secrets_are_blanked_in_any_text(before, after, form):
    text = Secret("Walrus7-").reveal()
    assert text not in redact(before + form.format(text) + after)


def test_memory_of_secrets_is_bounded():
    for number in range(700):
        Secret(f"secret-number-{number}").reveal()
    assert len(revealed()) == 500 and "secret-number-699" in revealed()
    Secret("abc").reveal()
    assert "abc" not in revealed()


@pytest.mark.parametrize("style", ["text", "json"])
def test_the_configuration_is_one_that_logging_accepts(style):
    config = configuration("INFO", style)
    assert config["handlers"]["stderr"]["filters"] == ["redact"]
    logging.config.DictConfigurator(config)


def test_the_web_server_has_no_handler_that_blanks_nothing():
    """Of its own, which it configures before it loads the portal."""
    names = list(UVICORN["loggers"])
    logging.config.dictConfig(UVICORN)
    assert any(logging.getLogger(name).handlers for name in names)
    own = configuration("INFO", "text")
    logging.config.dictConfig({key: own[key] for key in ("version", "disable_existing_loggers", "filters", "loggers")})
    for name in names:
        assert not logging.getLogger(name).handlers and logging.getLogger(name).propagate


FORGED = "2026-11-30 12:00:00,000 INFO    accounts: root logged in"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x0b", "\x85", "\u2028"])
@pytest.mark.parametrize("formatter", [TextFormatter, JsonFormatter])
def test_nobody_begins_a_line_of_the_log(log, end, formatter):
    logger, stream, handler = log
    handler.setFormatter(formatter())
    logger.warning("Not Found: %s", f"/{end}{FORGED}")
    try:
        raise ValueError(f"bad{end}{FORGED}")
    except ValueError:
        logger.exception("failed")
    assert not any(line.startswith(FORGED) for line in stream.getvalue().splitlines())
    assert stream.getvalue().count(FORGED) >= 2


@given(text=st.text())
def test_what_does_not_show_is_spelled_out(text):
    shown = unforgeable(text)
    assert all(line.isprintable() for line in shown.split("\n"))
    assert shown.count("\n") == shown.count("\n    ") == text.count("\n")
    assert unforgeable("plain text — with ünïcode") == "plain text — with ünïcode"


def test_complaints_that_repeat_are_summarised():
    few = FewOfAKind()
    records = [logging.LogRecord("uvicorn.error", 30, "a.py", 1, "Bad %s", ("x",), None) for _ in range(5000)]
    for number, record in enumerate(records):
        record.created = 1000 + number / 100
    assert sum(few.filter(record) for record in records) == FewOfAKind.BURST
    other = logging.LogRecord("uvicorn.error", 30, "a.py", 2, "Other", (), None)
    later = logging.LogRecord("uvicorn.error", 30, "a.py", 1, "Bad %s", ("x",), None)
    other.created = later.created = 1061
    assert few.filter(other) and few.filter(later)
    assert later.getMessage() == "Bad x (4980 more like this before)"
