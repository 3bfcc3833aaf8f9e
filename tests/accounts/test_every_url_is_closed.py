"""Deny by default: every address of the map is tried without login."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import Resolver404, URLPattern, get_resolver

from tests import routes

# name of the URL pattern -> why anyone may see it
OPEN = {
    "account_login": "to log in",
    "account_logout": "shows nothing; sends on",
    "account_inactive": "says that the account is shut",
    "healthz": "for supervisors",
    "readyz": "for load balancers; names no addresses",
}


def _routes() -> list[tuple[str, URLPattern]]:
    def sample(folder: str, name: str) -> str:
        if name == "app_label":
            return "nodes"
        return "0123456789abcdef" if folder == "named" else "1"

    found = {routes.address(route, sample): pattern for route, pattern in routes.routes()}
    return sorted(found.items(), key=lambda item: item[0])


def _reaches(address: str) -> bool:
    try:
        get_resolver().resolve(address)
    except Resolver404:
        return False
    return True


def test_the_sample_addresses_reach_views():
    """Else the test below would prove nothing."""
    routes = _routes()
    assert [address for address, _ in routes if not _reaches(address)] == []
    assert len(routes) > 30
    assert set(OPEN) <= {pattern.name for _, pattern in routes}


def _is_refusal(answer, address: str) -> bool:
    if answer.status_code == 302:
        # the admin sends to an address of its own, which is among those tried and sends on to the portal's login
        detour = address.startswith("/admin/") and address != "/admin/login/"
        return answer["Location"].split("?")[0] in ("/account/login/", "/admin/login/" if detour else "")
    if answer.status_code == 405 and not address.startswith("/api/"):
        return True  # no page has the method, whoever asks
    return answer.status_code in (401, 403) and answer["Content-Type"].startswith("application/problem+json")


@pytest.mark.parametrize("method", ["get", "head", "post", "put", "patch", "delete", "options"])
def test_anonymous_callers_get_nothing(db, method: str):
    client = Client()
    got_in = [
        address
        for address, pattern in _routes()
        if pattern.name not in OPEN and not _is_refusal(getattr(client, method)(address), address)
    ]
    assert got_in == []


def test_sign_up_and_reset_by_mail_do_not_exist(db):
    for address in ("/account/signup/", "/account/password/reset/", "/accounts/signup/", "/account/email/"):
        assert Client().get(address).status_code == 404
