"""Every page, light and dark, wide and narrow: no accessibility finding, nothing the content security policy blocks,
no scrolling of the page sideways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from accounts.models import Role
from nodes.enums import CredentialKind, HostKeyState, Joining
from tests.browser.conftest import NARROW, WIDE, Visitor
from tests.browser.seed import Seeded
from tests.factories import make_member

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "resultTypes": ["violations"],
    "preload": False,  # its own reading of style sheets takes the addresses of @import for the page's
}

CLUSTER_SETTINGS = ("general", "clustering", "pause", "watch", "files", "credentials", "members")
NODE_SETTINGS = ("general", "host-key", "attested", "ini-keys", "scripts", "pause", "membership", "remove")


def _pages(portal: Seeded) -> Iterator[str]:
    cluster, key = portal.cluster.pk, portal.key.pk
    yield from ("/", "/clusters/", "/clusters/new/", f"/clusters/{cluster}/")
    yield from (f"/clusters/{cluster}/{tab}/" for tab in ("servers", "configuration", "jobs", "settings"))
    yield from (f"/clusters/{cluster}/nodes/new/", f"/clusters/{cluster}/jobs/new/", "/nodes/", "/jobs/", "/writes/")
    yield from (f"/clusters/{cluster}/{page}/" for page in ("checks", "log", "setup", "features/attachment_linking"))
    yield f"/clusters/{cluster}/clustering/disable/"
    yield from (f"/nodes/{node.pk}/" for node in (portal.primary, portal.quarantined, portal.fresh))
    secondary = portal.primary.pk + 1
    yield from (f"/nodes/{secondary}/{tab}/" for tab in ("configuration", "jobs", "settings"))
    yield f"/nodes/{portal.fresh.pk}/remove/"
    yield from (f"/jobs/{job.pk}/" for job in (portal.running, portal.awaiting, portal.halted, portal.failed))
    yield from ("/credentials/", f"/credentials/{key}/", f"/credentials/{key}/edit/", "/nodes/new/")
    yield from (f"/clusters/{cluster}/credentials/{kind}/" for kind in ("password", "key", "pair"))


def _settings(portal: Seeded) -> Iterator[str]:
    yield from (f"/clusters/{portal.cluster.pk}/settings/{section}/" for section in CLUSTER_SETTINGS)
    yield from (f"/nodes/{portal.primary.pk + 1}/settings/{section}/" for section in NODE_SETTINGS)
    yield f"/nodes/{portal.fresh.pk}/settings/host-key/"


def _findings(visitor: Visitor, path: str) -> Iterator[str]:
    page = visitor.go(path)
    page.evaluate(
        "document.querySelectorAll('details.plan-node, .path details').forEach(part => { part.open = true; })"
    )
    yield from (f"{path}: {complaint}" for complaint in visitor.complaints)
    visitor.complaints.clear()
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        yield f"{path}: scrolls sideways"
    for violation in Axe().run(page, options=RULES).response["violations"]:
        spots = [spot["target"] for spot in violation["nodes"][:3]]
        yield f"{path}: {violation['id']} at {spots}"


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_page_is_accessible_quiet_and_fits(theme, size, portal, visit) -> None:
    visitor = visit(portal.user, size)
    visitor.paint(theme)
    assert [finding for path in _pages(portal) for finding in _findings(visitor, path)] == []


@pytest.mark.parametrize(("theme", "size"), [("light", NARROW), ("dark", WIDE)], ids=["narrow", "dark"])
def test_every_section_of_settings_is_accessible_quiet_and_fits(theme, size, portal, visit) -> None:
    visitor = visit(portal.user, size)
    visitor.paint(theme)
    assert [finding for path in _settings(portal) for finding in _findings(visitor, path)] == []


def test_pages_that_ask_for_a_servers_password_fit(portal, visit) -> None:
    password = portal.cluster.credentials.get(kind=CredentialKind.PASSWORD)
    portal.fresh.host_keys.update(state=HostKeyState.APPROVED)
    for node in (portal.primary, portal.fresh):
        node.credential, node.joining = password, Joining.REGISTERED
        node.save()
    paths = (
        f"/credentials/{password.pk}/edit/",
        f"/nodes/{portal.primary.pk}/settings/host-key/",
        f"/nodes/{portal.fresh.pk}/join/?step=credential",
    )
    visitor = visit(portal.user, NARROW)
    for path in paths:
        assert [*_findings(visitor, path)] == []
        expect(visitor.page.locator("input[type=password]")).to_be_visible()


def test_what_a_viewer_sees_of_settings_is_accessible(portal, visit) -> None:
    visitor = visit(make_member(portal.cluster, Role.VIEWER), NARROW)
    for address in (f"/clusters/{portal.cluster.pk}/settings/members/", f"/nodes/{portal.primary.pk}/settings/"):
        page = visitor.go(address)
        expect(page.get_by_text("Read-only.")).to_be_visible()
        assert Axe().run(page, options=RULES).response["violations"] == []
        assert not page.evaluate("document.documentElement.scrollWidth > window.innerWidth")


def test_the_overview_of_a_cluster_is_short(portal, visit) -> None:
    page = visit(portal.user).go(f"/clusters/{portal.cluster.pk}/")
    assert page.evaluate("document.documentElement.scrollHeight") < 1300


def test_a_form_with_errors_is_accessible(portal, visit) -> None:
    visitor = visit(portal.user)
    page = visitor.go(f"/clusters/{portal.cluster.pk}/nodes/new/")
    page.get_by_role("button", name="Add node").click()
    page.wait_for_selector(".errorlist")
    assert page.get_by_label("Address").get_attribute("aria-invalid") == "true"
    assert Axe().run(page, options=RULES).response["violations"] == []


def test_the_menu_of_a_narrow_page_leads_everywhere(portal, visit) -> None:
    page = visit(portal.user, NARROW).go("/")
    page.get_by_label("Menu", exact=True).click()
    page.get_by_role("link", name="Credentials").first.click()
    page.wait_for_url("**/credentials/")
