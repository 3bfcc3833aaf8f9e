"""Every page, light and dark, wide and narrow: no accessibility finding, nothing the content security policy blocks,
no scrolling of the page sideways."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import expect

from accounts.models import AuditChain, Role
from nodes.enums import CredentialKind, HostKeyState, Joining
from nodes.web.theme import THEMES
from tests.browser.conftest import NARROW, WIDE
from tests.browser.findings import View, findings, findings_at
from tests.browser.seed import Seeded
from tests.factories import BACKEND, make_member

PRESSED = re.compile(r'aria-pressed="(true|false)"')
CSRF = re.compile(r'(?<="csrfmiddlewaretoken" value=")\w+|(?<="X-CSRFToken": ")\w+')
CLUSTER_SETTINGS = ("general", "clustering", "pause", "watch", "files", "credentials", "members")
NODE_SETTINGS = ("general", "host-key", "attested", "ini-keys", "scripts", "pause", "membership", "remove")


def _pages(portal: Seeded) -> Iterator[str]:
    cluster, key = portal.cluster.pk, portal.key.pk
    yield from ("/", "/clusters/", "/clusters/new/", f"/clusters/{cluster}/")
    yield from (f"/clusters/{cluster}/{tab}/" for tab in ("servers", "configuration", "jobs", "settings"))
    yield from (f"/clusters/{cluster}/nodes/new/", f"/clusters/{cluster}/jobs/new/", "/nodes/", "/jobs/", "/writes/")
    yield from (f"/clusters/{cluster}/{page}/" for page in ("checks", "log", "setup", "features/attachment_linking"))
    yield from (f"/clusters/{cluster}/{page}/" for page in ("shared-paths", "routing", "file-servers/new"))
    yield f"/nodes/{portal.fresh.pk}/mount-points/"
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
    yield from (f"/clusters/{portal.cluster.pk}/shared-paths/{form}/" for form in ("apply", "give-back", "keys/type"))
    yield from (f"/clusters/{portal.cluster.pk + 1}/{page}/" for page in ("shared-paths", "routing"))  # nothing is set


def test_every_page_is_accessible_quiet_and_fits(portal, visit) -> None:
    visitor = visit(portal.user)
    assert [finding for path in _pages(portal) for finding in findings_at(visitor, path)] == []


def test_every_section_of_settings_is_accessible_quiet_and_fits(portal, visit) -> None:
    visitor = visit(portal.user)
    views: tuple[View, ...] = (("light", NARROW), ("dark", WIDE))
    assert [finding for path in _settings(portal) for finding in findings_at(visitor, path, views)] == []


@pytest.mark.parametrize(("theme", "system"), [("light", "dark"), ("dark", "light")])
def test_a_chosen_theme_is_as_accessible_as_the_systems(theme, system, portal, visit) -> None:
    visitor = visit(portal.user)
    visitor.choose(theme)
    assert findings_at(visitor, "/", [(system, WIDE), (system, NARROW)]) == []
    expect(visitor.page.locator("html")).to_have_attribute("data-bs-theme", theme)
    assert findings_at(visit(None), "/account/login/", [(system, NARROW)]) == []


@pytest.mark.parametrize("path", ["/clusters/new/", "/account/login/"])
def test_a_chosen_theme_changes_the_root_and_its_button_alone(path, administrator, client) -> None:
    """What looking at a page in all views at once rests on: the server writes the same for each theme."""
    if path != "/account/login/":
        client.force_login(administrator, backend=BACKEND)
    written = set()
    for theme in THEMES:
        client.cookies["theme"] = theme
        page = client.get(path).content.decode()
        root = f'data-theme="{theme}" data-bs-theme="{"dark" if theme == "dark" else "light"}"'
        assert root in page
        written.add(PRESSED.sub("", CSRF.sub("", page.replace(root, ""))))
    assert len(written) == 1


def test_no_page_but_the_frames_asks_for_the_theme() -> None:
    asking = {
        str(page.relative_to("templates")) for page in Path("templates").rglob("*.*") if "theme" in page.read_text()
    }
    assert asking == {"base.html", "base_bare.html", "components/header.html"}


def test_an_alarm_of_the_audit_log_is_accessible_quiet_and_fits(portal, visit) -> None:
    AuditChain.objects.create(trouble="Event 7 is missing (link 3).", trouble_at=timezone.now())
    visitor = visit(portal.user)
    assert findings_at(visitor, "/") == []
    expect(visitor.page.get_by_text("The audit log does not verify.")).to_be_visible()


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
        assert findings_at(visitor, path, [("light", NARROW)]) == []
        expect(visitor.page.locator("input[type=password]")).to_be_visible()


def test_what_a_viewer_sees_of_settings_is_accessible(portal, visit) -> None:
    visitor = visit(make_member(portal.cluster, Role.VIEWER), NARROW)
    for address in (f"/clusters/{portal.cluster.pk}/settings/members/", f"/nodes/{portal.primary.pk}/settings/"):
        assert findings_at(visitor, address, [("light", NARROW)]) == []
        expect(visitor.page.get_by_text("Read-only.")).to_be_visible()


def test_the_overview_of_a_cluster_is_short(portal, visit) -> None:
    page = visit(portal.user).go(f"/clusters/{portal.cluster.pk}/")
    assert page.evaluate("document.documentElement.scrollHeight") < 1600, "also where seven checks warn or fail"


def test_a_form_with_errors_is_accessible(portal, visit) -> None:
    visitor = visit(portal.user)
    page = visitor.go(f"/clusters/{portal.cluster.pk}/nodes/new/")
    page.get_by_role("button", name="Add node").click()
    page.wait_for_selector(".errorlist")
    assert page.get_by_label("Address").get_attribute("aria-invalid") == "true"
    assert findings(visitor, [("light", WIDE)]) == []


def test_the_menu_of_a_narrow_page_leads_everywhere(portal, visit) -> None:
    page = visit(portal.user, NARROW).go("/")
    page.get_by_label("Menu", exact=True).click()
    page.get_by_role("link", name="Credentials").first.click()
    page.wait_for_url("**/credentials/")
