"""Enabling and disabling clustering: what is requested for the features that do not go with it, and what is refused."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from accounts.errors import Refused
from accounts.models import AuditEvent, Role
from accounts.principals import SYSTEM, Principal
from nodes.checks.services.attestations import Word, attest
from nodes.cluster_log.models import ClusterLogLine
from nodes.clusters import services as clusters_services
from nodes.clusters.models import Cluster
from nodes.credentials.services import Login, store_password
from nodes.enums import Clustering, HostKeyState, Joining, NodeRole, ReplicationMode
from nodes.facts.core import FeatureSetting
from nodes.facts.models import FeatureMemory, NodeFacts
from nodes.facts.services import features
from nodes.facts.services.feature_memory import Switched
from nodes.facts.services.features import FeaturePlace
from nodes.lifecycle.services.clustering import note_disabled
from nodes.registry.models import HostKey, Node
from nodes.secret import Secret
from replication.clustering.selectors.clustering import clustering_of
from replication.clustering.services import clustering, disabling
from replication.clustering.services.clustering import DisableRequest
from replication.configuration.models import Baseline
from replication.jobs.core.states import JobState
from replication.jobs.models import Job
from replication.jobs.planning import plan_job
from replication.jobs.services.requests import JobRequest, cancel_job, request_job
from replication.membership.services import membership
from replication.watch.models import Watch
from replication.watch.services import claim_looks
from tests.factories import make_cluster, make_member, make_node

BIND = FeatureSetting("domain_binding", "App/Domains.dat", "a.example", "Bind", "No", "Yes")


@pytest.fixture
def mail(transactional_db) -> Cluster:
    """A new cluster with a primary of which nothing is known yet."""
    made = make_cluster("mail", clustering=Clustering.NEW, clustering_since=None, paused=True)
    make_node(made, "mx0", role=NodeRole.PRIMARY)
    return made


@pytest.fixture
def hand(mail: Cluster) -> Principal:
    return Principal(user=make_member(mail, Role.OPERATOR, "hand"), via="console")


@pytest.fixture
def keeper(mail: Cluster) -> Principal:
    return Principal(user=make_member(mail, Role.ADMINISTRATOR, "keeper"), via="console")


def read_switch(cluster: Cluster, value: str | None) -> None:
    """The primary's switch was just read to stand so."""
    switch = asdict(BIND) | {"value": value}
    row = {"read_at": timezone.now(), "measured_at": timezone.now(), "switches": [switch]}
    NodeFacts.objects.update_or_create(node=cluster.nodes.get(role=NodeRole.PRIMARY), defaults=row)


def requested(cluster: Cluster) -> list[tuple[str, str, str]]:
    """Who asked for which jobs, and how they stand."""
    rows = Job.objects.filter(cluster=cluster, kind="features").order_by("pk")
    return [(job.requester, job.options["to"], job.state) for job in rows]


def state(cluster: Cluster) -> str:
    cluster.refresh_from_db()
    return cluster.clustering


def disable(principal: Principal, cluster: Cluster) -> Job | None:
    return clustering.disable(principal, DisableRequest(cluster.pk, confirm_name=cluster.name))


@pytest.mark.parametrize(("value", "count"), [("Yes", 1), ("No", 0), (None, 0)])
def test_the_first_resume_enables_and_asks_where_a_switch_is_on(mail, hand, value, count) -> None:
    read_switch(mail, value)
    clustering.resume(hand, mail.pk)
    assert (state(mail), mail.paused, mail.clustering_by) == (Clustering.ON, False, "hand")
    assert requested(mail) == [("hand", "off", JobState.REQUESTED)] * count
    assert AuditEvent.objects.filter(action="cluster.enable", actor="hand").count() == 1


def test_what_was_never_read_is_asked_for_once(mail, hand) -> None:
    clustering.enable(hand, mail.pk)
    clustering.enable(hand, mail.pk)
    clustering.switch_off_what_was_missed()
    assert requested(mail) == [("hand", "off", JobState.REQUESTED)]


def test_the_end_of_a_pause_asks_for_nothing(mail, hand) -> None:
    clustering.enable(hand, mail.pk)
    cancel_job(hand, Job.objects.get().pk)
    clusters_services.pause_cluster(hand, cluster_id=mail.pk, reason="maintenance")
    clustering.resume(hand, mail.pk)
    assert (state(mail), mail.paused) == (Clustering.ON, False)
    assert requested(mail) == [("hand", "off", JobState.CANCELLED)]


def test_a_cluster_of_the_mail_server_is_left_to_it(mail, hand, keeper) -> None:
    Cluster.objects.update(replication_mode=ReplicationMode.NATIVE)
    clustering.resume(hand, mail.pk)
    clustering.switch_off_what_was_missed()
    assert requested(mail) == []
    with pytest.raises(Refused, match="disable it on the servers"):
        disable(keeper, mail)


def test_the_sweep_repairs_what_was_lost_or_found_later(mail, hand, keeper) -> None:
    Node.objects.update(role=NodeRole.SECONDARY)
    clustering.enable(hand, mail.pk)
    clustering.switch_off_what_was_missed()
    assert requested(mail) == []
    Node.objects.update(role=NodeRole.PRIMARY)  # registered later
    clustering.switch_off_what_was_missed()
    assert requested(mail) == [("system", "off", JobState.REQUESTED)]

    cancel_job(hand, Job.objects.get().pk)  # a person does not want it
    clustering.switch_off_what_was_missed()
    assert len(requested(mail)) == 1
    place = FeaturePlace("attachment_linking", "App/MDaemon.ini", "Linking", "On", "0")
    features.set_feature_key(keeper, cluster_id=mail.pk, place=place)
    read_switch(mail, "No")  # by the other rule only
    clustering.switch_off_what_was_missed()
    assert requested(mail)[1:] == [("system", "off", JobState.REQUESTED)]


def test_joining_an_enabled_cluster_asks_for_it_too(mail, hand, keeper) -> None:
    read_switch(mail, "No")
    clustering.enable(hand, mail.pk)
    login = Login(mail.pk, "portal", "svc")
    credential = store_password(keeper, login=login, password=Secret("canary-pass-1"))
    node = make_node(mail, "mx1", joining=Joining.REGISTERED, credential=credential)
    HostKey.objects.create(node=node, fingerprint="SHA256:x", state=HostKeyState.APPROVED)
    for one in mail.nodes.all():
        attest(keeper, node_id=one.pk, word=Word("cluster_service", "off"))
    read_switch(mail, "Yes")
    assert requested(mail) == []
    membership.join(keeper, node_id=node.pk, confirm_name="mx1")
    assert requested(mail) == [("keeper", "off", JobState.REQUESTED)]


def test_disabling_needs_the_name_an_administrator_and_something_to_disable(mail, hand, keeper) -> None:
    with pytest.raises(Refused, match="never enabled"):
        disable(keeper, mail)
    clustering.enable(hand, mail.pk)
    with pytest.raises(PermissionDenied):
        disable(hand, mail)
    with pytest.raises(ValidationError, match="Type mail to confirm"):
        clustering.disable(keeper, DisableRequest(mail.pk, confirm_name="male"))
    assert state(mail) == Clustering.ON


def test_disabling_asks_once_to_give_back_and_is_called_off_by_enabling(mail, hand, keeper) -> None:
    clustering.enable(hand, mail.pk)
    job = disable(keeper, mail)
    assert job is not None
    assert disable(keeper, mail) == job
    assert requested(mail) == [("hand", "off", JobState.CANCELLED), ("keeper", "restore", JobState.REQUESTED)]
    assert state(mail) == Clustering.ENDING
    assert AuditEvent.objects.filter(action="cluster.disable", actor="keeper").count() == 1
    shown = clustering_of(keeper, mail)
    assert "is requested. Replication goes on until that is proven." in shown.sentence
    cancel_job(hand, job.pk)
    assert f"Not disabled: Job #{job.pk}" in clustering_of(keeper, mail).sentence
    again = disable(keeper, mail)
    assert again is not None
    assert again.pk > job.pk

    clustering.enable(keeper, mail.pk)
    assert state(mail) == Clustering.ON
    assert requested(mail)[2:] == [("keeper", "restore", JobState.CANCELLED), ("keeper", "off", JobState.REQUESTED)]
    note_disabled(mail.pk)  # of a job that was too late
    assert state(mail) == Clustering.ON


@pytest.mark.parametrize("ended", [False, True])
def test_what_an_administrator_disabled_no_operator_enables(
    mail, hand, keeper, api_for, console_for, ended: bool
) -> None:
    clustering.enable(hand, mail.pk)
    job = disable(keeper, mail)
    if ended:
        note_disabled(mail.pk)
    was, page, button = state(mail), f"/clusters/{mail.pk}/setup/", f"/clusters/{mail.pk}/clustering/enable/"
    assert job is not None
    assert hand.user is not None
    assert keeper.user is not None
    cancel_job(hand, job.pk)
    with pytest.raises(PermissionDenied, match="needs the role Administrator on the cluster; yours is Operator"):
        clustering.enable(hand, mail.pk)
    assert api_for(hand.user).put(f"/api/v1/clusters/{mail.pk}/clustering/", {"enabled": True}).status_code == 403
    assert console_for(hand.user).post(button).status_code == 403
    assert button not in console_for(hand.user).get(page).content.decode()
    assert button in console_for(keeper.user).get(page).content.decode()
    assert state(mail) == was
    clustering.enable(keeper, mail.pk)
    assert state(mail) == Clustering.ON


def test_nothing_is_replicated_once_it_is_disabled(mail, hand, keeper) -> None:
    clustering.enable(hand, mail.pk)
    Watch.objects.create(cluster=mail)
    disable(keeper, mail)
    note_disabled(mail.pk)
    assert (state(mail), mail.clustering_by) == (Clustering.OFF, "keeper")
    with pytest.raises(Refused) as refused:
        request_job(hand, JobRequest(mail.pk, "replicate"))
    assert refused.value.code == "clustering_off"
    assert claim_looks("a worker", limit=8) == []
    assert disable(keeper, mail) is None
    assert ClusterLogLine.objects.filter(code="0x4151F023").count() == 1
    clustering.switch_off_what_was_missed()
    assert [to for _, to, _ in requested(mail)] == ["off", "restore"]


def test_secondaries_get_their_features_back_before_it_is_disabled(mail, hand, keeper) -> None:
    primary, second = mail.nodes.get(), make_node(mail, "mx1")
    Baseline.objects.create(node=second, root="0" * 64, proven_at=timezone.now())
    remember(primary, feature="x", path="p", section="s", key="k", value="1", off="0")
    clustering.enable(hand, mail.pk)
    give_back(primary, disable(keeper, mail))
    disabling.finish_disabling()  # refused: nobody attested that no other replicates
    assert (Job.objects.filter(kind="replicate").count(), state(mail)) == (0, Clustering.ENDING)
    assert "as soon as the checks let replication go on" in clustering_of(keeper, mail).sentence
    for node in (primary, second):
        attest(keeper, node_id=node.pk, word=Word("cluster_service", "off"))
    for _ in range(2):
        disabling.finish_disabling()
    (first,) = Job.objects.filter(kind="replicate")
    assert (first.requester, first.node_ids, state(mail)) == ("system", [], Clustering.ENDING)
    assert (
        f"job #{first.pk}, which gives them to its secondaries, is requested." in clustering_of(keeper, mail).sentence
    )
    end(first, JobState.FAILED)
    disabling.finish_disabling()
    assert Job.objects.filter(kind="replicate").count() == 1  # what failed is a person's
    assert f"Not disabled: The primary has its features back; job #{first.pk}" in clustering_of(keeper, mail).sentence

    give_back(primary, disable(keeper, mail))
    assert state(mail) == Clustering.ENDING
    disabling.finish_disabling()
    end(Job.objects.filter(kind="replicate").latest("pk"), JobState.SUCCEEDED)
    disabling.finish_disabling()
    assert state(mail) == Clustering.OFF
    assert Job.objects.filter(kind="replicate").count() == 2


def remember(primary: Node, **switch: str) -> None:
    """What a job switched off on the primary."""
    job_number = Job.objects.filter(cluster=primary.cluster).values_list("pk", flat=True).first() or 0
    FeatureMemory.objects.create(node=primary, switched_at=timezone.now(), job_number=job_number, **switch)


def test_giving_back_where_clustering_was_never_enabled_is_no_end_of_it(mail) -> None:
    disabling.note_given(mail.nodes.get(), Switched(1, off=False, changed=False, read_back=()))
    assert state(mail) == Clustering.NEW


def give_back(primary: Node, job: Job | None) -> None:
    """The primary's part is proven."""
    assert job is not None
    disabling.note_given(primary, Switched(job.pk, off=False, changed=True, read_back=()))
    end(job, JobState.SUCCEEDED)


def end(job: Job, how: JobState) -> None:
    Job.objects.filter(pk=job.pk).update(state=how, ended_at=timezone.now())


@pytest.mark.parametrize(
    ("now", "to", "code"),
    [
        (Clustering.OFF, "off", "clustering_off"),
        (Clustering.ENDING, "off", "clustering_off"),
        (Clustering.ON, "restore", "clustering_on"),
    ],
)
def test_features_follow_clustering(mail, now, to, code) -> None:
    Cluster.objects.update(clustering=now, paused=False)
    job, _ = request_job(SYSTEM, JobRequest(mail.pk, "features", options={"to": to}))
    assert plan_job(job.pk)
    job.refresh_from_db()
    assert (job.state, job.error_code) == (JobState.FAILED, code)


def test_the_page_and_the_api_show_what_is_remembered_and_what_a_person_has_to_find(
    mail, hand, keeper, console_for, api_for
) -> None:
    read_switch(mail, "Yes")
    boss, api = console_for(keeper.user), api_for(keeper.user)
    address, page = f"/api/v1/clusters/{mail.pk}", f"/clusters/{mail.pk}"
    assert b"Enable clustering" in boss.get(f"{page}/").content
    assert api.post(f"{address}/resume/", {}).json()["clustering"] == "on"
    primary = mail.nodes.get()
    bind = {"path": "App/Domains.dat", "section": "a.example", "key": "Bind", "value": "Yes", "off": "No"}
    remember(primary, feature="domain_binding", **bind)
    shown = api.get(f"{address}/clustering").json()
    assert (shown["state"], shown["by"], shown["job_state"]) == ("on", "keeper", "requested")
    assert [one["code"] for one in shown["to_do"]] == ["attachment_linking", "automatic_updates"]
    assert [(one["node_name"], one["value"]) for one in shown["remembered"]] == [("mx0", "Yes")]
    text = boss.get(f"{page}/setup/").content.decode()
    assert "Attachment Linking must be off while clustering is enabled" in text
    assert "[a.example] Bind=No" in text

    refused = api.put(f"{address}/clustering", {"enabled": False})
    assert refused.status_code == 400
    assert console_for(hand.user).get(f"{page}/clustering/disable/").status_code == 403
    assert b"This is not the name" in boss.post(f"{page}/clustering/disable/", {"typed": "male"}).content
    answer = boss.post(f"{page}/clustering/disable/", {"typed": "mail", "reason": "we go back to one server"})
    assert answer.url == f"/jobs/{Job.objects.filter(options__to='restore').get().pk}/"
    assert b"Clustering is being disabled." in boss.get(f"{page}/").content
    assert boss.post(f"{page}/clustering/enable/").status_code == 302
    assert api.put(f"{address}/clustering/", {"enabled": False, "confirm_name": "mail"}).json()["state"] == "ending"
    note_disabled(mail.pk)
    assert b"Clustering is disabled." in boss.get(f"{page}/").content
    assert boss.get(f"{page}/clustering/disable/").url == f"{page}/settings/clustering/"
    assert api.put(f"{address}/clustering/", {"enabled": True}).json()["state"] == "on"
