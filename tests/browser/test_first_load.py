"""What a browser fetches of the portal as `./run up` serves it: few files, compressed, kept for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Response

from tests.journeys.console import PASSWORD
from tests.journeys.portal import Portal

MADE_READY = f"""
from accounts.models import Role, User
from clusterportal.processes import make_ready
make_ready()
User.objects.create_user("astrid", password={PASSWORD!r}, portal_role=Role.ADMINISTRATOR)
"""
HASHED = re.compile(r"/static/(?P<folder>[^?]+/)(?P<name>[^/?]+)\.[0-9a-f]{12}(?P<kind>\.min\.js|\.css|\.js|\.svg)$")
FIRST = {
    "console/console.css",
    "console/console.js",
    "console/icon.svg",
    "console/theme.js",
    "django_htmx/htmx-2.min.js",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Portal]:
    portal = Portal(tmp_path_factory.mktemp("served"))
    portal.make_keys()
    try:
        portal.manage("shell", "--no-imports", "-c", MADE_READY)
        portal.start_web()
        yield portal
    finally:
        portal.stop()


def _log_in(page: Page, address: str) -> None:
    page.goto(f"{address}/account/login/")
    page.get_by_label("Username").fill("astrid")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button").click()
    page.wait_for_url(f"{address}/")


def _fetched(page: Page, address: str) -> list[Response]:
    """The static files that a page brings along."""
    seen: list[Response] = []
    page.on("response", lambda response: seen.append(response) if "/static/" in response.url else None)
    page.goto(address, wait_until="networkidle")
    return seen


def test_a_first_page_costs_five_files_named_by_content_compressed_and_kept(served: Portal, chromium: Browser) -> None:
    address = f"http://127.0.0.1:{served.port}"
    here = chromium.new_context()
    _log_in(here.new_page(), address)
    cookies = here.cookies()
    here.close()
    with chromium.new_context() as fresh:  # nothing kept
        fresh.add_cookies([{"name": one["name"], "value": one["value"], "url": address} for one in cookies])
        page = fresh.new_page()
        complaints: list[str] = []
        page.on("console", lambda line: complaints.append(line.text))
        got = _fetched(page, address)
        names = [HASHED.search(response.url) for response in got]
        assert None not in names, [response.url for response in got]
        plain = [f"{name['folder']}{name['name']}{name['kind']}" for name in names if name]
        assert sorted(plain) == sorted(FIRST)
        for response in got:
            assert response.status == 200
            assert response.headers["content-encoding"] == "gzip", response.url
            assert "immutable" in response.headers["cache-control"], response.url
        assert page.evaluate("getComputedStyle(document.querySelector('.top')).position") == "sticky"
        assert page.evaluate("typeof htmx") == "object"
        page.locator("header details.menu > summary").last.click()
        page.keyboard.press("Escape")
        assert page.locator("header details.menu[open]").count() == 0
        assert complaints == []


def test_what_is_not_asked_by_its_hash_is_not_served_for_ever(served: Portal, chromium: Browser) -> None:
    answer = chromium.new_context().request.get(f"http://127.0.0.1:{served.port}/static/console/console.css")
    assert answer.status == 404
