"""No secret reaches a log line, by whatever way it is on its way there."""

from __future__ import annotations

import io
import json
import logging
import logging.config

import pytest

from clusterportal.logging import JsonFormatter, RedactingFilter, configuration, redact
from nodes.secret import Secret, revealed

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
