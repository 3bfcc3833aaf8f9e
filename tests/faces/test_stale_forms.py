"""A form that stood open while somebody else saved: nothing is overwritten unseen, and what was changed is said."""

from __future__ import annotations

import html

import pytest

from nodes.clusters.models import Cluster
from nodes.clusters.services import ClusterChange, update_cluster
from nodes.credentials.models import Credential
from nodes.credentials.services import (
    CredentialChange,
    Login,
    store_password,
    update_credential,
)
from nodes.registry.models import Node
from nodes.registry.services.nodes import NodeChange, pause_node, update_node
from nodes.secret import Secret
from tests.factories import make_node
from tests.pages import form_on

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(console_for, administrator):
    return console_for(administrator)


@pytest.fixture
def chief(administrator, principal_for):
    return principal_for(administrator)


def drawn(browser, address: str) -> dict[str, str]:
    """What the page's form would send as it stands."""
    return dict(form_on(browser.get(address).content.decode(), "seen_version").fields)


def text_of(answer) -> str:
    return html.unescape(answer.content.decode())


@pytest.fixture
def node(cluster, chief) -> Node:
    login = Login(cluster.pk, "portal key", "svc")
    credential = store_password(chief, login=login, password=Secret("canary-1"))
    return make_node(cluster, "mx1", address="192.0.2.7", port=22, credential=credential)


def test_a_node_changed_meanwhile_is_not_overwritten(browser, chief, node) -> None:
    at = f"/nodes/{node.pk}/edit/"
    mine = drawn(browser, f"/nodes/{node.pk}/settings/general/")
    update_node(chief, node_id=node.pk, change=NodeChange(port=2222, install_root="/srv/mail"))

    answer = browser.post(at, mine | {"address": "192.0.2.99"})

    said = text_of(answer)
    assert answer.status_code == 200
    assert "Nothing was saved: it was changed meanwhile." in said
    assert "SSH port is \u201c2222\u201d now; you saw \u201c22\u201d." in said
    assert "Installation folder is \u201c/srv/mail\u201d now; you saw \u201c/opt/mail\u201d." in said
    assert "Address is" not in said
    node.refresh_from_db()
    assert (node.address, node.port) == ("192.0.2.7", 2222)

    # sent again as it is shown now: the other's change stays, one's own comes to it
    again = dict(form_on(answer.content.decode(), "seen_version").fields)
    assert browser.post(at, again).status_code == 302
    node.refresh_from_db()
    assert (node.address, node.port, node.install_root) == ("192.0.2.99", 2222, "/srv/mail")


def test_what_was_typed_over_a_change_is_kept_and_saved_knowingly(browser, chief, node) -> None:
    at = f"/nodes/{node.pk}/edit/"
    mine = drawn(browser, f"/nodes/{node.pk}/settings/general/")
    update_node(chief, node_id=node.pk, change=NodeChange(port=2222))
    answer = browser.post(at, mine | {"port": "2022"})
    again = dict(form_on(answer.content.decode(), "seen_version").fields)
    assert again["port"] == "2022"
    browser.post(at, again)
    assert Node.objects.get(pk=node.pk).port == 2022


def test_a_change_beside_the_form_is_told_as_such(browser, chief, node) -> None:
    mine = drawn(browser, f"/nodes/{node.pk}/settings/general/")
    pause_node(chief, node_id=node.pk, reason="patch day")
    answer = browser.post(f"/nodes/{node.pk}/edit/", mine | {"name": "mx2"})
    assert "None of the fields on this page was." in text_of(answer)
    assert Node.objects.get(pk=node.pk).name == "mx1"


def test_a_cluster_changed_meanwhile_is_not_overwritten(browser, chief, cluster) -> None:
    at = f"/clusters/{cluster.pk}/edit/"
    mine = drawn(browser, f"/clusters/{cluster.pk}/settings/general/")
    update_cluster(chief, cluster_id=cluster.pk, change=ClusterChange(description="Vienna", approval="always"))
    answer = browser.post(at, mine | {"description": "Frankfurt"})
    said = text_of(answer)
    assert "Description is \u201cVienna\u201d now; you saw empty." in said
    assert "Approval is" in said
    assert Cluster.objects.get(pk=cluster.pk).description == "Vienna"


def test_a_credential_changed_meanwhile_is_not_overwritten_and_stays_secret(browser, chief, node) -> None:
    credential = Credential.objects.get()
    at = f"/credentials/{credential.pk}/edit/"
    mine = drawn(browser, at)
    change = CredentialChange(username="other", password=Secret("canary-2"))
    update_credential(chief, credential_id=credential.pk, change=change)
    answer = browser.post(at, mine | {"password": "canary-3"})
    assert "User name on the node is \u201cother\u201d now" in text_of(answer)
    assert "canary" not in answer.content.decode()
    assert Credential.objects.get().secret.reveal() == "canary-2"


def test_a_form_without_its_version_saves_nothing(browser, node) -> None:
    mine = drawn(browser, f"/nodes/{node.pk}/settings/general/")
    del mine["seen_version"]
    for version in ({}, {"seen_version": "x"}, {"seen_version": "0"}, {"seen_version": "9" * 30}):
        assert browser.post(f"/nodes/{node.pk}/edit/", mine | version | {"name": "mx2"}).status_code == 200
    assert Node.objects.get(pk=node.pk).name == "mx1"
