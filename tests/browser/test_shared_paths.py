"""Shared paths as somebody types them: each folder's path beside the field, what is wrong with it, and saving."""

from __future__ import annotations

from playwright.sync_api import expect

from nodes.shares.models import SharedPaths
from tests.browser.findings import findings


def test_the_folders_follow_what_is_typed_and_nothing_is_kept_until_it_is_saved(portal, visit) -> None:
    SharedPaths.objects.update(queues=r"\\nas1\mail\Queues")  # mail is routed, and may not be without a folder
    visitor = visit(portal.user)
    page = visitor.go(f"/clusters/{portal.cluster.pk}/shared-paths/")
    folders = page.locator("#folders")
    expect(folders).to_contain_text(r"\\nas1\mail\Public Folders")
    share = page.get_by_label("Common share")
    share.fill(r"//FS2/post office")
    expect(folders).to_contain_text(r"\\FS2\post office\Public Folders")
    expect(folders).to_contain_text("as typed, not saved")
    share.fill(r"C:\Mail")
    expect(page.locator("#live-common")).to_contain_text("drive letter")
    assert SharedPaths.objects.get().common == r"\\nas1\mail"
    page.get_by_label("Each path by itself").check()
    expect(share).to_be_hidden()
    page.get_by_label("Mail folders").fill(r"\\fs2\mail\Users")
    page.get_by_label("Public folders").fill(r"\\fs2\mail\Users\Public")
    expect(page.locator("#live-folder_public")).to_contain_text("within Mail folders")
    assert findings(visitor) == []
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#live-folder_public")).to_contain_text("within Mail folders")
    page.get_by_label("Public folders").fill(r"\\fs2\mail\Public Folders")
    expect(page.locator("#live-folder_public")).to_have_text("")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Nothing was written to a server")
    expect(folders.locator("tr", has_text="Lock files")).to_contain_text(r"\\nas1\mail\LockFiles")


def test_a_button_keeps_the_focus_while_its_part_of_the_page_renews_itself(portal, visit) -> None:
    page = visit(portal.user).go(f"/clusters/{portal.cluster.pk}/routing/")
    button = page.get_by_role("button", name="Read now")
    button.focus()
    page.evaluate("document.querySelector('#queues-live').old = true")
    page.evaluate(
        "const part = document.querySelector('#queues-live');"
        "htmx.ajax('GET', part.getAttribute('hx-get'), {target: part, swap: 'outerHTML'})"
    )
    page.wait_for_function("!document.querySelector('#queues-live').old")
    expect(button).to_be_focused()
