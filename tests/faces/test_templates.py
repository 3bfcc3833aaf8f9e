"""How templates are written: lines that fit, parts that exist, buttons by the component, nothing inline."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.template.loader import get_template
from django.utils import timezone

from nodes.templatetags.console import age

ROOT = settings.BASE_DIR / "templates"
TEMPLATES = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*.html"))
LINE_LIMIT = 120
PART = re.compile(r"""{%\s*(?:include|extends)\s+["']([^"']+)["']""")
# whole pages that are one form, and the component itself
FORMS = {"components/post_form.html", "components/form_page.html"}


def text_of(name: str) -> str:
    return (ROOT / name).read_text("utf-8")


def test_there_are_templates() -> None:
    assert len(TEMPLATES) > 60


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_template_compiles_and_its_parts_exist(name: str) -> None:
    get_template(name)
    for part in PART.findall(text_of(name)):
        get_template(part)


@pytest.mark.parametrize("name", TEMPLATES)
def test_lines_fit(name: str) -> None:
    long = [f"{name}:{number}" for number, line in enumerate(text_of(name).splitlines(), 1) if len(line) > LINE_LIMIT]
    assert long == []


@pytest.mark.parametrize("name", TEMPLATES)
def test_acts_are_sent_by_the_component(name: str) -> None:
    by_hand = re.findall(r"<form[^>]*\bmethod=.post", text_of(name))
    assert len(by_hand) == (name in FORMS)


@pytest.mark.parametrize("name", TEMPLATES)
def test_nothing_is_inline_that_the_content_security_policy_forbids(name: str) -> None:
    text = re.sub(r"{#.*?#}", "", text_of(name))
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", text)


def test_every_template_of_a_room_lies_in_the_folder_of_its_capability() -> None:
    assert [name for name in TEMPLATES if re.fullmatch(r"(nodes|replication)/[^/]+", name)] == []


def test_ages_are_told_by_the_filter_that_knows_what_is_younger_than_a_minute() -> None:
    assert [name for name in TEMPLATES if "timesince" in text_of(name)] == []
    now = timezone.now()
    assert [age(None), age(now - timedelta(seconds=59)), age(now + timedelta(seconds=3))] == [
        "",
        *2 * ["less than a minute"],
    ]
    assert age(now - timedelta(minutes=61)) == "1\xa0hour, 1\xa0minute"
