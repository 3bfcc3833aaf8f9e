"""The longest account of a list of accounts, and nothing else of it."""

from __future__ import annotations

from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.products.userlist import Accounts, read_accounts
from tests.any_input import few, is_fit_to_be_shown
from tests.steps import assert_linear

PASSWORD = b"Pa55-canary-of-Userlist"


def account(domain: str, mailbox: str, encoding: str = "cp1252") -> bytes:
    line = domain.encode(encoding).ljust(45) + mailbox.encode(encoding).ljust(30) + b"Full Name".ljust(30)
    return line + rf"C:\MDaemon\Users\{domain}\{mailbox}".encode(encoding).ljust(90) + PASSWORD + b"NNYNNN\r\n"


def test_the_longest_account_is_told() -> None:
    content = account("a.example", "postmaster") + account("sub.domain.example", "jo") + account("a.example", "info")
    assert read_accounts(content) == Accounts(3, 0, "sub.domain.example\\jo", 21)


@pytest.mark.parametrize(("encoding", "size"), [("cp1252", 14), ("utf-8", 15)])
def test_names_are_counted_in_bytes_and_shown_in_letters(encoding: str, size: int) -> None:
    assert read_accounts(account("a.example", "j\u00fcrg", encoding)) == Accounts(1, 0, "a.example\\j\u00fcrg", size)


def test_widest_columns_are_read_whole() -> None:
    found = read_accounts(account("d" * 45, "m" * 30))
    assert (found.accounts, found.size) == (1, 76)


@pytest.mark.parametrize(
    "line",
    [b"a.example user\r\n", b"\xff\xfea\0.\0", b" " * 45 + b"user\n", b"a.example".ljust(45) + b"..\\x\n", b"\0" * 200],
)
def test_lines_of_another_form_are_counted_and_not_guessed(line: bytes) -> None:
    assert read_accounts(line + b"\r\n\r\n") == Accounts(unread=1)


def test_nothing_is_no_account() -> None:
    assert read_accounts(b"") == read_accounts(b"\r\n\n  ") == Accounts()


@few
@given(st.binary(max_size=400))
def test_any_content_is_read(content: bytes) -> None:
    found = read_accounts(content + account("a.example", "user") + content)
    assert is_fit_to_be_shown(found.longest) and len(found.longest) <= 76 and found.size <= 76
    assert PASSWORD.decode() not in repr(found)


def lines(piece: bytes, size: int) -> bytes:
    return piece * size


def test_twice_the_accounts_take_twice_the_steps() -> None:
    for piece in (account("a.example", "user"), b"\n", b" ", b"x", b"a.example".ljust(45), b"\xff"):
        assert_linear(read_accounts, partial(lines, piece))
