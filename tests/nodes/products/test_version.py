"""Versions, as public samples spell them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodes.products.ini import IniDocument
from nodes.products.version import (
    ProductVersion,
    version_from_ini,
    version_from_program,
    version_from_text,
)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("START Event Log / MDaemon PRO v26.0.3, SMTP (in) log information\r\n-----", "26.0.3"),
        ("220 mail.example.com ESMTP MDaemon 21.0.3; Fri, 02 Apr 2021 16:02:02 +0200\r\n", "21.0.3"),
        ("+OK mail.example.com POP MDaemon 20.5.0.1a ready <MDAEMON-F2021>", "20.5.0.1a"),
        ("* OK mail.example.com IMAP4rev1 MDaemon 23.5.1 ready\r\n", "23.5.1"),
        ("Received: by mx (MDaemon PRO v26.0.2b) with ESMTP", "26.0.2b"),
    ],
)
def test_banners(text: str, version: str):
    assert version_from_text(text) == ProductVersion(version, "banner")


@pytest.mark.parametrize("text", ["", "* OK mx IMAP4rev1 MDaemon ready", "220 mx ESMTP Postfix 3.5", "MDaemon 21.0"])
def test_a_hidden_version_is_no_error(text: str):
    assert version_from_text(text) is None


def test_an_ini_that_names_one_version():
    assert version_from_ini(ini("[X]\nInstalledVersion=v26.0.2b\n[Y]\nversion=26.0.2b\n")) == ProductVersion(
        "26.0.2b", "ini"
    )


@pytest.mark.parametrize(
    "text", ["", "[X]\nVersion=1.0\nFileVersion=2.0\n", "[X]\nAddress=10.0.0.1\n", "[X]\nVersion=yes\n"]
)
def test_an_ini_that_names_none_or_several(text: str):
    assert version_from_ini(ini(text)) is None


def ini(text: str) -> IniDocument:
    return IniDocument.parse(text.encode())


def resource(key: str, value: str) -> bytes:
    return f"\1{key}\0".encode("utf-16-le") + b"\0\0" + f"{value}\0".encode("utf-16-le")


def test_a_programs_version_resource():
    data = b"MZ\x90" + b"\0" * 101 + resource("FileVersion", "26.0.3.1") + resource("ProductVersion", "26.0.3")
    assert version_from_program(data) == ProductVersion("26.0.3", "program")
    assert version_from_program(resource("FileVersion", "22, 0, 1, 0")) == ProductVersion("22.0.1.0", "program")
    assert version_from_program(resource("ProductVersion", "unknown")) is None


@given(st.binary(max_size=200))
def test_any_bytes_may_be_a_program(data: bytes):
    assert version_from_program(data) is None or b"V\0e\0r\0" in data
