"""Every page, light and dark, wide and narrow: no accessibility finding, nothing the content security policy blocks,
no scrolling of the page sideways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe

from tests.browser.conftest import NARROW, WIDE
from tests.browser.seed import Seeded

RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]},
    "resultTypes": ["violations"],
    "preload": False,  # its own reading of style sheets takes the addresses of @import for the page's
}


def _pages(portal: Seeded) -> Iterator[str]:
    cluster, key = portal.cluster.pk, portal.key.pk
    yield from ("/", "/clusters/", "/clusters/new/", f"/clusters/{cluster}/", f"/clusters/{cluster}/edit/")
    yield from (f"/clusters/{cluster}/nodes/new/", f"/clusters/{cluster}/jobs/new/", "/nodes/", "/jobs/", "/writes/")
    yield from (f"/clusters/{cluster}/{page}/" for page in ("checks", "log", "setup", "features/attachment_linking"))
    yield f"/clusters/{cluster}/clustering/disable/"
    yield from (f"/nodes/{node.pk}/" for node in (portal.primary, portal.quarantined, portal.fresh))
    yield from (f"/nodes/{portal.fresh.pk}/edit/", f"/nodes/{portal.fresh.pk}/remove/")
    yield from (f"/jobs/{job.pk}/" for job in (portal.running, portal.awaiting, portal.halted, portal.failed))
    yield from ("/credentials/", f"/credentials/{key}/", f"/credentials/{key}/edit/", "/nodes/new/")
    yield from (f"/clusters/{cluster}/credentials/{kind}/" for kind in ("password", "key", "pair"))


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_every_page_is_accessible_quiet_and_fits(theme, size, portal, visit) -> None:
    visitor = visit(portal.user, size)
    visitor.paint(theme)
    findings: list[str] = []
    for path in _pages(portal):
        page = visitor.go(path)
        page.evaluate("document.querySelectorAll('details.plan-node').forEach(part => { part.open = true; })")
        findings += [f"{path}: {complaint}" for complaint in visitor.complaints]
        visitor.complaints.clear()
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            findings.append(f"{path}: scrolls sideways")
        for violation in Axe().run(page, options=RULES).response["violations"]:
            spots = [spot["target"] for spot in violation["nodes"][:3]]
            findings.append(f"{path}: {violation['id']} at {spots}")
    assert findings == []


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
