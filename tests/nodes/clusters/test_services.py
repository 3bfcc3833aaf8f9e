"""Clusters, members, path classes: who may, what is refused, what is recorded."""

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404

from accounts.errors import Refused, Stale
from accounts.models import AuditEvent, Role
from accounts.principals import Principal
from nodes.clusters import services as clusters_services
from nodes.clusters.models import Cluster, Membership, PathOverride
from nodes.clusters.selectors import clusters_for
from nodes.clusters.services import ClusterChange, NewCluster, PathRule
from nodes.facts.selectors.facts import profile_of
from nodes.lifecycle.services import clustering
from tests.factories import make_cluster, make_node, make_user


def actions() -> list[str]:
    return list(AuditEvent.objects.order_by("id").values_list("action", flat=True))


def test_a_cluster_is_made_and_recorded(boss):
    made = clusters_services.create_cluster(boss, new=NewCluster(name=" East ", replication_mode="portal"))
    kept = Cluster.objects.get(pk=made.pk)
    assert (kept.name, kept.replication_mode, kept.approval, kept.version) == ("East", "portal", "first", 1)
    event = AuditEvent.objects.get()
    assert (event.action, event.actor, event.cluster_name) == ("cluster.create", "administrator", "East")


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("replication_mode", {"replication_mode": ""}),
        ("replication_mode", {"replication_mode": "both"}),
        ("name", {"name": " "}),
        ("name", {"name": "MAIL"}),
        ("name", {"name": "x" * 64}),
        ("profile", {"profile": "exchange"}),
        ("profile", {"profile": "../../etc/passwd"}),
        ("approval", {"approval": "sometimes"}),
        ("description", {"description": "a\nb"}),
    ],
)
def test_what_is_refused_names_the_field_and_changes_nothing(boss, cluster, field, change):
    values = {"name": "East", "replication_mode": "portal"} | change
    with pytest.raises(ValidationError) as caught:
        clusters_services.create_cluster(boss, new=NewCluster(**values))
    assert list(caught.value.message_dict) == [field]
    assert Cluster.objects.count() == 1
    assert actions() == []


def test_only_a_portal_administrator_makes_clusters(keeper, hand):
    for principal in (keeper, hand):
        with pytest.raises(PermissionDenied):
            clusters_services.create_cluster(principal, new=NewCluster(name="East", replication_mode="portal"))


def test_a_change_counts_a_version_and_a_stale_one_is_refused(keeper, cluster):
    clusters_services.update_cluster(keeper, cluster_id=cluster.pk, change=ClusterChange(name="Mail 2"), seen_version=1)
    with pytest.raises(Stale):
        clusters_services.update_cluster(
            keeper, cluster_id=cluster.pk, change=ClusterChange(name="Mail 3"), seen_version=1
        )
    cluster.refresh_from_db()
    assert (cluster.name, cluster.version) == ("Mail 2", 2)
    assert AuditEvent.objects.get().data == {"name": ["mail", "Mail 2"]}


def test_a_change_to_the_same_is_none(keeper, cluster):
    clusters_services.update_cluster(keeper, cluster_id=cluster.pk, change=ClusterChange(name="mail"))
    cluster.refresh_from_db()
    assert cluster.version == 1
    assert actions() == []


def test_an_operator_pauses_and_resumes_but_does_not_change(hand, cluster):
    clusters_services.pause_cluster(hand, cluster_id=cluster.pk, reason="moving house")
    clusters_services.pause_cluster(hand, cluster_id=cluster.pk, reason="moving house")
    cluster.refresh_from_db()
    assert (cluster.paused, cluster.paused_reason) == (True, "moving house")
    clustering.resume_cluster(hand, cluster_id=cluster.pk)
    cluster.refresh_from_db()
    assert (cluster.paused, cluster.paused_reason) == (False, "")
    assert actions() == ["cluster.pause", "cluster.resume"]
    assert AuditEvent.objects.get(action="cluster.pause").text == "Paused cluster mail. moving house"
    with pytest.raises(PermissionDenied):
        clusters_services.update_cluster(hand, cluster_id=cluster.pk, change=ClusterChange(name="x"))


def test_a_viewer_does_nothing_and_a_stranger_sees_nothing(watcher, stranger, cluster):
    with pytest.raises(PermissionDenied):
        clusters_services.pause_cluster(watcher, cluster_id=cluster.pk)
    outsider = Principal(user=stranger, via="console")
    with pytest.raises(Http404):
        clusters_services.pause_cluster(outsider, cluster_id=cluster.pk)
    assert list(clusters_for(outsider)) == []
    assert list(clusters_for(watcher)) == [cluster]


def test_a_cluster_with_nodes_is_not_deleted(boss, keeper, cluster):
    node = make_node(cluster)
    with pytest.raises(Refused, match="1 node"):
        clusters_services.delete_cluster(boss, cluster_id=cluster.pk)
    node.delete()
    with pytest.raises(PermissionDenied):
        clusters_services.delete_cluster(keeper, cluster_id=cluster.pk)
    clusters_services.delete_cluster(boss, cluster_id=cluster.pk)
    assert not Cluster.objects.exists()
    assert actions() == ["cluster.delete"]


def test_members_come_change_and_go(keeper, cluster):
    make_user("ada")
    clusters_services.set_member(keeper, cluster_id=cluster.pk, username="ada", role=Role.VIEWER)
    clusters_services.set_member(keeper, cluster_id=cluster.pk, username="ada", role=Role.OPERATOR)
    assert Membership.objects.get(user__username="ada").role == Role.OPERATOR
    clusters_services.set_member(keeper, cluster_id=cluster.pk, username="ada", role="")
    clusters_services.set_member(keeper, cluster_id=cluster.pk, username="ada", role="")
    assert not Membership.objects.filter(user__username="ada").exists()
    assert actions() == ["member.set", "member.set", "member.remove"]


@pytest.mark.parametrize(("username", "role", "field"), [("nobody", "viewer", "username"), ("keeper", "king", "role")])
def test_members_that_are_refused(keeper, cluster, username, role, field):
    with pytest.raises(ValidationError) as caught:
        clusters_services.set_member(keeper, cluster_id=cluster.pk, username=username, role=role)
    assert list(caught.value.message_dict) == [field]


def test_a_path_class_is_stronger_than_the_profile(keeper, cluster):
    before = profile_of(cluster).classify("App/Odd.xyz").path_class
    said = clusters_services.set_path_class(keeper, cluster_id=cluster.pk, rule=PathRule("App\\Odd.xyz", "config"))
    assert said.pattern == "App/Odd.xyz"
    assert profile_of(cluster).classify("App/Odd.xyz").path_class == "config"
    clusters_services.set_path_class(keeper, cluster_id=cluster.pk, rule=PathRule("app/odd.XYZ", "volatile", "counter"))
    assert PathOverride.objects.get().path_class == "volatile"
    clusters_services.clear_path_class(keeper, cluster_id=cluster.pk, override_id=said.pk)
    assert profile_of(cluster).classify("App/Odd.xyz").path_class == before
    cluster.refresh_from_db()
    assert cluster.version == 4
    assert actions() == ["path_class.set", "path_class.set", "path_class.clear"]


@pytest.mark.parametrize(
    ("pattern", "path_class", "field"),
    [("../x", "config", "pattern"), ("App/x", "unclassified", "path_class"), ("App/x", "", "path_class")],
)
def test_path_classes_that_are_refused(keeper, cluster, pattern, path_class, field):
    with pytest.raises(ValidationError) as caught:
        clusters_services.set_path_class(keeper, cluster_id=cluster.pk, rule=PathRule(pattern, path_class))
    assert list(caught.value.message_dict) == [field]


def test_a_cluster_has_only_so_many_path_classes(keeper, cluster, monkeypatch):
    monkeypatch.setattr(clusters_services, "MAX_PATH_CLASSES", 1)
    clusters_services.set_path_class(keeper, cluster_id=cluster.pk, rule=PathRule("App/x", "config"))
    with pytest.raises(Refused) as caught:
        clusters_services.set_path_class(keeper, cluster_id=cluster.pk, rule=PathRule("App/y", "config"))
    assert caught.value.code == "too_many"
    clusters_services.set_path_class(keeper, cluster_id=cluster.pk, rule=PathRule("App/X", "volatile"))
    assert [said.path_class for said in cluster.path_overrides.all()] == ["volatile"]


def test_another_clusters_path_class_cannot_be_cleared(keeper, cluster, boss):
    other = make_cluster()
    said = clusters_services.set_path_class(boss, cluster_id=other.pk, rule=PathRule("App/x", "config"))
    with pytest.raises(Http404):
        clusters_services.clear_path_class(keeper, cluster_id=cluster.pk, override_id=said.pk)
