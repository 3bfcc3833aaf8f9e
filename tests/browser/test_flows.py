"""What an operator does, in a real browser: by keyboard, live filters, live progress, themes."""

from __future__ import annotations

import re

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.utils import timezone
from playwright.sync_api import Page, expect

from accounts.models import Role
from accounts.sessions import USED
from nodes.checks.services.checks import run_checks
from nodes.clusters.models import Cluster
from nodes.credentials.models import Credential
from nodes.registry.models import Node
from replication.jobs.core.states import JobState
from replication.jobs.models import Job, JobEvent, WriteStop
from tests.browser.seed import fingerprint
from tests.deadlines import PATIENCE, wait_for
from tests.factories import make_user


def _tab_to(page: Page, name: str, *, most: int = 80) -> None:
    """Press Tab until the element of this accessible name has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = page.evaluate(
            "(() => { const e = document.activeElement;"
            " const l = e.labels && e.labels[0] ? e.labels[0].innerText : '';"
            " return (e.getAttribute('aria-label') || l || e.innerText || '').trim(); })()"
        )
        if focused.startswith(name):
            return
    pytest.fail(f"Tab never reached {name!r}")


def test_from_nothing_to_a_pinned_node_without_a_mouse(transactional_db, visit) -> None:
    page = visit(make_user("astrid", portal_role=Role.ADMINISTRATOR)).go("/")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    _tab_to(page, "Create the first cluster")
    page.keyboard.press("Enter")
    page.wait_for_url("**/clusters/new/")
    _tab_to(page, "Name")
    page.keyboard.type("mail-eu")
    _tab_to(page, "MDaemon's cluster service")
    page.keyboard.press("ArrowDown")
    _tab_to(page, "Create cluster")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("mail-eu")
    assert Cluster.objects.get().replication_mode == "portal"

    _tab_to(page, "Make a key pair")
    page.keyboard.press("Enter")
    page.wait_for_url("**/credentials/pair/")
    _tab_to(page, "Name")
    page.keyboard.type("portal key")
    _tab_to(page, "User name on the node")
    page.keyboard.type("svc-portal")
    page.keyboard.press("Enter")
    expect(page.get_by_text("administrators_authorized_keys").first).to_be_visible()
    assert Credential.objects.get().username == "svc-portal"

    _tab_to(page, "mail-eu")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/clusters/\d+/$"))
    _tab_to(page, "Add the primary")
    page.keyboard.press("Enter")
    page.wait_for_url("**/nodes/new/")
    for label, text in (("Name", "mx1"), ("Address", "192.0.2.1"), ("SSH port", ""), ("System", "W")):
        _tab_to(page, label)
        page.keyboard.type(text)
    _tab_to(page, "Installation folder")
    page.keyboard.type("C:\\MDaemon")
    _tab_to(page, "Host key fingerprint")
    page.keyboard.type(fingerprint("mx1"))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("mx1")
    node = Node.objects.get()
    assert (node.role, node.port, node.platform) == ("primary", 22, "windows")
    assert node.host_keys.get().state == "approved"


def test_through_the_tabs_of_a_cluster_to_a_setting_without_a_mouse(portal, visit) -> None:
    visitor = visit(portal.user)
    page = visitor.go("/")
    _tab_to(page, "mail-eu")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/clusters/{portal.cluster.pk}/")
    for tab in ("Servers", "Configuration", "Checks", "Log", "Jobs", "Settings"):
        page.locator("main").focus()
        _tab_to(page, tab)
        page.keyboard.press("Enter")
        expect(page.locator(".tabs [aria-current]")).to_have_text(tab)
    _tab_to(page, "Pause")
    page.keyboard.press("Enter")
    expect(page.locator(".sections [aria-current]")).to_have_text("Pause")
    _tab_to(page, "Reason")
    page.keyboard.type("patch day")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Paused: no job of this cluster starts or changes a node.")).to_be_visible()
    expect(page.locator(".side .side-clusters [aria-current]")).to_contain_text("Paused")
    portal.cluster.refresh_from_db()
    assert portal.cluster.paused_reason == "patch day"
    assert visitor.complaints == []


def test_filters_act_while_typing_and_the_address_can_be_shared(portal, visit) -> None:
    visitor = visit(portal.user)
    page = visitor.go("/nodes/")
    page.get_by_label("Search", exact=True).fill("lab")
    expect(page.get_by_role("link", name="eu-mx1")).to_have_count(0)
    expect(page.get_by_role("link", name="lab-mx1")).to_be_visible()
    page.wait_for_url("**q=lab**")
    shared = visitor.context.new_page()
    shared.goto(page.url)
    assert shared.get_by_role("link", name="eu-mx1").count() == 0
    assert shared.get_by_label("Search", exact=True).input_value() == "lab"
    assert visitor.complaints == []


def test_a_job_is_followed_to_its_end_without_a_reload(portal, visit) -> None:
    visitor = visit(portal.user)
    page = visitor.go(f"/jobs/{portal.running.pk}/")
    page.evaluate("window.untouched = true")
    page.locator("details.plan-node summary").first.click()
    JobEvent.objects.create(job=portal.running, at=timezone.now(), code="x", text="Wrote the last file.")
    expect(page.locator("#job-log")).to_contain_text("Wrote the last file.", timeout=1000 * PATIENCE)
    assert page.locator("details.plan-node").first.get_attribute("open") is not None
    page.locator("#job-live").get_by_role("link", name="eu-mx3").focus()
    with page.expect_response("**/live/**"):
        pass
    expect(page.locator("#job-live").get_by_role("link", name="eu-mx3")).to_be_focused()
    Job.objects.filter(pk=portal.running.pk).update(state=JobState.SUCCEEDED, ended_at=timezone.now())
    expect(page.locator("#job-live .st").first).to_have_text("Succeeded", timeout=1000 * PATIENCE)
    expect(page.locator("#job-announce")).to_have_text("Succeeded")
    expect(page.get_by_role("button", name="Cancel")).to_have_count(0)
    assert page.locator("#job-live").get_attribute("hx-get") is None
    assert page.locator("#job-log li", has_text="Wrote the last file.").count() == 1
    assert page.evaluate("window.untouched") is True
    assert visitor.complaints == []


def test_the_plan_is_approved_where_it_is_read(portal, visit) -> None:
    page = visit(portal.user).go(f"/jobs/{portal.awaiting.pk}/")
    page.get_by_role("button", name="Approve this plan").click()
    expect(page.get_by_text("Approved: the plan runs exactly as shown.")).to_be_visible()
    portal.awaiting.refresh_from_db()
    assert portal.awaiting.state == JobState.RUNNING
    assert portal.awaiting.approved_by == portal.user.username


def test_all_writes_are_stopped_from_any_page(portal, visit) -> None:
    page = visit(portal.user).go("/nodes/")
    page.get_by_role("link", name="Stop all writes").click()
    page.get_by_label("Reason").fill("storage is failing")
    page.get_by_role("button", name="Stop all writes").click()
    expect(page.get_by_text("All writes are stopped.")).to_be_visible()
    assert WriteStop.objects.get().stopped


def test_the_theme_is_chosen_and_auto_follows_the_system(portal, visit) -> None:
    visitor = visit(portal.user)
    page = visitor.go("/")
    root = page.locator("html")
    expect(root).to_have_attribute("data-bs-theme", "light")
    page.emulate_media(color_scheme="dark")
    expect(root).to_have_attribute("data-bs-theme", "dark")
    page.locator("header details.menu > summary").last.click()
    page.get_by_role("button", name="Light").click()
    expect(root).to_have_attribute("data-bs-theme", "light")
    page.keyboard.press("Escape")
    assert visitor.complaints == []


def test_the_user_menu_closes_on_escape_and_gives_the_focus_back(portal, visit) -> None:
    page = visit(portal.user).go("/")
    menu = page.locator("header details.menu").last
    menu.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(menu).to_have_attribute("open", "")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    assert menu.get_attribute("open") is None
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


def test_a_page_left_open_goes_to_the_login_when_the_session_ends(portal, visit) -> None:
    page = visit(portal.user).go(f"/jobs/{portal.running.pk}/")
    Session.objects.all().delete()
    page.wait_for_url("**/account/login/**", timeout=1000 * PATIENCE)


def test_a_page_that_renews_itself_keeps_no_session_alive_and_a_click_does(portal, visit) -> None:
    run_checks(portal.cluster.pk)
    page = visit(portal.user).go(f"/clusters/{portal.cluster.pk}/checks/")
    session = SessionStore(Session.objects.get().session_key)
    session[USED] -= 120
    session.save()
    with page.expect_response("**/checks/", timeout=1000 * PATIENCE) as renewal:
        pass
    assert renewal.value.ok
    assert SessionStore(session.session_key)[USED] == session[USED]
    page.locator("#open-disk").click()
    wait_for("the click counts", lambda: SessionStore(session.session_key)[USED] > session[USED])


def test_a_checks_evidence_is_opened_by_keyboard_and_stays_while_the_page_renews_itself(portal, visit) -> None:
    run_checks(portal.cluster.pk)
    visitor = visit(portal.user)
    page = visitor.go(f"/clusters/{portal.cluster.pk}/checks/?open=")
    page.evaluate("window.untouched = true; window.settled = 0")
    page.evaluate("document.addEventListener('htmx:afterSettle', () => { window.settled += 1 })")
    expect(page.locator(".told")).to_have_count(0)
    page.locator("#open-disk").focus()
    page.keyboard.press("Enter")
    told = page.locator("#told-disk")
    expect(told).to_contain_text("eu-mx3")
    expect(page.locator("#open-disk")).to_be_focused()
    expect(page.locator("#open-disk")).to_have_attribute("aria-expanded", "true")
    # an opener that came with a renewal is a plain link until htmx has settled it
    wait_for("the page renewed itself", lambda: page.evaluate("window.settled") >= 2)
    expect(told).to_be_visible()
    page.keyboard.press("Enter")
    expect(told).to_have_count(0)
    assert page.evaluate("window.untouched") is True
    assert visitor.complaints == []
