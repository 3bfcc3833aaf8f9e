"""Secrets that must be nowhere, and the eyes that look for them."""

from __future__ import annotations

import base64
import itertools
import re
import secrets
import socket
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.cookiejar import CookieJar
from pathlib import Path
from types import TracebackType
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, OpenerDirector, build_opener

from tests.deadlines import PATIENCE
from tests.living_files import contents

HREF = re.compile(r"""(?:href|src|hx-get|action)=["']([^"'#]+)""")
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


def canary(name: str) -> str:
    """Letters and digits only, so that no quoting changes it; long enough never to appear by chance."""
    return f"Canary{name}{secrets.token_hex(8)}"


def spellings(text: str) -> frozenset[bytes]:
    """The ways in which a secret could lie about: as it is, in UTF-16, in hex, in base64 at any offset."""
    raw = text.encode()
    found = {raw, text.encode("utf-16-le"), text.encode("utf-16-be"), raw.hex().encode(), raw.hex().upper().encode()}
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + raw)
        found.add(whole[4 if offset else 0 : len(whole) // 4 * 4 - 4])
    return frozenset(found)


@dataclass(slots=True)
class Hunt:
    """Looks for canaries by name in whatever it is shown; notes where each one was."""

    canaries: Mapping[str, str]
    sightings: list[str] = field(default_factory=list)
    looked_at: dict[str, int] = field(default_factory=dict)

    def look(self, kind: str, where: str, content: bytes) -> None:
        self.looked_at[kind] = self.looked_at.get(kind, 0) + 1
        for name, text in self.canaries.items():
            for spelling in spellings(text):
                if spelling in content:
                    near = content.index(spelling)
                    self.sightings.append(f"{name} in {where}: {content[max(0, near - 60) : near + 60]!r}")

    def look_through(self, kind: str, files: Iterable[Path]) -> None:
        for path, content in contents(files):
            self.look(kind, str(path), content)


YOUNG = 20
"""So many looks from its beginning on a process is looked at each time, for it takes its arguments then; later once in
so many."""


class CommandLines:
    """Every argument list of this machine while it is watched."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> CommandLines:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(PATIENCE)

    def _watch(self) -> None:
        ages: dict[Path, int] = {}
        for turn in itertools.count():
            if self._ended.wait(0.01):
                return
            ages = {entry: ages.get(entry, 0) + 1 for entry in Path("/proc").glob("[0-9]*")}
            for entry, age in ages.items():
                if age < YOUNG or turn % YOUNG == 0:
                    self._look(entry)

    def _look(self, entry: Path) -> None:
        with suppress(FileNotFoundError, ProcessLookupError):
            self.seen.add((entry / "cmdline").read_bytes())


class Monitor:
    """Every command that Redis is sent while it is watched."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=0.5)
        self._socket.sendall(b"MONITOR\r\n")
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self.heard = bytearray()

    def __enter__(self) -> Monitor:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join(PATIENCE)
        self._socket.close()

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                self.heard += self._socket.recv(65536)
            except TimeoutError:
                continue


class Browser:
    """A logged-in browser that follows every link of the portal."""

    def __init__(self, port: int) -> None:
        self._home = f"http://127.0.0.1:{port}/"
        self._opener: OpenerDirector = build_opener(HTTPCookieProcessor(CookieJar()))

    def fetch(self, address: str, form: Mapping[str, str] | None = None) -> tuple[int, bytes]:
        where = urljoin(self._home, address)
        try:
            with self._opener.open(where, urlencode(form).encode() if form else None, timeout=PATIENCE) as answer:
                return answer.status, answer.read()
        except HTTPError as error:
            with error:
                return error.code, error.read()

    def log_in(self, username: str, password: str) -> bytes:
        """The page that follows."""
        _, page = self.fetch("account/login/")
        token = TOKEN.search(page.decode())
        assert token, page
        form = {"login": username, "password": password, "csrfmiddlewaretoken": token[1]}
        return self.fetch("account/login/", form)[1]

    def crawl(self, start: str, limit: int = 400) -> Iterator[tuple[str, int, bytes]]:
        """Every page that links lead to, logging out excepted."""
        known, waiting = {start}, [start]
        while waiting and len(known) < limit:
            path = waiting.pop()
            status, content = self.fetch(path)
            yield path, status, content
            for link in HREF.findall(content.decode("utf-8", "replace")):
                found = urlsplit(urljoin(urljoin(self._home, path), link.replace("&amp;", "&")))
                place = found.path + (f"?{found.query}" if found.query else "")
                inside = found.netloc == urlsplit(self._home).netloc and not found.path.startswith("/static/")
                if inside and "logout" not in place and place not in known:
                    known.add(place)
                    waiting.append(place)
