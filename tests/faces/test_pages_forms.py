"""Forms: bad input changes nothing and is explained beside its field; dangerous acts ask for the name."""

from __future__ import annotations

import pytest

from nodes.clusters.models import Cluster
from nodes.credentials.models import Credential
from nodes.enums import HostKeyState
from nodes.registry.models import HostKey, Node
from replication.jobs.models import Job, WriteStop
from tests.browser.seed import fingerprint
from tests.factories import make_node

pytestmark = pytest.mark.django_db

GOOD_NODE = {
    "name": "mx1",
    "address": "192.0.2.5",
    "port": "22",
    "platform": "windows",
    "install_root": "C:\\MDaemon",
    "role": "primary",
}


@pytest.fixture
def browser(administrator, console_for):
    return console_for(administrator)


def test_nobody_chooses_the_replication_mode_for_the_operator(browser) -> None:
    form = browser.get("/clusters/new/").content.decode()
    native = form.split('value="native"')[1].split(">")[0]
    portal = form.split('value="portal"')[1].split(">")[0]
    assert "checked" not in native + portal
    answer = browser.post("/clusters/new/", {"name": "mail", "profile": "mdaemon", "approval": "first"})
    assert answer.status_code == 200
    assert not Cluster.objects.exists()


def test_a_cluster_is_made_changed_and_deleted(browser) -> None:
    new = {"name": "mail", "profile": "mdaemon", "approval": "first", "replication_mode": "portal"}
    made = browser.post("/clusters/new/", new)
    cluster = Cluster.objects.get()
    assert made.headers["Location"] == f"/clusters/{cluster.pk}/"
    browser.post(f"/clusters/{cluster.pk}/edit/", new | {"name": "mail-eu", "approval": "always", "seen_version": 1})
    cluster.refresh_from_db()
    assert (cluster.name, cluster.approval) == ("mail-eu", "always")
    refused = browser.post(f"/clusters/{cluster.pk}/delete/", {"typed": "mail"})
    assert b"This is not the name" in refused.content
    assert Cluster.objects.exists()
    browser.post(f"/clusters/{cluster.pk}/delete/", {"typed": "mail-eu"})
    assert not Cluster.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "mx 1"),
        ("address", "ssh://mx1"),
        ("port", "70000"),
        ("port", "x"),
        ("platform", "beos"),
        ("install_root", "MDaemon"),
        ("install_root", "C:\\"),
        ("role", "boss"),
        ("credential", "999999"),
        ("host_key_fingerprint", "MD5:00"),
    ],
)
def test_a_bad_node_is_refused_beside_its_field(field, value, browser, cluster) -> None:
    answer = browser.post(f"/clusters/{cluster.pk}/nodes/new/", GOOD_NODE | {field: value})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert f'id="id_{field}_error"' in page
    assert f"id_{field}_error" in page.split('aria-describedby="')[1] or 'aria-invalid="true"' in page
    assert "Error: " in page.split("</title>")[0]
    assert not Node.objects.exists()


def test_a_second_primary_is_refused(browser, cluster) -> None:
    browser.post(f"/clusters/{cluster.pk}/nodes/new/", GOOD_NODE)
    again = GOOD_NODE | {"name": "mx2", "address": "192.0.2.6"}
    assert b'id="id_role_error"' in browser.post(f"/clusters/{cluster.pk}/nodes/new/", again).content
    assert Node.objects.count() == 1


def test_a_node_is_removed_only_when_paused_and_named(browser, cluster) -> None:
    node = make_node(cluster, "mx1")
    Node.objects.filter(pk=node.pk).update(paused=True)
    assert b"leave the cluster first" in browser.post(f"/nodes/{node.pk}/remove/", {"typed": "mx1"}).content
    Node.objects.filter(pk=node.pk).update(paused=False, joining="left")
    address = f"/nodes/{node.pk}/remove/"
    assert b"Pause the node first" in browser.post(address, {"typed": "mx1"}).content
    browser.post(f"/nodes/{node.pk}/pause/", {"reason": "moving"})
    assert b"This is not the name" in browser.post(address, {"typed": "mx"}).content
    browser.post(address, {"typed": "mx1"})
    assert not Node.objects.exists()


def test_a_host_key_is_approved_rejected_and_given(browser, cluster) -> None:
    node = make_node(cluster, "mx1", quarantined_reason="another key")
    old = HostKey.objects.create(node=node, fingerprint=fingerprint("old"), state=HostKeyState.APPROVED)
    new = HostKey.objects.create(node=node, fingerprint=fingerprint("new"))
    overview = browser.get(f"/nodes/{node.pk}/").content.decode()
    assert old.fingerprint in overview
    assert "Quarantined: nothing runs on this node." in overview
    assert f"/nodes/{node.pk}/settings/host-key/" in overview
    page = browser.get(f"/nodes/{node.pk}/settings/host-key/").content.decode()
    assert old.fingerprint in page
    assert new.fingerprint in page
    browser.post(f"/nodes/{node.pk}/host-key/approve/", {"fingerprint": new.fingerprint})
    node.refresh_from_db()
    assert node.quarantined_reason == ""
    assert [key.state for key in (_again(old), _again(new))] == [HostKeyState.REVOKED, HostKeyState.APPROVED]
    browser.post(f"/nodes/{node.pk}/host-key/revoke/", {"fingerprint": new.fingerprint})
    assert _again(new).state == HostKeyState.REVOKED
    answer = browser.post(f"/nodes/{node.pk}/host-key/give/", {"fingerprint": "SHA256:short"}, follow=True)
    assert b'role="alert"' in answer.content
    assert not node.host_keys.filter(state=HostKeyState.APPROVED).exists()


def _again(row):
    return type(row).objects.get(pk=row.pk)


def test_a_key_pair_shows_the_lines_and_never_the_private_half(browser, cluster) -> None:
    made = browser.post(
        f"/clusters/{cluster.pk}/credentials/pair/", {"name": "portal", "username": "svc"}, follow=True
    ).content.decode()
    credential = Credential.objects.get()
    assert credential.public_key in made
    assert "administrators_authorized_keys" in made
    assert "~/.ssh/authorized_keys" in made
    assert "PRIVATE KEY" not in made


def test_a_password_is_never_shown_again(browser, cluster) -> None:
    wrong = {"name": "", "username": "svc", "password": "canary-4711"}
    address = f"/clusters/{cluster.pk}/credentials/password/"
    assert b"canary-4711" not in browser.post(address, wrong).content
    assert not Credential.objects.exists()
    page = browser.post(address, wrong | {"name": "old"}, follow=True)
    assert b"canary-4711" not in page.content
    assert Credential.objects.get().secret.reveal() == "canary-4711"


def test_a_password_is_replaced_or_left(browser, cluster) -> None:
    address = f"/clusters/{cluster.pk}/credentials/password/"
    browser.post(address, {"name": "old", "username": "svc", "password": "first-one"})
    edit = f"/credentials/{Credential.objects.get().pk}/edit/"
    assert b"first-one" not in browser.get(edit).content
    browser.post(edit, {"name": "renamed", "username": "svc", "password": "", "seen_version": 1})
    assert (Credential.objects.get().name, Credential.objects.get().secret.reveal()) == ("renamed", "first-one")
    browser.post(edit, {"name": "renamed", "username": "svc", "password": "second-one", "seen_version": 2})
    assert Credential.objects.get().secret.reveal() == "second-one"


def test_a_key_that_is_none_is_refused_beside_its_field(browser, cluster) -> None:
    answer = browser.post(
        f"/clusters/{cluster.pk}/credentials/key/", {"name": "k", "username": "svc", "private_key": "canary-0815"}
    )
    assert b'id="id_private_key_error"' in answer.content
    assert not Credential.objects.exists()


def test_all_writes_are_stopped_and_allowed_again(browser) -> None:
    assert b'id="id_reason_error"' in browser.post("/writes/", {"act": "stop", "reason": ""}).content
    assert not WriteStop.objects.filter(stopped=True).exists()
    page = browser.post("/writes/", {"act": "stop", "reason": "storage is failing"}, follow=True).content
    assert b"All writes are stopped" in page
    assert b"storage is failing" in browser.get("/nodes/").content
    browser.post("/writes/", {"act": "stop", "reason": "late click"})
    assert WriteStop.objects.get().reason == "storage is failing"
    browser.post("/writes/", {"act": "allow", "reason": ""})
    assert not WriteStop.objects.get().stopped


def test_paths_are_sorted_into_classes(browser, cluster) -> None:
    address = f"/clusters/{cluster.pk}/path-classes/"
    browser.post(address, {"pattern": "../etc", "path_class": "config"})
    browser.post(address, {"pattern": "App/x.dat", "path_class": "nonsense"})
    assert not cluster.path_overrides.exists()
    browser.post(address, {"pattern": "App/x.dat", "path_class": "volatile"})
    said = cluster.path_overrides.get()
    assert (said.pattern, said.path_class) == ("App/x.dat", "volatile")
    browser.post(f"{address}{said.pk}/clear/")
    assert not cluster.path_overrides.exists()


def test_sending_a_request_twice_makes_one_job(browser, cluster) -> None:
    address = f"/clusters/{cluster.pk}/jobs/new/"
    asked = {"kind": "replicate", "way": "dry", "key": "abc", "reason": "look"}
    first, second = browser.post(address, asked), browser.post(address, asked)
    job = Job.objects.get()
    assert first.headers["Location"] == second.headers["Location"] == f"/jobs/{job.pk}/"
    assert job.dry_run
    assert b'id="id_kind_error"' in browser.post(address, asked | {"kind": "format", "key": "d"}).content
    assert Job.objects.count() == 1


def test_the_theme_is_kept_and_leads_nowhere_else(browser) -> None:
    answer = browser.post("/theme/", {"theme": "dark", "next": "https://evil.example/"})
    assert answer.headers["Location"] == "/"
    assert b'data-bs-theme="dark"' in browser.get("/").content
    browser.post("/theme/", {"theme": "<script>", "next": "/nodes/"})
    assert b'data-bs-theme="dark"' in browser.get("/").content
