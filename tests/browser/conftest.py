"""A real Chromium against a real server, with a seeded portal behind it."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

import pytest
from django.db import connections
from django.test import Client
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from accounts.models import User
from tests.browser.seed import Seeded, seed
from tests.deadlines import PATIENCE, wait_for
from tests.factories import BACKEND
from tests.tools import tool

expect.set_options(timeout=1000 * PATIENCE)

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 375, "height": 800}

Theme = Literal["light", "dark"]

FOLLOWS = """system => {
    const { theme, bsTheme } = document.documentElement.dataset;
    return bsTheme === (theme === 'auto' ? system : theme);
}"""
"""Whether the page is painted in the theme that was chosen, else in the system's."""


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    # playwright's own loop runs in this thread; the database is used from it between its calls only
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    # where a loop runs Django has another connection for this thread: the one before would stay open beside it
    connections.close_all()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=tool("chromium"), args=ARGUMENTS)
        yield browser
        browser.close()
    if before is None:
        del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@dataclass
class Visitor:
    """A logged-in browser that keeps what its console complained of."""

    context: BrowserContext
    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def go(self, path: str) -> Page:
        """Open a page and wait until it is drawn."""
        answer = self.page.goto(self.address + path)
        assert answer is not None
        assert answer.status == 200, f"{path}: {answer.status}"
        return self.page

    def choose(self, theme: str) -> None:
        """Choose the theme, whatever the system's is."""
        self.context.add_cookies([{"name": "theme", "value": theme, "url": self.address}])

    def see(self, theme: Theme, size: ViewportSize) -> None:
        """Look at the page in a size, on a system of a theme: the page follows it where none was chosen. Without
        motion, or it would be seen between two themes."""
        self.page.set_viewport_size(size)
        self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        self.page.wait_for_function(FOLLOWS, arg=theme)


def session_of(user: User) -> str:
    """A session of a user who has just logged in."""
    client = Client()
    client.force_login(user, backend=BACKEND)
    return str(client.cookies["sessionid"].value)


@pytest.fixture
def portal(transactional_db) -> Seeded:
    return seed()


@pytest.fixture
def visit(chromium: Browser, live_server):
    """`visit(user, NARROW)`: a browser of that width, logged in as the user."""
    contexts: list[BrowserContext] = []

    def open_browser(user: User | None, size: ViewportSize = WIDE) -> Visitor:
        context = chromium.new_context(viewport=size)
        contexts.append(context)
        if user is not None:
            context.add_cookies([{"name": "sessionid", "value": session_of(user), "url": live_server.url}])
        visitor = Visitor(context, context.new_page(), live_server.url)
        visitor.page.on("pageerror", lambda error: visitor.complaints.append(str(error)))
        visitor.page.on(
            "console",
            lambda line: visitor.complaints.append(line.text) if line.type in ("error", "warning") else None,
        )
        return visitor

    yield open_browser
    for context in contexts:
        context.close()
    wait_for("the server has seen that the browser is gone", _serves_nobody)


def _serves_nobody() -> bool:
    """Whether each of the live server's threads has ended, and with it its connection to the database."""
    return not any(thread.name.endswith("(process_request_thread)") for thread in threading.enumerate())
