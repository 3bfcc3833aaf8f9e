"""Who sees which page, and which buttons."""

from __future__ import annotations

import re

import pytest
from django.test import Client

from accounts.models import Role
from nodes.clusters.models import Cluster
from nodes.registry.models import Node
from nodes.urls import urlpatterns as node_pages
from replication.jobs.models import Job
from replication.urls import urlpatterns as job_pages
from tests.browser.seed import seed
from tests.factories import make_member, make_user

pytestmark = pytest.mark.django_db

OWN_PAGES = [pattern.pattern for pattern in (*node_pages, *job_pages)]


def _addresses() -> list[str]:
    """Every page of the console, with numbers of rows that exist."""
    samples = {"int": "1", "slug": "x"}
    return ["/" + re.sub(r"<(\w+):\w+>", lambda found: samples[found[1]], str(pattern)) for pattern in OWN_PAGES]


@pytest.mark.parametrize("address", _addresses())
def test_a_page_sends_the_anonymous_to_the_login(address) -> None:
    for answer in (Client().get(address), Client().post(address)):
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith("/account/login/")


def test_strangers_see_nothing(console_for) -> None:
    portal = seed()
    browser = console_for(make_user("stranger-too"))
    for address in (
        f"/clusters/{portal.cluster.pk}/",
        f"/nodes/{portal.primary.pk}/",
        f"/jobs/{portal.running.pk}/",
        f"/jobs/{portal.running.pk}/live/",
        f"/credentials/{portal.key.pk}/",
        f"/clusters/{portal.cluster.pk}/jobs/new/",
    ):
        assert browser.get(address).status_code == 404, address
    assert b"You are a member of no cluster" in browser.get("/").content


def test_viewers_get_no_buttons_and_no_way_around(console_for) -> None:
    portal = seed()
    browser = console_for(make_member(portal.cluster, Role.VIEWER))
    for tab in ("", "servers/", "configuration/", "jobs/", "settings/pause/", "settings/members/"):
        page = browser.get(f"/clusters/{portal.cluster.pk}/{tab}").content
        for act in (b"Pause cluster", b"Replicate</a>", b"Replicate now", b"Join a server", b"Save role"):
            assert act not in page, (tab, act)
    assert b"Approve this plan" not in browser.get(f"/jobs/{portal.awaiting.pk}/").content
    before = _everything()
    for address in _addresses():
        answer = browser.post(address, {"typed": "mail-eu", "reason": "x", "theme": "dark", "digest": "x"})
        assert answer.status_code in (302, 403, 404, 405, 200), address
    assert _everything() == before


def _everything() -> list[object]:
    return [
        list(Cluster.objects.order_by("pk").values()),
        list(Node.objects.order_by("pk").values()),
        list(Job.objects.order_by("pk").values_list("pk", "state", "cancel_requested_at")),
    ]


def test_operators_run_and_administrators_decide(console_for) -> None:
    portal = seed()
    settings = f"/nodes/{portal.quarantined.pk}/settings/"
    for role, decides in ((Role.OPERATOR, False), (Role.ADMINISTRATOR, True)):
        browser = console_for(make_member(portal.cluster, role))
        assert b"Pause node" in browser.get(f"{settings}pause/").content
        assert (b"Approve SHA256" in browser.get(f"{settings}host-key/").content) is decides
        assert (b"Remove node" in browser.get(f"{settings}remove/").content) is decides


def test_an_empty_portal_says_the_next_step(administrator, console_for) -> None:
    assert b"Create the first cluster" in console_for(administrator).get("/").content


def test_each_empty_page_says_the_next_step(administrator, cluster, console_for) -> None:
    browser = console_for(administrator)
    assert b"Add the primary" in browser.get("/").content
    assert b"Make a key pair" in browser.get(f"/clusters/{cluster.pk}/").content
