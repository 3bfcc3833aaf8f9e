"""A person at the running portal's console: logs in, follows links, sends the forms that the pages have, with their
CSRF tokens. No script runs; whatever works here works without one."""

from __future__ import annotations

import http.cookiejar
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

from tests.journeys.portal import Portal, wait_for

PASSWORD = "correct horse battery staple"


@dataclass
class FormSeen:
    """A form as the page has it: where it goes, what it would send, and the buttons' own values by their words."""

    action: str
    method: str
    fields: list[tuple[str, str]] = field(default_factory=list)


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

    def wait(self, path: str, condition: Callable[[Page], object], what: str, seconds: float = 60) -> Page:
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
            with self._opener.open(request, timeout=60) as answer:
                return self._page(answer.geturl(), answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            return self._page(error.geturl(), error.code, error.read().decode())

    def _page(self, address: str, status: int, html: str) -> Page:
        reader = _Reader()
        reader.feed(html)
        words = " ".join(" ".join(reader.words).split())
        return Page(address.removeprefix(self._base), status, html, words, reader.forms, reader.links)


class _Reader(HTMLParser):
    """Forms, links and words of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[FormSeen] = []
        self.links: list[str] = []
        self.words: list[str] = []
        self._form: FormSeen | None = None
        self._select = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a":
            self.links.append(given.get("href", ""))
        elif tag == "form":
            self._form = FormSeen(given.get("action", ""), given.get("method", "get"))
            self.forms.append(self._form)
        elif self._form is not None:
            self._field(tag, given)

    def _field(self, tag: str, given: dict[str, str]) -> None:
        assert self._form is not None
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "input" and name and (given.get("type") not in ("checkbox", "radio") or "checked" in given):
            self._form.fields.append((name, value))
        elif tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            self._form.fields.append((self._select, value))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None

    def handle_data(self, data: str) -> None:
        self.words.append(data)
