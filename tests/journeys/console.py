"""A person at the running portal's console: logs in, follows links, sends the forms that the pages have, with their
CSRF tokens. No script runs; whatever works here works without one."""

from __future__ import annotations

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.deadlines import PATIENCE, wait_for
from tests.journeys.portal import Portal
from tests.pages import FormSeen, PageReader

PASSWORD = "correct horse battery staple"


@dataclass
class Page:
    """An answer: its address after redirects, its words with blanks made one, its forms and links."""

    address: str
    status: int
    html: str
    words: str
    forms: list[FormSeen]
    links: list[str]

    def form(self, action: str, **fields: str) -> FormSeen:
        """The form that goes to an address that ends so, and has these values already."""
        for form in self.forms:
            if form.action.endswith(action) and set(fields.items()) <= set(form.fields):
                return form
        raise AssertionError(f"{self.address} has no form to {action} with {fields}: {self.words[-3000:]}")


class Console:
    """A logged-in person."""

    def __init__(self, portal: Portal, username: str) -> None:
        portal.manage("create_admin", "--username", username, stdin=PASSWORD + "\n")
        self._base = f"http://127.0.0.1:{portal.port}"
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
        self._opener = urllib.request.build_opener(jar)
        page = self.send(self.go("/account/login/"), "/account/login/", login=username, password=PASSWORD)
        assert page.address == "/", page.words

    def go(self, path: str) -> Page:
        """Open a page."""
        return self._open(urllib.request.Request(self._base + path))

    def send(self, page: Page, action: str, /, *, having: dict[str, str] | None = None, **typed: Any) -> Page:
        """Send one of the page's forms, with what is typed in place of what stood there; `having` chooses among forms
        to one address."""
        form = page.form(action, **(having or {}))
        kept = [(name, value) for name, value in form.fields if name not in typed]
        data = urllib.parse.urlencode([*kept, *typed.items()], doseq=True).encode()
        address = urllib.parse.urljoin(self._base + page.address, form.action)
        return self._open(urllib.request.Request(address, data))

    def wait(self, path: str, condition: Callable[[Page], object], what: str, seconds: float = PATIENCE) -> Page:
        """Reload a page until it shows something."""
        last: list[Page] = []

        def shown() -> Page | None:
            last[:] = [self.go(path)]
            return last[0] if condition(last[0]) else None

        try:
            found: Page = wait_for(what, shown, seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{last[0].words[-3000:]}") from None
        return found

    def _open(self, request: urllib.request.Request) -> Page:
        try:
            with self._opener.open(request, timeout=PATIENCE) as answer:
                return self._page(answer.geturl(), answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            return self._page(error.geturl(), error.code, error.read().decode())

    def _page(self, address: str, status: int, html: str) -> Page:
        reader = PageReader()
        reader.feed(html)
        words = " ".join(" ".join(reader.words).split())
        return Page(address.removeprefix(self._base), status, html, words, reader.forms, reader.links)
