"""Shared paths, mount points and logins to file servers by pages and REST."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.utils import timezone

from accounts.models import Role
from nodes.enums import NodeRole
from nodes.facts.models import NodeFacts
from nodes.secret import Secret
from nodes.shares.models import FileServerLogin, MountPoint, SharedPaths
from nodes.shares.services.paths import PathsChange, set_paths
from nodes.shares.services.reaching import ServerLogin, add_login
from tests.factories import make_member, make_node
from tests.pages import PageReader

COMMON = PathsChange("common", r"\\fs1\mail")


@pytest.fixture
def keeper(cluster):
    """Administers `cluster`."""
    return make_member(cluster, Role.ADMINISTRATOR, "keeper")


@pytest.fixture
def page(cluster, keeper, console_for):
    """The console in the keeper's browser, and the page's address."""
    return console_for(keeper), f"/clusters/{cluster.pk}/shared-paths/"


@pytest.fixture
def api(keeper, api_for):
    return api_for(keeper)


def read(answer) -> str:
    assert answer.status_code == 200
    reader = PageReader()
    reader.feed(answer.content.decode())
    return " ".join(" ".join(reader.words).split())


def fields(answer) -> list[str]:
    """What REST complains about."""
    assert answer.status_code == 400
    return sorted(error["field"] for error in answer.json()["errors"])


def test_an_empty_cluster_says_what_is_missing(page):
    browser, address = page
    words = read(browser.get(address))
    assert "Saving here writes nothing to any server" in words
    assert "no server yet" in words
    assert "no shared path names a file server yet" in words
    assert "Mount points" not in words


def test_who_may_not_set_them_reads_why(cluster, operator, viewer, console_for, keeper, principal_for):
    set_paths(principal_for(keeper), cluster_id=cluster.pk, change=COMMON)
    for user in (operator, viewer):
        answer = console_for(user).get(f"/clusters/{cluster.pk}/shared-paths/")
        words = read(answer)
        assert "The cluster's administrators set the paths" in words
        assert r"\\fs1\mail" in words
        assert "Save" not in words
        assert b'name="common"' not in answer.content


def test_each_node_s_own_place_stands_beside_the_path(cluster, page, principal_for, keeper):
    set_paths(principal_for(keeper), cluster_id=cluster.pk, change=COMMON)
    primary = make_node(cluster, "mx1", role=NodeRole.PRIMARY)
    folder = {"role": "users", "label": "Mail folders", "default_path": "/opt/mail/Users", "section": "", "key": ""}
    folder |= {"source": "guide", "path": "/opt/mail/<Users>", "inside": "<Users>"}
    NodeFacts.objects.create(node=primary, read_at=timezone.now(), folders=[folder])
    make_node(cluster, "mx2")
    browser, address = page
    answer = browser.get(address)
    words = read(answer)
    assert "Inside the installation folder /opt/mail/<Users> mx1" in words
    assert "Not read yet mx2" in words
    assert b"<Users>" not in answer.content


def test_saving_says_that_nothing_was_written(page, cluster):
    browser, address = page
    sent = {"seen_version": 1, "mode": "common", "common": r"\\fs1\mail", "initial-mode": "", "initial-common": ""}
    answer = browser.post(f"{address}save/", sent, follow=True)
    assert "Nothing was written to a server" in read(answer)
    row = SharedPaths.objects.get()
    assert (row.mode, row.common, row.version) == ("common", r"\\fs1\mail", 2)
    stale = browser.post(f"{address}save/", sent | {"common": r"\\fs2\mail"})
    assert "it was changed meanwhile" in read(stale)
    assert SharedPaths.objects.get().common == r"\\fs1\mail"


def test_a_refused_path_is_told_beside_its_field_and_kept_as_it_was_typed(page):
    browser, address = page
    answer = browser.post(f"{address}save/", {"seen_version": 1, "mode": "common", "common": "C:\\Mail"})
    assert "drive letter" in read(answer)
    assert b'value="C:\\Mail"' in answer.content
    assert not SharedPaths.objects.exists()


def test_what_belongs_to_the_other_mode_is_not_looked_at(page):
    browser, address = page
    sent = {"seen_version": 1, "mode": "individual", "common": "nonsense", "folder_users": r"\\fs1\u\Users"}
    assert browser.post(f"{address}save/", sent).status_code == 302
    assert SharedPaths.objects.get().common == ""


def test_a_preview_keeps_nothing_and_clears_what_was_mended(page):
    browser, address = page
    sent = {"seen_version": 1, "mode": "common", "common": r"\\fs1\mail"}
    words = read(browser.post(f"{address}preview/", sent))
    assert r"\\fs1\mail\LockFiles" in words
    assert "as typed, not saved" in words
    bad = browser.post(f"{address}preview/", sent | {"common": "mail"})
    assert bad.content.count(b"hx-swap-oob") == 8
    assert "names no file server" in read(bad)
    assert "at most 400 characters" in read(browser.post(f"{address}preview/", sent | {"common": "x" * 401}))
    assert not SharedPaths.objects.exists()


def test_a_mount_point_is_set_and_cleared_from_the_page(page, cluster, principal_for, keeper):
    set_paths(principal_for(keeper), cluster_id=cluster.pk, change=COMMON)
    node = make_node(cluster, "mx1")
    browser, address = page
    answer = browser.get(address)
    assert f"/nodes/{node.pk}/mount-points/?share={quote('//', safe='').replace('2F', '5C')}fs1%5Cmail".encode() in (
        answer.content
    )
    assert "mx1" in read(answer)
    form = f"/nodes/{node.pk}/mount-points/"
    assert b"fs1\\mail" in browser.get(form, {"share": r"\\fs1\mail"}).content
    assert browser.post(form, {"share": r"\\fs1\mail", "folder": "mail"}).status_code == 200
    assert browser.post(form, {"share": r"\\fs1\mail", "folder": "/mnt/mail"}).status_code == 302
    assert "/mnt/mail" in read(browser.get(address))
    mount = MountPoint.objects.get()
    assert "Cleared" in read(browser.post(f"{form}{mount.pk}/clear/", follow=True))
    assert not MountPoint.objects.exists()


def test_a_login_is_set_changed_and_removed_from_the_page_and_never_shown(page, cluster, principal_for, keeper):
    set_paths(principal_for(keeper), cluster_id=cluster.pk, change=COMMON)
    browser, address = page
    assert "the portal cannot test it by itself" in read(browser.get(address))
    forms = f"/clusters/{cluster.pk}/file-servers/"
    sent = {"server": "fs1", "port": 445, "username": "portal", "password": "canary-password"}
    assert browser.post(f"{forms}new/", sent).status_code == 302
    row = FileServerLogin.objects.get()
    change = sent | {"seen_version": 1, "password": "", "server": "fs2"}
    refused = browser.post(f"{forms}{row.pk}/", change)
    assert "typed for no other" in read(refused)
    assert browser.post(f"{forms}{row.pk}/", change | {"server": "fs1", "username": "other"}).status_code == 302
    for shown in (browser.get(address), browser.get(f"{forms}{row.pk}/"), refused):
        assert b"canary-password" not in shown.content
    assert "other" in read(browser.get(address))
    assert "This is not the name" in read(browser.post(f"{forms}{row.pk}/remove/", {"typed": "fs2"}))
    assert browser.post(f"{forms}{row.pk}/remove/", {"typed": "fs1"}).status_code == 302
    assert not FileServerLogin.objects.exists()


def test_rest_sets_paths_by_version_and_says_what_is_wrong_by_field(api, cluster):
    address = f"/api/v1/clusters/{cluster.pk}/shared-paths"
    first = api.get(address)
    assert first.data["mode"] == ""
    assert [folder["path"] for folder in first.data["folders"]] == [None] * 7
    body = {"mode": "common", "common": r"\\fs1\mail"}
    saved = api.patch(address, body, format="json", headers={"if-match": first["ETag"]})
    assert saved.data["folders"][0]["path"] == r"\\fs1\mail\Users"
    assert api.get(address, headers={"if-none-match": saved["ETag"]}).status_code == 304
    assert api.patch(address, body, format="json", headers={"if-match": first["ETag"]}).status_code == 412
    keys = {"keys": r"\\fs1\mail\PEM"}
    own = {"mode": "individual", "own": {"users": r"\\fs1\mail", "mailboxes": ""} | keys}
    assert fields(api.patch(address, own, format="json")) == ["folder_keys", "folder_mailboxes"]
    assert api.patch(address, own | {"own": keys}, format="json").data["own"] == keys


def test_rest_sets_mount_points(api, cluster):
    node = make_node(cluster)
    address = f"/api/v1/nodes/{node.pk}/mount-points"
    made = api.put(address, {"share": "//fs1/mail", "folder": "/mnt/mail"}, format="json")
    assert made.data == {"id": made.data["id"], "share": r"\\fs1\mail", "folder": "/mnt/mail"}
    assert api.get(address).data == [made.data]
    assert api.delete(f"{address}/{made.data['id']}").status_code == 204
    assert api.get(address).data == []


def test_rest_keeps_logins_and_never_tells_their_passwords(api, cluster):
    address = f"/api/v1/clusters/{cluster.pk}/file-servers"
    body = {"server": "fs1", "username": "portal", "password": "never told"}
    made = api.post(address, body, format="json")
    assert made.status_code == 201
    one = f"{address}/{made.data['id']}"
    assert fields(api.patch(one, {"port": 1445}, format="json")) == ["password"]
    changed = api.patch(one, {"username": "other"}, format="json", headers={"if-match": made["ETag"]})
    assert (changed.data["username"], changed.data["version"]) == ("other", 2)
    assert api.delete(one, headers={"if-match": made["ETag"]}).status_code == 412
    for answer in (made, changed, api.get(address), api.get(one)):
        assert b"never told" not in answer.content
        assert b"password" not in answer.content
    assert api.delete(one).status_code == 204


def test_the_lists_cost_the_same_for_one_and_for_many(api, cluster, cost_of, principal_for, keeper):
    costs = set()
    for number in range(3):
        make_node(cluster)
        login = ServerLogin(f"fs{number}", "portal", password=Secret("p"))
        add_login(principal_for(keeper), cluster_id=cluster.pk, login=login)
        costs.add(
            tuple(cost_of(api, f"/api/v1/clusters/{cluster.pk}/{part}") for part in ("shared-paths", "file-servers"))
        )
    assert costs == {(7, 4)}


def test_a_profile_that_cannot_be_read_is_told_and_nothing_is_set(page, api, cluster):
    type(cluster).objects.update(profile="gone")
    browser, address = page
    for shown in (address, address.replace("shared-paths", "routing")):
        assert "product profile cannot be read" in read(browser.get(shown))
    sent = {"seen_version": 1, "mode": "common", "common": r"\\fs1\mail"}
    for part in ("save/", "preview/"):
        assert "product profile cannot be read" in browser.post(f"{address}{part}", sent).content.decode()
    rest = f"/api/v1/clusters/{cluster.pk}/shared-paths"
    assert api.get(rest).json()["code"] == "profile_unreadable"
    assert api.patch(rest, {"mode": ""}, format="json").json()["code"] == "profile_unreadable"
    assert not SharedPaths.objects.exists()


def test_a_complaint_about_what_another_page_sets_names_that_page(cluster, page, api):
    SharedPaths.objects.create(cluster=cluster, mode="common", common=r"\\fs1\mail", routing=True)
    browser, address = page
    sent = {"seen_version": 1, "mode": "individual", "folder_users": r"\\fs1\mail\Users"}
    assert "give its path under Mail routing." in read(browser.post(f"{address}save/", sent))
    login = {"server": "fs1", "port": 0, "username": "portal", "password": "Tall-Harbour-71"}
    refused = api.post(f"/api/v1/clusters/{cluster.pk}/file-servers", login, format="json")
    assert fields(refused) == ["port"]
    assert "SSH" not in refused.json()["errors"][0]["message"]
