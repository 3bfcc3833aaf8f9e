"""What strangers and nodes say outside of answers to commands: greetings, keys, versions, lines of logs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.products.cluster_log import LINE_LIMIT, MOST_CODES, newest_lines
from nodes.products.greetings import Greeting, parse_smtp
from nodes.products.version import version_from_program, version_from_text
from nodes.remote.banners import readable
from nodes.remote.fingerprints import fingerprint_of, parse_fingerprint
from tests.any_input import few, is_fit_to_be_shown, size_of, texts_in
from tests.steps import assert_linear

PIECES = st.sampled_from([
    "220 ", "220-", "mail.example", " ESMTP", " MDaemon", " PRO v26.0.3", "; ", "v1.2", "\r\n", "\0", "\x1b[2J",
    "START Event Log / MDaemon", " x", "(MDaemon v1.2)", "POP MDaemon 1.2.3 ready", "SSH-2.0-", "SHA256:", "MD5:",
    "\u202e", "ab:",
    "A" * 43, "AAAA", "ssh-ed25519 ", "=", "260101 010101001 I [0000ABCD] 0x4151ffff ", "01/01/26 01:01:01.001 Info ",
    "\ud800", "\u0661", "\u2028", " " * 50,
])  # fmt: skip
TEXTS = st.text(st.characters(codec=None), max_size=80) | st.lists(PIECES, max_size=10).map("".join)


@few
@given(TEXTS)
def test_any_greeting_tells_something_or_nothing(text: str) -> None:
    shown = readable(text.encode("utf-8", "surrogatepass"))
    assert is_fit_to_be_shown(shown)
    assert len(shown) <= 200
    told = parse_smtp(shown)
    assert isinstance(told, Greeting)
    assert all(is_fit_to_be_shown(one) and len(one) <= 255 for one in texts_in(told))
    version_from_text(text)


@few
@given(TEXTS, TEXTS)
def test_any_key_has_a_fingerprint_or_is_refused(text: str, other: str) -> None:
    for read in (lambda: parse_fingerprint(text), lambda: fingerprint_of(text, other)):
        try:
            assert read().startswith("SHA256:")
        except ValueError as error:
            assert len(str(error)) < 500 + len(text)


@few
@given(st.lists(TEXTS, max_size=6))
def test_any_log_has_lines_of_codes_or_none(lines: list[str]) -> None:
    found = newest_lines("\n".join(lines))
    assert size_of(found) <= MOST_CODES * (LINE_LIMIT + 10)
    assert all(is_fit_to_be_shown(text) for text in texts_in(found))


def test_a_log_of_every_code_keeps_the_newest() -> None:
    lines = [f"260101 010101001 I [0000ABCD] 0x4151{code:04x} text" for code in range(MOST_CODES + 50)]
    found = newest_lines("\n".join(lines))
    assert len(found) == MOST_CODES
    assert list(found)[-1] == f"0x4151{MOST_CODES + 49:04X}"


@few
@given(
    st.binary(max_size=100), st.lists(st.sampled_from(["ProductVersion", "FileVersion", "1", ".", "2", "\0", "\u20ac"]))
)
def test_any_program_has_a_version_or_none(noise: bytes, words: list[str]) -> None:
    version_from_program(noise)
    version_from_program(noise + "".join(words).encode("utf-16-le"))


READERS: dict[str, Callable[[str], Any]] = {
    "greeting": lambda text: parse_smtp(readable(text.encode())),
    "version": version_from_text,
    "log": newest_lines,
    "fingerprint": parse_fingerprint,
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(
    "piece", ["x", " ", "\n", "220 a ESMTP ", "260101 010101001 I [0000ABCD] 0x4151ffff y\n", "AAAA "]
)
def test_twice_the_text_takes_twice_the_steps(reader: str, piece: str) -> None:
    assert_linear(READERS[reader], lambda size: piece * size, (100, 200), expected=(ValueError,))
