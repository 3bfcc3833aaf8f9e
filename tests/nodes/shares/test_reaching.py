"""Mount points of nodes and the portal's logins to file servers: who may, what is refused, what is recorded."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.utils import timezone

from accounts.errors import Refused, Stale
from accounts.models import AuditEvent
from nodes.enums import CellState, PlatformName
from nodes.registry.models import Node
from nodes.secret import Secret
from nodes.shares.models import FileServerLogin, MountPoint, ShareCell
from nodes.shares.selectors.layout import login_for
from nodes.shares.services import reaching
from nodes.shares.services.reaching import Mount, ServerLogin
from tests.factories import make_cluster, make_node

MAIL = Mount(r"\\fs1\mail", "/mnt/mail/")
LOGIN = ServerLogin("FS1", r"EXAMPLE\portal", password=Secret("typed for fs1"))


@pytest.fixture
def node(cluster):
    return make_node(cluster, "mx1")


def refused(act) -> list[str]:
    """The fields that a service complains about."""
    with pytest.raises(ValidationError) as caught:
        act()
    return sorted(caught.value.message_dict)


def test_a_mount_point_is_set_changed_and_cleared(keeper, node):
    row = reaching.set_mount(keeper, node_id=node.pk, mount=MAIL)
    assert (row.share, row.folder) == (r"\\fs1\mail", "/mnt/mail")
    again = reaching.set_mount(keeper, node_id=node.pk, mount=Mount("//fs1/mail/", "/srv/mail"))
    assert (again.pk, again.share, again.folder) == (row.pk, r"\\fs1\mail", "/srv/mail")
    reaching.set_mount(keeper, node_id=node.pk, mount=Mount(r"\\fs1\mail", "/srv/mail"))
    reaching.clear_mount(keeper, node_id=node.pk, mount_id=row.pk)
    assert not MountPoint.objects.exists()
    events = AuditEvent.objects.filter(action__startswith="mount_point.").order_by("id")
    assert [(event.action, event.data["folder"]) for event in events] == [
        ("mount_point.set", ["", "/mnt/mail"]),
        ("mount_point.set", ["/mnt/mail", "/srv/mail"]),
        ("mount_point.clear", ["/srv/mail", ""]),
    ]


@pytest.mark.parametrize(
    ("mount", "fields"),
    [
        (Mount("mail", "/mnt/mail"), ["share"]),
        (Mount(r"\\fs1\mail\Users", "/mnt/mail"), ["share"]),
        (Mount(r"\\fs1\mail", "mnt/mail"), ["folder"]),
        (Mount(r"\\fs1\mail", "/"), ["folder"]),
        (Mount(r"\\fs1\mail", "/mnt/../etc"), ["folder"]),
        (Mount(r"\\fs1\mail", "/mnt/a\nb"), ["folder"]),
        (Mount("", ""), ["folder", "share"]),
    ],
)
def test_a_mount_point_that_is_none_is_refused_by_field(keeper, node, mount, fields):
    assert refused(lambda: reaching.set_mount(keeper, node_id=node.pk, mount=mount)) == fields


def found_at(cluster, node: Node | None, share: str) -> ShareCell:
    """What was found of a folder on a share."""
    told = {"state": CellState.OK, "login": "svc", "tested_at": timezone.now(), "job_number": 1}
    return ShareCell.objects.create(cluster=cluster, node=node, role=share[-8:], path=rf"{share}\Users", **told)


def left(*cells: ShareCell) -> list[bool]:
    return [ShareCell.objects.filter(pk=cell.pk).exists() for cell in cells]


def test_what_was_tested_at_another_mount_point_is_forgotten(keeper, cluster, node):
    row = reaching.set_mount(keeper, node_id=node.pk, mount=MAIL)
    found = (
        found_at(cluster, node, r"\\FS1\Mail"),
        found_at(cluster, node, r"\\fs1\more"),
        found_at(cluster, None, r"\\fs1\mail"),
    )
    reaching.set_mount(keeper, node_id=node.pk, mount=MAIL)
    assert left(*found) == [True, True, True], "it is where it was"
    reaching.set_mount(keeper, node_id=node.pk, mount=Mount(r"\\fs1\mail", "/srv/mail"))
    assert left(*found) == [False, True, True]
    again = found_at(cluster, node, r"\\fs1\mail")
    reaching.clear_mount(keeper, node_id=node.pk, mount_id=row.pk)
    assert left(again) == [False]


def test_what_the_portal_tested_with_another_login_is_forgotten(keeper, cluster, node):
    row = reaching.add_login(keeper, cluster_id=cluster.pk, login=LOGIN)
    found = (
        found_at(cluster, None, r"\\FS1\mail"),
        found_at(cluster, None, r"\\fs2\mail2"),
        found_at(cluster, node, r"\\fs1\mail"),
    )

    def change(login: ServerLogin) -> None:
        reaching.change_login(keeper, cluster_id=cluster.pk, login_id=row.pk, login=login)

    change(ServerLogin("FS1", LOGIN.username))
    assert left(*found) == [True, True, True], "it is as it was"
    change(ServerLogin("fs1", LOGIN.username, password=Secret("typed again")))
    assert left(*found) == [False, True, True]
    again = found_at(cluster, None, r"\\fs1\mail")
    change(ServerLogin("fs2", LOGIN.username, password=Secret("typed for fs2")))
    assert left(again, *found) == [False, False, False, True]
    again = found_at(cluster, None, r"\\fs2\mail2")
    reaching.remove_login(keeper, cluster_id=cluster.pk, login_id=row.pk)
    assert left(again) == [False]


def test_windows_needs_no_mount_point(keeper, cluster):
    node = make_node(cluster, platform=PlatformName.WINDOWS)
    with pytest.raises(Refused, match="own paths"):
        reaching.set_mount(keeper, node_id=node.pk, mount=MAIL)


def test_a_login_is_kept_sealed_and_told_without_its_password(keeper, cluster):
    row = reaching.add_login(keeper, cluster_id=cluster.pk, login=LOGIN)
    assert (row.server, row.port, row.version) == ("fs1", 445, 1)
    kept = login_for(cluster, "fs1")
    assert kept is not None
    assert kept.password == LOGIN.password
    event = AuditEvent.objects.get(action="file_server.set")
    assert event.data == {
        "server": [None, "fs1"],
        "port": [None, 445],
        "username": [None, r"EXAMPLE\portal"],
        "password": "typed",
    }
    assert "typed for fs1" not in event.text


@pytest.mark.parametrize("elsewhere", [ServerLogin("fs2", "portal"), ServerLogin("fs1", "portal", port=1445)])
def test_a_password_goes_only_to_the_server_that_it_was_typed_for(keeper, cluster, elsewhere):
    row = reaching.add_login(keeper, cluster_id=cluster.pk, login=LOGIN)

    def change(login: ServerLogin) -> FileServerLogin:
        return reaching.change_login(keeper, cluster_id=cluster.pk, login_id=row.pk, login=login, seen_version=1)

    assert refused(lambda: change(elsewhere)) == ["password"]
    row.refresh_from_db()
    assert (row.server, row.port, row.version) == ("fs1", 445, 1)
    again = ServerLogin(elsewhere.server, elsewhere.username, elsewhere.port, Secret("typed again"))
    assert change(again).version == 2
    with pytest.raises(Stale):
        change(again)


def test_another_user_name_keeps_the_password_and_nothing_new_counts_no_version(keeper, cluster):
    row = reaching.add_login(keeper, cluster_id=cluster.pk, login=LOGIN)
    renamed = ServerLogin("fs1", "other")
    for _ in range(2):
        found = reaching.change_login(keeper, cluster_id=cluster.pk, login_id=row.pk, login=renamed)
        assert (found.username, found.version, found.password) == ("other", 2, LOGIN.password)


@pytest.mark.parametrize(
    ("login", "fields"),
    [
        (ServerLogin("fs1", "portal"), ["password"]),
        (ServerLogin("fs1", "portal", password=Secret("")), ["password"]),
        (ServerLogin("fs1", "portal", port=0, password=Secret("p")), ["port"]),
        (ServerLogin("fs1", "", password=Secret("p")), ["username"]),
    ],
)
def test_a_login_that_is_none_is_refused_by_field(keeper, cluster, login, fields):
    assert refused(lambda: reaching.add_login(keeper, cluster_id=cluster.pk, login=login)) == fields


def test_one_login_a_server(keeper, cluster):
    reaching.add_login(keeper, cluster_id=cluster.pk, login=LOGIN)
    assert refused(lambda: reaching.add_login(keeper, cluster_id=cluster.pk, login=LOGIN)) == ["server"]
    other = make_cluster()
    assert login_for(other, "fs1") is None


def test_a_login_is_removed_with_its_password(keeper, cluster):
    row = reaching.add_login(keeper, cluster_id=cluster.pk, login=LOGIN)
    reaching.remove_login(keeper, cluster_id=cluster.pk, login_id=row.pk, seen_version=1)
    assert not FileServerLogin.objects.exists()
    with pytest.raises(Http404):
        reaching.remove_login(keeper, cluster_id=cluster.pk, login_id=row.pk)


@pytest.mark.parametrize("part", ["hand", "watcher"])
def test_only_an_administrator_of_the_cluster_sets_them(part, request, keeper, cluster, node):
    who = request.getfixturevalue(part)
    mount = reaching.set_mount(keeper, node_id=node.pk, mount=MAIL)
    login = reaching.add_login(keeper, cluster_id=cluster.pk, login=LOGIN)
    for act in (
        lambda: reaching.set_mount(who, node_id=node.pk, mount=MAIL),
        lambda: reaching.clear_mount(who, node_id=node.pk, mount_id=mount.pk),
        lambda: reaching.add_login(who, cluster_id=cluster.pk, login=LOGIN),
        lambda: reaching.change_login(who, cluster_id=cluster.pk, login_id=login.pk, login=LOGIN),
        lambda: reaching.remove_login(who, cluster_id=cluster.pk, login_id=login.pk),
    ):
        with pytest.raises(PermissionDenied):
            act()


def test_what_is_of_another_cluster_is_not_there(keeper, boss, cluster, node):
    other = make_cluster()
    mount = reaching.set_mount(boss, node_id=make_node(other).pk, mount=MAIL)
    login = reaching.add_login(boss, cluster_id=other.pk, login=LOGIN)
    with pytest.raises(Http404):
        reaching.clear_mount(keeper, node_id=node.pk, mount_id=mount.pk)
    with pytest.raises(Http404):
        reaching.remove_login(keeper, cluster_id=cluster.pk, login_id=login.pk)
