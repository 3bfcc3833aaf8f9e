"""A name on a page reads as what it is."""

from __future__ import annotations

import unicodedata

import pytest
from django.http import HttpResponse
from django.test import RequestFactory

from clusterportal.visible import NothingUnseen
from nodes.enums import Health
from tests.factories import make_node

UNSEEN = ["\u202e", "\u2066", "\u200f", "\u061c", "\u200b", "\ufeff", "\x1b", "\0", "\x7f", "\x9b", "\u2028", "\u2060"]


def shown(text: str, kind: str = "text/html; charset=utf-8") -> str:
    given = HttpResponse(text, content_type=kind, headers={"Content-Length": str(len(text.encode()))})
    made = NothingUnseen(lambda _: given)(RequestFactory().get("/"))
    assert isinstance(made, HttpResponse)
    assert made.headers["Content-Length"] == str(len(made.content))
    return made.content.decode()


@pytest.mark.parametrize("character", UNSEEN)
def test_what_cannot_be_seen_is_seen_to_be_there(character: str) -> None:
    assert shown(f"invoice{character}fdp.exe") == "invoice\ufffdfdp.exe"


def test_every_mark_of_direction_is_known() -> None:
    every = map(chr, range(0x110000 - 0x10000))
    turning = [
        one
        for one in every
        if unicodedata.bidirectional(one) in {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    ]
    assert len(turning) == 9
    assert {shown(one) for one in turning} == {"\ufffd"}


def test_all_other_characters_stay_and_so_does_what_is_no_page() -> None:
    text = "a\tb\r\nM\u00fcnchen \u6771\u4eac \U0001f600 \u00a0\u3000 \u05d0\u0627 \u2026 \u20ac"
    assert shown(text) == text
    assert shown("a\u202eb", "application/json") == "a\u202eb"


def test_a_page_holds_none(cluster, viewer, console_for) -> None:
    node = make_node(cluster, "mx0", health=Health.DEGRADED, health_cause="App/\u202etad.exe is no file.")
    page = console_for(viewer).get(f"/nodes/{node.pk}/").content.decode()
    assert "App/\ufffdtad.exe" in page
    assert "\u202e" not in page
