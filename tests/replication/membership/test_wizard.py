"""The join wizard's pages over rows: what it ticks, what it says stands against the joining, and what it was told."""

from __future__ import annotations

import re
from collections.abc import Callable
from copy import copy
from datetime import timedelta

import pytest
from django.contrib.messages import get_messages
from django.utils import timezone

from accounts.errors import Refused
from nodes.checks.models import Attestation, RegistrationSeal
from nodes.checks.services.attestations import Word, attest, withdraw
from nodes.clusters.models import Cluster, PathOverride
from nodes.credentials.services import Login, store_password
from nodes.enums import Clustering, HostKeyState, Joining, NodeRole, ReplicationMode
from nodes.facts.models import NodeFacts
from nodes.ini_keys import tabs
from nodes.ini_keys.models import IniDecision
from nodes.ini_keys.services import folded
from nodes.registry.models import HostKey, Node
from nodes.registry.services.nodes import NodeChange, update_node
from nodes.secret import Secret
from replication.configuration.services.modes import check_portal_may_replicate
from replication.jobs.models import Job
from replication.membership.selectors.wizard import WizardStep, progress_of
from replication.membership.views import wizard
from tests.factories import make_node, typed

pytestmark = pytest.mark.django_db


@pytest.fixture
def primary(cluster) -> Node:
    return make_node(cluster, "mx0", role=NodeRole.PRIMARY, joining=Joining.REGISTERED)


@pytest.fixture
def node(cluster, primary) -> Node:
    return make_node(cluster, "mx1", joining=Joining.REGISTERED)


@pytest.fixture
def console(console_for, administrator):
    return console_for(administrator)


@pytest.fixture
def chief(administrator, principal_for):
    return principal_for(administrator)


def told(answer) -> list[tuple[str, str]]:
    """What the next page says of an act: level and words."""
    return [(message.level_tag, message.message) for message in get_messages(answer.wsgi_request)]


@pytest.mark.parametrize(
    ("typed", "complaint"),
    [
        ({"pattern": "App/x.dat", "path_class": "nonsense"}, "Class: Select a valid choice"),
        ({"pattern": "", "path_class": "config"}, "Path or pattern: This field is required"),
    ],
)
def test_a_path_that_was_not_sorted_is_not_said_to_be(console, node, typed, complaint) -> None:
    answer = console.post(f"/nodes/{node.pk}/join/path-class/", typed)

    ((level, words),) = told(answer)
    assert (level, words[: len(complaint)]) == ("error", complaint)
    assert not PathOverride.objects.exists()


def compared(node: Node, **fields) -> Job:
    """A comparison that came to its end, with everybody there."""
    values = {"kind": "replicate", "state": "succeeded", "requester": "x", "dry_run": True, "node_ids": [node.pk]}
    return Job.objects.create(cluster=node.cluster, **{**values, **fields})


def ticked(node: Node) -> bool:
    """Whether the wizard takes "What differs" for done."""
    node = Node.objects.select_related("cluster").get(pk=node.pk)
    return {step.step: step.state for step in progress_of(node).steps}[WizardStep.DIFFERENCES] == "done"


@pytest.mark.parametrize("whole_cluster", [False, True])
def test_only_a_comparison_since_its_registration_counts(console, node, whole_cluster) -> None:
    job = compared(node, node_ids=[] if whole_cluster else [node.pk])
    assert ticked(node)
    Job.objects.update(created_at=node.created_at - timedelta(seconds=1))

    assert not ticked(node)
    page = console.get(f"/nodes/{node.pk}/join/?step=differences").content.decode()
    assert "None." not in page
    assert f"#{job.pk}" not in page


@pytest.mark.parametrize(
    "fields",
    [{"node_ids": [0]}, {"dry_run": False}, {"state": "failed"}, {"plan_summary": {"away": ["mx1"]}}],
    ids=["of another node", "no comparison", "came to nothing", "the node was away"],
)
def test_a_comparison_that_did_not_see_the_node_does_not_count(node, fields) -> None:
    compared(node, **fields)

    assert not ticked(node)


def test_a_comparison_of_what_stood_there_before_does_not_count(chief, node, primary) -> None:
    moved: list[Callable[[], object]] = [
        lambda: update_node(chief, node_id=node.pk, change=NodeChange(address="192.0.2.77")),
        lambda: update_node(chief, node_id=node.pk, change=NodeChange(install_root="/srv/mail")),
        lambda: update_node(chief, node_id=primary.pk, change=NodeChange(install_root="/srv/mail")),
        lambda: make_primary(chief, make_node(node.cluster, "mx9"), instead_of=primary),
    ]
    for move in moved:
        compared(node)
        assert ticked(node)
        move()
        assert not ticked(node)
    update_node(chief, node_id=node.pk, change=NodeChange(name="mx1b"))
    compared(node)
    assert ticked(node)


def make_primary(chief, node: Node, *, instead_of: Node) -> None:
    update_node(chief, node_id=instead_of.pk, change=NodeChange(role=NodeRole.SECONDARY))
    update_node(chief, node_id=node.pk, change=NodeChange(role=NodeRole.PRIMARY))


def test_a_busy_cluster_pushes_no_comparison_out_of_sight(node) -> None:
    compared(node)
    busy = Job(cluster=node.cluster, kind="replicate", state="succeeded", requester="system")
    Job.objects.bulk_create(copy(busy) for _ in range(60))

    assert ticked(node)


@pytest.fixture
def ready(chief, node: Node) -> Node:
    """The node as it stands before the confirmation; nobody said that the nodes' own cluster services are off."""
    login = Login(node.cluster_id, "portal", "svc")
    node.credential = store_password(chief, login=login, password=Secret("canary-pass-1"))
    node.save()
    HostKey.objects.create(node=node, fingerprint="SHA256:x", state=HostKeyState.APPROVED)
    NodeFacts.objects.create(node=node, read_at=timezone.now())
    compared(node)
    return typed(node)


def step_of(console, node: Node, step: str) -> str:
    page: str = console.get(f"/nodes/{node.pk}/join/?step={step}").content.decode()
    return page


def asks_for_the_name(page: str) -> bool:
    return 'name="typed"' in page


def attestable(page: str) -> list[int]:
    """The nodes of which the page takes a person's word."""
    return [int(pk) for pk in re.findall(r'name="about" value="(\d+)"', page)]


def test_what_would_refuse_the_plan_is_named_before_the_name_is_typed(console, chief, ready, primary) -> None:
    other = make_node(ready.cluster, "mx2")
    page = step_of(console, ready, "confirm")
    assert not asks_for_the_name(page)
    assert "mx1 cannot join while these checks do not pass:" in page
    assert f'href="/clusters/{ready.cluster_id}/checks/?open=cluster_service#check-cluster_service"' in page
    assert attestable(page) == [ready.pk, primary.pk, other.pk]
    refused = console.post(f"/nodes/{ready.pk}/join/confirm/", {"typed": "mx1"})
    assert "mx1 cannot join while these checks do not pass. Cluster service:" in told(refused)[0][1]
    with pytest.raises(Refused) as reason:
        check_portal_may_replicate(ready.cluster)
    assert reason.value.code == "cluster_service_unattested"

    for server in (ready, primary, other):
        word = {"about": server.pk, "said": "cluster_service:off", "note": "", "step": "confirm"}
        answer = console.post(f"/nodes/{ready.pk}/join/attest/", word)
        assert answer["Location"] == f"/nodes/{ready.pk}/join/?step=confirm"

    page = step_of(console, ready, "confirm")
    assert asks_for_the_name(page)
    assert "Cluster service" not in page.partition("Not known:")[2].partition("</p>")[0]
    check_portal_may_replicate(ready.cluster)
    console.post(f"/nodes/{ready.pk}/join/confirm/", {"typed": "mx1"})
    ready.refresh_from_db()
    assert ready.joining == Joining.JOINING

    withdraw(chief, node_id=primary.pk, subject="cluster_service")
    page = step_of(console, ready, "plan")
    assert "The portal replicates nothing while this check does not pass:" in page
    assert "Make the first plan" not in page
    assert attestable(page) == [ready.pk, primary.pk]


def test_where_mdaemon_replicates_an_unsaid_service_stops_nobody(console, chief, ready) -> None:
    Cluster.objects.update(replication_mode=ReplicationMode.NATIVE)

    assert asks_for_the_name(step_of(console, ready, "confirm"))


def test_nobody_joins_a_cluster_whose_clustering_is_disabled(console, chief, ready, primary) -> None:
    for server in (ready, primary):
        attest(chief, node_id=server.pk, word=Word("cluster_service", "off"))
    Cluster.objects.update(clustering=Clustering.OFF)

    page = step_of(console, ready, "confirm")

    assert not asks_for_the_name(page)
    assert f'href="/clusters/{ready.cluster_id}/settings/clustering/"' in page
    assert "is disabled" in told(console.post(f"/nodes/{ready.pk}/join/confirm/", {"typed": "mx1"}))[0][1]


@pytest.mark.parametrize(
    ("act", "typed", "complaint"),
    [
        ("attest", {"said": "nonsense"}, "I have seen on the server: Select a valid choice"),
        ("attest", {"said": "cluster_service:off", "note": "x" * 201}, "Note: Ensure this value has at most 200"),
        ("registration", {"registration_key": ""}, "Registration key: This field is required"),
        ("registration", {"registration_key": "--"}, "Enter the key, or at least its last 4 characters"),
    ],
)
def test_a_word_that_was_not_kept_is_not_said_to_be(console, node, act, typed, complaint) -> None:
    answer = console.post(f"/nodes/{node.pk}/join/{act}/", {"about": node.pk, **typed})

    ((level, words),) = told(answer)
    assert (level, words[: len(complaint)]) == ("error", complaint)
    assert answer["Location"] == f"/nodes/{node.pk}/join/?step=checks"
    assert not Attestation.objects.exists()
    assert not RegistrationSeal.objects.exists()


def test_words_of_people_are_entered_beside_the_checks(console, console_for, operator, ready) -> None:
    page = step_of(console, ready, "checks")
    assert attestable(page)[0] == ready.pk
    assert f'action="/nodes/{ready.pk}/join/registration/"' in page
    answer = console.post(f"/nodes/{ready.pk}/join/registration/", {"registration_key": "KEY-OF-MX1"})
    assert told(answer)[0][0] == "success"
    assert answer["Location"] == f"/nodes/{ready.pk}/join/?step=checks"
    assert "join/registration/" not in step_of(console, ready, "checks")

    RegistrationSeal.objects.all().delete()
    page = step_of(console_for(operator), ready, "checks")
    assert attestable(page)[0] == ready.pk
    assert "join/registration/" not in page


def test_nobody_attests_of_a_node_that_is_not_there(console, node) -> None:
    answer = console.post(f"/nodes/{node.pk}/join/attest/", {"about": "x", "said": "cluster_service:off"})

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "act",
    ["approve-key", "give-key", "credential", "ini-key", "path-class", "attest", "registration", "confirm", "approve"],
)
def test_a_form_that_says_nothing_is_never_said_to_be_done(console, node, act) -> None:
    answer = console.post(f"/nodes/{node.pk}/join/{act}/", {"about": node.pk})

    assert answer.status_code == 404 or [level for level, _ in told(answer)] == ["error"]


def test_a_password_is_typed_before_the_checks(console, chief, ready) -> None:
    """A credential that was chosen, or a key that was approved anew, leads back to the step where it is typed."""
    ready.password_bindings.all().delete()
    page = console.get(f"/nodes/{ready.pk}/join/").content.decode()
    assert "Type the password of <b>portal</b> for this server" in page
    seen = {"address": ready.address, "port": ready.port, "fingerprint": "SHA256:x", "password": "canary-pass-1"}
    console.post(f"/nodes/{ready.pk}/join/password/", seen)
    assert "Type the password of" not in console.get(f"/nodes/{ready.pk}/join/").content.decode()
    other = store_password(chief, login=Login(ready.cluster_id, "other", "svc"), password=Secret("canary-pass-2"))
    console.post(f"/nodes/{ready.pk}/join/choose-password/", {"credential": other.pk})
    assert (
        "Type the password of <b>other</b> for this server" in console.get(f"/nodes/{ready.pk}/join/").content.decode()
    )


def test_of_many_keys_that_differ_the_first_are_shown_and_the_rest_is_said_to_be_elsewhere(
    console, ready, monkeypatch
) -> None:
    """A node makes up as many as it likes, and each is a form."""
    for key in ("First", "Second", "Third"):
        row = {"path": "App/MDaemon.ini", "section": "A", "key": key}
        IniDecision.objects.create(node=ready, folded=folded(**row), choice="keep", **row)
    pages = (f"/nodes/{ready.pk}/join/?step=differences", f"/nodes/{ready.pk}/settings/ini-keys/")
    for page in (console.get(at).content.decode() for at in pages):
        assert ("Third" in page, "are shown" in page) == (True, False)
    for module in (wizard, tabs):
        monkeypatch.setattr(module, "SHOWN", 2)
    for page in (console.get(at).content.decode() for at in pages):
        assert ("First" in page, "Second" in page, "Third" in page) == (True, True, False)
        assert "The first 2 are shown; REST lists all" in page
