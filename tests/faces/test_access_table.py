"""Who gets in where, by which method: every address of the portal against `access_table.txt`, cell by cell.

A new address is red until its rows stand in the table. `pytest tests/faces/test_access_table.py --write-access-table`
writes it anew; what a review reads is the difference.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from functools import partial
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlencode

import pytest
from django.core.cache import cache
from django.db import transaction
from django.test import Client
from django.urls import URLPattern

from tests import routes
from tests.everything import Everything, bodies, make_everything
from tests.factories import PASSWORD

TABLE = Path(__file__).with_name("access_table.txt")
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
PAGE_METHODS = ("GET", "POST")
WIDTH = 62
UNTRIED = "400"
"""Refused to the portal's administrator for its body, so that nothing is known of roles: give it a better one."""
WHO = ("anonymous", "stranger", "elsewhere", "viewer", "operator", "administrator", "portal", "token")
HEAD = """\
# Who gets in where. Written by: pytest tests/faces/test_access_table.py --write-access-table
#
# login: sent to the login, or 401; 403: not allowed; 404: not there, or not to be seen; 405: no such method; in: let
# in, whatever comes of the request. No page has another method than these two.
#
# stranger: logged in, without a role. elsewhere: administrator of another cluster. viewer, operator, administrator: of
# the cluster that is asked for. portal: administrator of the portal. token: one of theirs that may view.
#
"""


def form(world: Everything, route: str) -> dict[str, object]:
    """What every form of the console asks, together: each takes what it knows."""
    named = {"nodes": world.node.name, "clusters": world.cluster.name, "credentials": "portal key"}
    return {
        "typed": named.get(route.split("/")[1], ""),
        "seen_version": 1,
        "act": "role",
        "portal_role": "viewer",
        "role": "viewer",
        "name": "new",
        "username": "viewer",
        "replication_mode": "portal",
        "profile": "mdaemon",
        "approval": "first",
        "pattern": "App/New/**",
        "path_class": "config",
        "said": "cluster_service:off",
        "about": world.node.pk,
        "subject": "cluster_service",
        "registration_key": "AAAA-BBBB",
        "address": "192.0.2.99",
        "port": 22,
        "platform": "posix",
        "install_root": "/opt/mail",
        "fingerprint": world.node.host_keys.get().fingerprint,
        "password": "not a real one",
        "private_key": "not a real one",
        "kind": "replicate",
        "way": "real",
        "key": "HostName",
        "codes": "primary_shrunk",
        "reason": "seen",
        "enabled": "on",
        "interval": 5,
        "note": "seen",
        "path": "App/MDaemon.ini",
        "section": "Domain",
        "choice": "keep",
        "off": "No",
        "networks": "127.0.0.0/30",
        "ssh_ports": "22",
        "smtp_ports": "25",
        "digest": world.job.plan_digest,
        "theme": "dark",
        "feature": "domain_binding",
    }


class Doors:
    """Everybody before every address. What a request did is undone before the next."""

    def __init__(self, world: Everything, browsers: Mapping[str, Client]) -> None:
        self._world, self._bodies = world, bodies(world)
        token = Client(headers={"authorization": f"Bearer {world.token}"})
        self._clients = {"anonymous": Client(), "token": token, **browsers}
        self._sessions = {who: client.cookies.output(header="", sep=";") for who, client in self._clients.items()}

    def rows(self, part: str) -> list[str]:
        """The table's rows of a part's addresses; methods that answer everybody alike stand together."""
        found = []
        for route, pattern in _routes(part):
            answers: dict[tuple[str, ...], list[str]] = {}
            for method in METHODS if part == "api" else PAGE_METHODS:
                body = self._body(route, pattern.name or "") if method in ("POST", "PUT", "PATCH") else {}
                ask = partial(self.answer, route=route, method=method, body=body)
                cells = tuple(map(ask, WHO)) if routes.takes(pattern, method) else _of_two(ask)
                answers.setdefault(cells, []).append(method)
            found += [_row(route, methods, cells) for cells, methods in answers.items()]
        return sorted(found)

    def _body(self, route: str, name: str) -> dict[str, object]:
        if _part(route) == "api":
            return {"data": self._bodies.get(name, {}), "content_type": "application/json"}
        return {"data": urlencode(form(self._world, route)), "content_type": "application/x-www-form-urlencoded"}

    def answer(self, who: str, route: str, method: str, body: dict[str, object]) -> str:
        """What somebody gets, in the table's words."""
        cache.clear()
        client = self._clients[who]
        client.cookies, client.raise_request_exception = SimpleCookie(self._sessions[who]), False
        with transaction.atomic():
            here = transaction.savepoint()
            found = getattr(client, method.lower())(routes.address(route, self._world.value), **body)
            transaction.savepoint_rollback(here)
        return UNTRIED if who == "portal" and found.status_code == 400 else _word(found)


def _prove(client: Client) -> None:
    """Who acts has just proved who they are, for as long as this takes: what asks for that would hide the roles."""
    assert client.post("/account/reauthenticate/", {"password": PASSWORD}).status_code == 302
    session = client.session
    session["account_authentication_methods"][-1]["at"] += 3600
    session.save()


def _row(route: str, methods: list[str], cells: tuple[str, ...]) -> str:
    words = "".join(cell.ljust(len(who) + 2) for cell, who in zip(cells, WHO, strict=True))
    return f"{routes.short(route):<{WIDTH}}{' '.join(methods):<28}{words}".rstrip()


def _word(found) -> str:
    code = found.status_code
    if code == 302 and found["Location"].split("?")[0] in ("/account/login/", "/admin/login/"):
        return "login"
    if code in (401, 403, 404, 405):
        return {401: "login"}.get(code, str(code))
    return "FAILED" if code == 500 else "in"  # 502 to 504: what stands behind the portal


def _part(route: str) -> str:
    first = route.split("/")[1]
    return first if first in ("api", "admin") else "console"


def _routes(part: str) -> list[tuple[str, URLPattern]]:
    return [(route, pattern) for route, pattern in routes.routes() if _part(route) == part]


def _of_two(ask: Callable[[str], str]) -> tuple[str, ...]:
    """The cells of a method that a view has no code for: who may everything is refused it, as is whoever may less."""
    unknown, known = ask("anonymous"), ask("portal")
    assert known == "405"
    return (unknown, *[known for _ in WHO[1:]])


@pytest.fixture
def doors(db, unreached, console_for) -> Doors:
    """With everybody before them."""
    world = make_everything()
    browsers = {part: console_for(user) for part, user in world.users.items()}
    for browser in browsers.values():
        _prove(browser)
    return Doors(world, browsers)


@pytest.mark.parametrize("part", ["console", "api", "admin"])
def test_each_gets_in_where_the_table_says_and_nowhere_else(doors, request, part):
    found, kept = doors.rows(part), [line for line in TABLE.read_text().splitlines() if line.startswith("/")]
    if request.config.getoption("--write-access-table"):
        names = "# address".ljust(WIDTH + 28) + "  ".join(WHO)
        others = [row for row in kept if _part(row) != part]
        TABLE.write_text("\n".join([f"{HEAD}{names}", *sorted([*others, *found])]) + "\n")
        return
    wanted = [row for row in kept if _part(row) == part]
    changes = difflib.unified_diff(wanted, found, "access_table.txt", "the portal", lineterm="", n=0)
    assert "\n".join(changes) == "", "if each of these is right, write the table anew"
    assert [row for row in found if "FAILED" in row or f" {UNTRIED} " in row] == []


def test_a_page_takes_no_other_method(doors):
    """Whoever asks: it is settled before the view."""
    pages = [route for part in ("console", "admin") for route, _ in _routes(part)]
    others = [method for method in METHODS if method not in PAGE_METHODS]
    answers = {(route, doors.answer("portal", route, method, {})) for route in pages for method in others}
    assert {answer for answer in answers if answer[1] != "405"} == set()
