"""The pages of this room in Chromium: nothing the policy blocks, nothing the accessibility rules find."""

from __future__ import annotations

import shutil

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, sync_playwright

from tests.factories import PASSWORD, make_token

PAGES = [
    "/audit/",
    "/account/tokens/",
    "/users/",
    "/users/new/",
    "/account/2fa/",
    "/account/sessions/",
    "/account/password/",
]


def findings(page: Page) -> list[str]:
    found = Axe().run(page, options={"preload": False}).response["violations"]
    return [f"{page.url} {item['id']}: {[node['target'] for node in item['nodes']]}" for item in found]


@pytest.mark.django_db(transaction=True)
def test_login_pages_and_api_docs(live_server, administrator):
    make_token(administrator)
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    assert chromium, "install chromium: the pages are tested in a real browser"
    complaints: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1100, "height": 800})
        page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        outside: list[str] = []
        page.on("request", lambda asked: outside.append(asked.url) if not _local(asked.url, live_server.url) else None)
        page.goto(f"{live_server.url}/account/login/")
        complaints += findings(page)
        page.fill("[name=login]", administrator.username)
        page.fill("[name=password]", PASSWORD)
        page.click("main button")
        page.wait_for_url(f"{live_server.url}/")
        for address in PAGES:
            page.goto(live_server.url + address)
            complaints += findings(page)
        page.goto(f"{live_server.url}/api/v1/docs/")
        page.wait_for_selector("text=/api/v1/tokens/", timeout=15000)
        browser.close()
    assert complaints == []
    assert outside == []


def _local(url: str, here: str) -> bool:
    return url.startswith((here, "data:"))
