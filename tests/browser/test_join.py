"""The join wizard in a real browser: every step accessible, light and dark, wide and narrow; by keyboard; resumable."""

from __future__ import annotations

import json
from collections.abc import Iterator

from django.utils import timezone
from playwright.sync_api import expect

from nodes.discovery.models import NetworkSearch, SearchHit
from nodes.enums import HostKeyState, Joining, SearchState
from nodes.facts.models import NodeFacts
from nodes.registry.models import HostKey, Node
from nodes.secret import Secret
from replication.jobs.core.states import JobState
from replication.jobs.models import Job
from tests.browser.findings import findings_at
from tests.browser.seed import GIB, Seeded, fingerprint
from tests.deadlines import PATIENCE
from tests.factories import make_node


def make_search(portal: Seeded, state: SearchState) -> NetworkSearch:
    search = NetworkSearch.objects.create(
        cluster=portal.cluster,
        networks=["10.20.0.0/24"],
        ssh_ports=[22],
        smtp_ports=[25],
        state=state,
        total=254,
        done=91,
        requested_by="astrid",
    )
    ssh = {"port": 22, "protocol": "ssh", "banner": "SSH-2.0-OpenSSH_for_Windows_9.5"}
    smtp = {"port": 25, "protocol": "smtp", "banner": "220 eu-mx9.example.com ESMTP MDaemon 25.5.2; Sun, 22 Nov 2026"}
    SearchHit.objects.create(
        search=search,
        address="10.20.0.19",
        services=[ssh, smtp],
        host_name="eu-mx9.example.com",
        product=True,
        version="25.5.2",
    )
    SearchHit.objects.create(search=search, address="10.20.0.10", services=[ssh])
    SearchHit.objects.create(search=search, address="10.20.0.77", services=[smtp], host_name="x.example")
    return search


def make_joining(portal: Seeded, joining: Joining = Joining.REGISTERED) -> Node:
    """The seed's second node again, as one that is joining."""
    node = Node.objects.get(cluster=portal.cluster, name="eu-mx2")
    node.joining, node.joining_by, node.joining_since = joining, "astrid", timezone.now()
    node.save()
    values = json.dumps(["C:\\MDaemon\\Queues", "D:\\MDaemon\\Queues"])
    node.ini_decisions.filter(key="HostName").update(values=Secret(values))
    node.ini_decisions.filter(key="RegKey").update(values=Secret(json.dumps(["ABC-DEF-PRIMARY", None])))
    return node


def comparison(portal: Seeded, node: Node) -> Job:
    shared = {
        name: getattr(portal.awaiting, name) for name in ("plan_object", "plan_digest", "plan_summary", "snapshot")
    }
    return Job.objects.create(
        cluster=portal.cluster,
        kind="replicate",
        state=JobState.SUCCEEDED,
        requester="astrid",
        dry_run=True,
        node_ids=[node.pk],
        **shared,
    )


def pages(portal: Seeded) -> Iterator[str]:
    cluster = portal.cluster.pk
    make_search(portal, SearchState.SUCCEEDED)
    node = make_joining(portal)
    comparison(portal, node)
    yield from (
        f"/clusters/{cluster}/join/",
        f"/clusters/{cluster}/join/server/?address=10.20.0.19&port=22&name=eu-mx9",
    )
    for step in ("server", "host-key", "credential", "checks", "differences", "confirm"):
        yield f"/nodes/{node.pk}/join/?step={step}"
    yield from (f"/nodes/{node.pk}/scripts/{act}/" for act in ("bring", "remove"))
    # checks that fail: one that can be accepted, then one that cannot
    NodeFacts.objects.filter(node=node).update(measured_at=timezone.now(), disk_free=GIB)
    yield from (f"/nodes/{node.pk}/join/?step={step}" for step in ("checks", "confirm"))
    NodeFacts.objects.filter(node=node).update(product_version="24.0.1")
    yield f"/nodes/{node.pk}/join/?step=confirm"
    yield f"/clusters/{cluster}/"
    yield f"/nodes/{node.pk}/"
    make_joining(portal, Joining.JOINING)
    yield f"/nodes/{node.pk}/join/"
    make_joining(portal, Joining.JOINED)
    yield from (f"/nodes/{node.pk}/join/", f"/nodes/{node.pk}/leave/", f"/nodes/{portal.primary.pk}/configuration/")
    fresh = Node.objects.get(pk=portal.fresh.pk)
    fresh.joining = Joining.REGISTERED
    fresh.save()
    yield f"/nodes/{fresh.pk}/join/"


def test_every_step_is_accessible_quiet_and_fits(portal, visit) -> None:
    visitor = visit(portal.user)
    found: list[str] = []
    for path in pages(portal):
        if "configuration" in path:
            portal.cluster.snapshots.update(root="")
        found += findings_at(visitor, path)
    assert found == []


def test_a_running_search_refreshes_itself(portal, visit) -> None:
    search = make_search(portal, SearchState.RUNNING)
    page = visit(portal.user).go(f"/clusters/{portal.cluster.pk}/join/")
    expect(page.get_by_text("91 of 254 addresses asked")).to_be_visible()
    NetworkSearch.objects.filter(pk=search.pk).update(state=SearchState.SUCCEEDED, done=254)
    expect(page.get_by_text("254 of 254 addresses asked")).to_be_visible(timeout=1000 * PATIENCE)
    page.get_by_label("Take 10.20.0.19").click()
    expect(page.get_by_label("Address")).to_have_value("10.20.0.19")
    expect(page.get_by_label("Name", exact=False).first).to_have_value("eu-mx9")


def test_the_wizard_goes_on_where_the_node_stands_by_keyboard(portal, visit) -> None:
    node = make_node(portal.cluster, "eu-mx9", joining=Joining.REGISTERED, port=22, credential=None)
    HostKey.objects.create(node=node, key_type="ssh-ed25519", fingerprint=fingerprint("mx9"), state=HostKeyState.SEEN)
    page = visit(portal.user).go(f"/nodes/{node.pk}/join/")
    approve = page.get_by_role("button", name="Approve SHA256")
    approve.focus()
    page.keyboard.press("Enter")
    expect(page.locator("[aria-current=step]")).to_contain_text("Credential")
    assert HostKey.objects.get(node=node).state == HostKeyState.APPROVED
    page.get_by_role("link", name="Back").press("Enter")
    expect(page.locator("[aria-current=step]")).to_contain_text("Host key")
    # another person, another browser: the same place
    NodeFacts.objects.create(node=node, read_at=timezone.now())
    Node.objects.filter(pk=node.pk).update(credential=portal.key)
    other = visit(portal.user).go(f"/nodes/{node.pk}/join/")
    expect(other.locator("[aria-current=step]")).to_contain_text("What differs")
    # a step that was not reached cannot be asked for
    other = visit(portal.user).go(f"/nodes/{node.pk}/join/?step=plan")
    expect(other.locator("[aria-current=step]")).to_contain_text("What differs")


def test_joining_is_confirmed_by_typing_the_name(portal, visit) -> None:
    node = make_joining(portal)
    comparison(portal, node)
    page = visit(portal.user).go(f"/nodes/{node.pk}/join/")
    expect(page.get_by_text("All settings on that server will be overwritten.")).to_be_visible()
    page.get_by_label("Type the name").fill("eu-mx1")
    page.get_by_role("button", name="Overwrite eu-mx2").click()
    expect(page.get_by_text("This is not the server's name")).to_be_visible()
    assert Node.objects.get(pk=node.pk).joining == Joining.REGISTERED
    page.get_by_label("Type the name").fill("eu-mx2")
    page.get_by_role("button", name="Overwrite eu-mx2").click()
    expect(page.get_by_role("button", name="Make the first plan")).to_be_visible()
    assert Node.objects.get(pk=node.pk).joining == Joining.JOINING


def test_the_page_of_what_differs_masks_secrets_and_takes_answers(portal, visit) -> None:
    node = make_joining(portal)
    comparison(portal, node)
    page = visit(portal.user).go(f"/nodes/{node.pk}/join/?step=differences")
    expect(page.get_by_text("D:\\MDaemon\\Queues")).to_be_visible()
    assert "ABC-DEF-PRIMARY" not in page.content()
    page.get_by_role("button", name="Replicate HostName").click()
    expect(page.get_by_role("button", name="Replicate HostName")).to_have_attribute("aria-pressed", "true")
    assert node.ini_decisions.get(key="HostName").answered


def test_a_failing_check_is_accepted_by_keyboard(portal, visit) -> None:
    node = make_joining(portal)
    comparison(portal, node)
    NodeFacts.objects.filter(node=node).update(measured_at=timezone.now(), disk_free=GIB)
    page = visit(portal.user).go(f"/nodes/{node.pk}/join/?step=confirm")
    page.get_by_label("Type the name").fill("eu-mx2")
    page.keyboard.press("Enter")
    expect(page.get_by_text("eu-mx2 cannot join while these checks do not pass.")).to_be_visible()
    page.get_by_label("Disk space: 1.0 of 200.0 GiB are free").press("Space")
    page.get_by_label("Type the name").fill("eu-mx2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="Make the first plan")).to_be_visible()
    assert Node.objects.get(pk=node.pk).joining == Joining.JOINING
