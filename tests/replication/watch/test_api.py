"""The watch over REST and on the cluster's page: who sees it, who sets it, what a signal does."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEvent, Role
from nodes.clusters.models import Cluster
from nodes.enums import Clustering
from nodes.leases.errors import LeaseLost
from nodes.signals import CLUSTER_CHANGED
from replication.jobs import wake
from replication.jobs.models import Job
from replication.watch.core.changes import Memory, Sighting, Stamp
from replication.watch.models import Watch, WatchMemory
from replication.watch.poller import LookLease, held_since, look_at
from replication.watch.services import claim_looks, finish_look, keep_look, request_for_look
from tests.factories import make_cluster, make_node

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def messages(monkeypatch) -> list[str]:
    sent: list[str] = []
    monkeypatch.setattr(wake, "_send", lambda name, *args: sent.append(name))
    return sent


@pytest.fixture
def awake(cluster):
    """A cluster that is not paused, with a primary and a watch."""
    cluster.paused = False
    cluster.save()
    make_node(cluster, "first", role="primary")
    Watch.objects.create(cluster=cluster)
    return cluster


def address(cluster, tail: str = "watch") -> str:
    return f"/api/v1/clusters/{cluster.pk}/{tail}"


def later(seconds: float = 3600.0):
    return timezone.now() + timedelta(seconds=seconds)


def test_a_viewer_sees_it_and_sets_nothing(api_for, viewer, stranger, cluster):
    api = api_for(viewer)
    shown = api.get(address(cluster)).data
    assert (shown["enabled"], shown["mood"], shown["profile_interval"]) == (True, "new", 5.0)
    cluster.paused = True
    cluster.save()
    assert api.get(address(cluster)).data["mood"] == "paused"
    assert api.put(address(cluster), {"enabled": False}, format="json").status_code == 403
    assert api.post(address(cluster, "signal/"), {}, format="json").status_code == 403
    assert api_for(stranger).get(address(cluster)).status_code == 404


def test_a_cluster_has_it_from_the_first_or_with_the_next_thing_learned_of_it(api_for, administrator):
    new = {"name": "new", "replication_mode": "portal"}
    made = api_for(administrator).post("/api/v1/clusters/", new, format="json").data["id"]
    assert Watch.objects.get().cluster_id == made
    loaded = make_cluster("loaded, without one")
    for _ in range(2):
        CLUSTER_CHANGED.send(sender=None, cluster_id=loaded.pk)
    CLUSTER_CHANGED.send(sender=None, cluster_id=loaded.pk + 1)  # that is gone by now
    assert list(Watch.objects.order_by("pk").values_list("cluster", flat=True)) == [made, loaded.pk]


def test_the_end_of_a_pause_and_enabling_wake_it(api_for, administrator, operator, awake, messages):
    Cluster.objects.update(clustering=Clustering.ON, paused=True)
    assert api_for(operator).post(address(awake, "resume/")).status_code == 200
    assert messages == [wake.WATCH]
    Cluster.objects.update(clustering=Clustering.OFF)
    enabled = api_for(administrator).put(address(awake, "clustering/"), {"enabled": True}, format="json")
    assert enabled.status_code == 200
    assert messages.count(wake.WATCH) == 2


def test_an_operator_sets_it_and_that_is_audited(api_for, operator, awake):
    api = api_for(operator)
    shown = api.put(address(awake, "watch/"), {"enabled": False, "interval": 30}, format="json").data
    assert (shown["enabled"], shown["interval"], shown["mood"]) == (False, 30.0, "off")
    event = AuditEvent.objects.get(action="watch.set")
    assert event.data == {"enabled": [True, False], "interval": [None, 30.0]}
    assert api.put(address(awake), {"enabled": False, "interval": 30}, format="json").status_code == 200
    assert AuditEvent.objects.filter(action="watch.set").count() == 1
    refused = api.put(address(awake), {"enabled": True, "interval": 0.01}, format="json")
    assert refused.status_code == 400 and "interval" in str(refused.data)
    assert api.put(address(awake), {}, format="json").status_code == 400


def test_a_token_of_a_viewer_signals_nothing(api_for, operator, awake):
    assert api_for(operator, role=Role.VIEWER).post(address(awake, "signal"), {}, format="json").status_code == 403


def test_signals_make_it_due_once(api_for, operator, awake, messages):
    Watch.objects.update(due_at=later())
    api = api_for(operator)
    assert [api.post(address(awake, "signal"), {}, format="json").status_code for _ in range(5)] == [202] * 5
    assert messages == [wake.WATCH]
    assert len(claim_looks("w", limit=9)) == 1


def test_a_signal_during_a_look_is_not_lost(api_for, operator, awake):
    (look,) = claim_looks("w", limit=9)
    api_for(operator).post(address(awake, "signal"), {}, format="json")
    assert claim_looks("other", limit=9) == []
    finish_look(look, again_in=3600.0)
    assert len(claim_looks("w", limit=9)) == 1


def test_a_look_is_claimed_once_and_an_old_one_has_no_effect(awake):
    (old,) = claim_looks("one", limit=9)
    assert claim_looks("two", limit=9) == []
    Watch.objects.update(lease_until=timezone.now() - timedelta(hours=1))
    (new,) = claim_looks("two", limit=9)
    with pytest.raises(LeaseLost):
        keep_look(old, {"note": "late"}, again_in=1.0)
    with pytest.raises(LeaseLost):
        finish_look(old, again_in=1.0)
    with pytest.raises(LeaseLost):
        request_for_look(old, reason="late", node_ids=[], unstable=[])
    assert Job.objects.count() == 0
    keep_look(new, {"note": "in time"}, again_in=1.0)
    assert Watch.objects.get().note == "in time"


def test_what_is_paused_off_or_native_is_not_looked_at(awake):
    make_cluster("native", replication_mode="native", paused=False)
    Watch.objects.update_or_create(cluster=make_cluster("paused", paused=True))
    Watch.objects.update_or_create(cluster=make_cluster("off", paused=False), defaults={"enabled": False})
    assert [look.cluster_id for look in claim_looks("w", limit=9)] == [awake.pk]


def test_churning_files_are_proposed_as_volatile(console_for, api_for, administrator, viewer, awake):
    now = timezone.now().timestamp()
    memory = Memory(
        pending={"App/b.dat": Sighting(Stamp(1, 2, 3), now, now)},
        churn={"App/<busy>.dat": tuple(now - number for number in range(13)), "App/calm.dat": (now,)},
        stubborn={"App/locked.dat": "locked: another program holds it open"},
    )
    Watch.objects.update(pending=1, pending_since=timezone.now(), mood="settling")
    WatchMemory.objects.create(watch=awake.watch, document=memory.to_json())
    shown = api_for(viewer).get(address(awake)).data
    assert [(one["path"], one["changes"]) for one in shown["churning"]] == [("App/<busy>.dat", 13)]
    assert shown["unreadable"] == [{"path": "App/locked.dat", "why": "locked: another program holds it open"}]
    assert shown["pending_paths"] == ["App/b.dat"]
    browser = console_for(administrator)
    page = browser.get(f"/clusters/{awake.pk}/").content.decode()
    assert "App/&lt;busy&gt;.dat" in page and "13 changes" in page and "App/locked.dat" in page
    rule = {"pattern": "App/<busy>.dat", "path_class": "volatile"}
    assert browser.post(f"/clusters/{awake.pk}/path-classes/", rule).status_code == 302
    assert awake.path_overrides.get().path_class == "volatile"


def test_a_memory_that_cannot_be_read_hides_neither_the_state_nor_the_look(api_for, viewer, awake):
    WatchMemory.objects.create(watch=awake.watch, document={"pending": {"App/b.dat": "seen"}})
    assert api_for(viewer).get(address(awake)).data["pending_paths"] == []
    (look,) = claim_looks("w", limit=1)
    held = held_since(look, Watch.objects.select_related("memory").get())
    assert look_at(held, LookLease(look.claim)) is not None
    assert Watch.objects.get().mood == "held" and "first replication" in Watch.objects.get().note


def test_the_page_offers_to_an_operator_what_it_keeps_from_a_viewer(console_for, operator, viewer, awake):
    part = f"/clusters/{awake.pk}/watch/"
    seen = console_for(viewer)
    assert b"Look now" not in seen.get(f"/clusters/{awake.pk}/configuration/").content
    assert b"Save" not in seen.get(f"/clusters/{awake.pk}/settings/watch/").content
    assert b'id="watch-live"' in seen.get(part).content
    assert seen.post(f"{part}look/").status_code == 403
    acts = console_for(operator)
    assert b"Look now" in acts.get(f"/clusters/{awake.pk}/configuration/").content
    assert b"Save" in acts.get(f"/clusters/{awake.pk}/settings/watch/").content
    assert acts.post(f"{part}look/").status_code == 302
    assert acts.post(f"{part}set/", {"interval": "7"}).status_code == 302
    assert (Watch.objects.get().enabled, Watch.objects.get().interval) == (False, 7.0)
    acts.post(f"/nodes/{awake.nodes.get().pk}/attest/", {"said": "cluster_service:off"})
    sent = [acts.post(f"/clusters/{awake.pk}/replicate/", {"key": "one"}) for _ in range(2)]
    assert sent[0].headers["Location"] == sent[1].headers["Location"]
    assert Job.objects.get().reason == "replicate now"


def test_the_live_part_costs_the_same_for_many_nodes(console_for, viewer, awake, cost_of):
    browser = console_for(viewer)
    few = cost_of(browser, f"/clusters/{awake.pk}/watch/")
    for name in "abcdefgh":
        make_node(awake, name)
    assert cost_of(browser, f"/clusters/{awake.pk}/watch/") == few


def test_a_cluster_that_is_not_there_has_no_watch(api_for, administrator):
    api = api_for(administrator)
    gone = "/api/v1/clusters/999999"
    assert api.get(f"{gone}/watch").status_code == 404
    assert api.put(f"{gone}/watch", {"enabled": True}, format="json").status_code == 404
    assert api.post(f"{gone}/signal", {}, format="json").status_code == 404
