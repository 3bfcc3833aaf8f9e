"""Shared paths as they are set: what follows for each folder, who may set them, what is refused and recorded."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from accounts.errors import Reason, Refused, Stale
from accounts.models import AuditEvent
from accounts.principals import Principal
from nodes.enums import PathMode
from nodes.platforms.unc import UncPath
from nodes.secret import Secret
from nodes.shares.core.layout import Layout
from nodes.shares.models import FileServerLogin, MountPoint, SharedPaths
from nodes.shares.selectors.layout import layout_of, login_for, mounts_of, mounts_of_cluster, places_of
from nodes.shares.services.paths import PathsChange, RoutingChange, set_paths, set_routing
from tests.factories import make_node

MAIL = UncPath.parse(r"\\fs1\mail")
COMMON = PathsChange(mode="common", common=r"\\fs1\mail")


@pytest.mark.parametrize(
    ("layout", "users", "queues"),
    [
        (Layout(), None, None),
        (Layout(PathMode.COMMON), None, None),
        (Layout(PathMode.COMMON, MAIL), r"\\fs1\mail\Users", r"\\fs1\mail\Queues"),
        (Layout(PathMode.COMMON, MAIL, queues=MAIL.join("Q")), r"\\fs1\mail\Users", r"\\fs1\mail\Q"),
        (Layout(PathMode.COMMON, MAIL, own={"users": MAIL.join("U")}), r"\\fs1\mail\Users", r"\\fs1\mail\Queues"),
        (Layout(PathMode.INDIVIDUAL, MAIL), None, None),
        (Layout(PathMode.INDIVIDUAL, own={"users": MAIL.join("U")}), r"\\fs1\mail\U", None),
        (Layout(PathMode.INDIVIDUAL, queues=MAIL.join("Q")), None, r"\\fs1\mail\Q"),
    ],
)
def test_each_folder_lies_where_the_mode_says(layout, users, queues):
    found = [layout.path_of("users", "Users"), layout.path_of("queues", "Queues")]
    assert [str(path) if path else None for path in found] == [users, queues]


def test_one_share_gives_every_folder_its_usual_name(keeper, cluster):
    set_paths(keeper, cluster_id=cluster.pk, change=COMMON)
    assert [str(place.path) for place in places_of(cluster)] == [
        r"\\fs1\mail\Users",
        r"\\fs1\mail\Public Folders",
        r"\\fs1\mail\LockFiles",
        r"\\fs1\mail\PEM",
        r"\\fs1\mail\Archives",
        r"\\fs1\mail\Digests",
        r"\\fs1\mail\Gateways",
    ]


def test_single_paths_are_kept_beside_the_common_one(keeper, cluster):
    set_paths(keeper, cluster_id=cluster.pk, change=COMMON)
    own = PathsChange(mode="individual", own={"users": r"\\fs1\u\Mail", "keys": r"\\fs2\k\PEM"})
    set_paths(keeper, cluster_id=cluster.pk, change=own)
    assert {place.role: str(place.path) for place in places_of(cluster)} == {
        "users": r"\\fs1\u\Mail",
        "keys": r"\\fs2\k\PEM",
    }
    set_paths(keeper, cluster_id=cluster.pk, change=PathsChange(own={"users": ""}))
    assert [place.role for place in places_of(cluster)] == ["keys"]
    set_paths(keeper, cluster_id=cluster.pk, change=PathsChange(mode="common"))
    assert len(places_of(cluster)) == 7
    assert layout_of(cluster).own == {"keys": UncPath.parse(r"\\fs2\k\PEM")}


def test_a_change_counts_one_version_and_says_what_was_before(keeper, cluster):
    row = set_paths(keeper, cluster_id=cluster.pk, change=COMMON, seen_version=1)
    assert (row.version, row.changed_by) == (2, "keeper")
    again = set_paths(keeper, cluster_id=cluster.pk, change=COMMON, seen_version=2)
    assert again.version == 2
    own = PathsChange(own={"users": r"\\fs1\u\Mail"})
    assert set_paths(keeper, cluster_id=cluster.pk, change=own, seen_version=2).version == 3
    with pytest.raises(Stale):
        set_paths(keeper, cluster_id=cluster.pk, change=own, seen_version=2)
    first, second = AuditEvent.objects.filter(action="shared_paths.set").order_by("id")
    assert first.data == {"mode": ["", "common"], "common": ["", r"\\fs1\mail"]}
    assert second.data == {"folder_users": ["", r"\\fs1\u\Mail"]}


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("mode", PathsChange(mode="both")),
        ("common", PathsChange(common="mail")),
        ("common", PathsChange(mode="common")),
        ("folder_users", PathsChange(own={"users": r"C:\Mail"})),
        ("folder_mailboxes", PathsChange(own={"mailboxes": r"\\fs1\mail\x"})),
        ("queues", PathsChange(own={"queues": r"\\fs1\mail\x"})),
    ],
)
def test_what_is_refused_names_the_field_and_changes_nothing(keeper, cluster, field, change):
    with pytest.raises(ValidationError) as caught:
        set_paths(keeper, cluster_id=cluster.pk, change=change)
    assert list(caught.value.message_dict) == [field]
    assert not SharedPaths.objects.exists()


def test_only_an_administrator_of_the_cluster_sets_paths(hand, watcher, stranger, cluster):
    outsider = Principal(user=stranger, via="console")
    for principal, error in ((hand, PermissionDenied), (watcher, PermissionDenied), (outsider, Http404)):
        with pytest.raises(error):
            set_paths(principal, cluster_id=cluster.pk, change=COMMON)


def test_routing_needs_a_place_for_the_queues_and_every_server_s_version(keeper, cluster):
    def route(on: bool, queues: str | None = None, reasons: tuple[Reason, ...] = ()) -> SharedPaths:
        change = RoutingChange(on, queues)
        return set_routing(keeper, cluster_id=cluster.pk, change=change, gate=lambda _: reasons)

    with pytest.raises(ValidationError) as caught:
        route(True)
    assert list(caught.value.message_dict) == ["queues"]
    old = Reason("version", "mx1 runs 20.0.4.", "Update it.")
    with pytest.raises(Refused, match="Update it"):
        route(True, r"\\fs1\q", (old,))
    assert not SharedPaths.objects.exists()
    assert route(True, r"\\fs1\q").version == 2
    assert [(place.role, str(place.path)) for place in places_of(cluster)] == [("queues", r"\\fs1\q")]
    set_paths(keeper, cluster_id=cluster.pk, change=COMMON)
    route(True, "")
    assert str(places_of(cluster)[-1].path) == r"\\fs1\mail\Queues"
    with pytest.raises(ValidationError):
        set_paths(keeper, cluster_id=cluster.pk, change=PathsChange(mode="individual"))
    route(False, reasons=(old,))
    assert "queues" not in [place.role for place in places_of(cluster)]
    events = AuditEvent.objects.filter(action="routing.set").order_by("id")
    assert [event.data for event in events] == [
        {"routing": [False, True], "queues": ["", r"\\fs1\q"]},
        {"queues": [r"\\fs1\q", ""]},
        {"routing": [True, False]},
    ]


def test_what_is_set_can_be_set_back_to_nothing(keeper, cluster):
    set_paths(keeper, cluster_id=cluster.pk, change=COMMON)
    row = set_paths(keeper, cluster_id=cluster.pk, change=PathsChange(mode="", common=""))
    assert (row.mode, row.common, places_of(cluster)) == ("", "", ())


def test_mounts_and_logins_come_as_values(cluster):
    first, second = make_node(cluster), make_node(cluster)
    MountPoint.objects.create(node=first, share=r"\\fs1\mail", folder="/mnt/mail")
    assert mounts_of(first) == {MAIL: "/mnt/mail"}
    assert mounts_of(second) == {}
    assert mounts_of_cluster(cluster) == {first.pk: {MAIL: "/mnt/mail"}}
    FileServerLogin.objects.create(cluster=cluster, server="fs1", username="portal", password=Secret("pw"))
    login = login_for(cluster, "FS1")
    assert login is not None
    assert (login.port, login.username, login.password.reveal()) == (445, "portal", "pw")
    assert "pw" not in repr(login)
    assert login_for(cluster, "fs2") is None
