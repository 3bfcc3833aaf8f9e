"""What a failing check means for joining, over rows as workers write them: refused with evidence and remedy, or
accepted by name where a person may know better."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.models import AuditEvent
from nodes.checks.core.readings import ClusterReading, NodeReading, Said
from nodes.checks.core.verdicts import CHECKS
from nodes.checks.services.attestations import Word, attest
from nodes.checks.services.registration import seal_registration
from nodes.cluster_log.models import ClusterLogLine
from nodes.credentials.services import Login, store_password
from nodes.enums import HostKeyState, Joining, NodeRole, ReplicationMode
from nodes.facts.models import NodeFacts
from nodes.lifecycle.core import (
    ACCEPTABLE,
    UNSAFE,
    blocking,
    join_checks,
)
from nodes.registry.models import HostKey, Node
from nodes.secret import Secret
from replication.jobs.models import Job
from tests.factories import make_cluster, make_node, typed

pytestmark = pytest.mark.django_db
GIB = 2**30


@pytest.fixture
def chief(administrator, principal_for):
    return principal_for(administrator)


@pytest.fixture
def boss(administrator, api_for):
    return api_for(administrator)


def facts(node: Node, **fields) -> None:
    values = {
        "read_at": timezone.now(),
        "measured_at": timezone.now(),
        "product_version": "25.5.2",
        "time_zone": "UTC",
        "clock_offset_ms": 0.0,
        "clock_uncertainty_ms": 1.0,
        "peer_address": node.address,
        "disk_total": 100 * GIB,
        "disk_free": 60 * GIB,
    }
    NodeFacts.objects.update_or_create(node=node, defaults={**values, **fields})


def known(chief, node: Node, key: str) -> None:
    """Everything the guards ask for is known of the node, and well."""
    facts(node)
    mode = node.cluster.replication_mode
    attest(chief, node_id=node.pk, word=Word("cluster_service", "on" if mode == ReplicationMode.NATIVE else "off"))
    seal_registration(chief, node_id=node.pk, key=Secret(key))


def pair(chief, cluster) -> tuple[Node, Node]:
    """A primary, and a registered secondary that could join."""
    credential = store_password(chief, login=Login(cluster.pk, "portal", "svc"), password=Secret("canary-pass-1"))
    primary = make_node(cluster, "mx0", role=NodeRole.PRIMARY, address="192.0.2.10")
    node = make_node(cluster, "mx1", joining=Joining.REGISTERED, credential=credential, address="192.0.2.11")
    HostKey.objects.create(node=node, fingerprint="SHA256:x", state=HostKeyState.APPROVED)
    typed(node)
    known(chief, primary, "KEY-OF-MX0")
    known(chief, node, "KEY-OF-MX1")
    return primary, node


def join(boss, node: Node, **body):
    return boss.post(f"/api/v1/nodes/{node.pk}/join/", {"confirm_name": node.name, **body})


def version_differs(chief, primary, node) -> None:
    facts(node, product_version="24.0.1")


def same_key(chief, primary, node) -> None:
    seal_registration(chief, node_id=node.pk, key=Secret("KEY-OF-MX0"))


def two_primaries(chief, primary, node) -> None:
    attest(chief, node_id=node.pk, word=Word("part", "primary"))


def primary_is_none(chief, primary, node) -> None:
    attest(chief, node_id=primary.pk, word=Word("part", "secondary"))


def service_on(chief, primary, node) -> None:
    attest(chief, node_id=node.pk, word=Word("cluster_service", "on"))


def service_on_at_the_primary(chief, primary, node) -> None:
    attest(chief, node_id=primary.pk, word=Word("cluster_service", "on"))


def clock_off(chief, primary, node) -> None:
    facts(node, clock_offset_ms=400_000.0)


def disk_full(chief, primary, node) -> None:
    facts(node, disk_free=GIB)


@pytest.mark.parametrize(
    ("spoil", "code", "evidence", "remedy"),
    [
        (version_differs, "same_version", "It runs 24.0.1; the primary mx0 runs 25.5.2.", "same version"),
        (same_key, "registration_key", "same registration key as mx0", "key of its own"),
        (two_primaries, "one_primary", "says it is the primary", "Register the node that is the primary"),
        (primary_is_none, "one_primary", "mx0: administrator attested", "correct the role"),
        (service_on, "cluster_service", "that it is on", "attest it"),
        (service_on_at_the_primary, "cluster_service", "mx0: administrator attested", "attest it"),
        (clock_off, "clock", "400.000 s ahead of", "time synchronisation"),
        (disk_full, "disk", "1.0 of 100.0 GiB are free", "Free space"),
    ],
)
def test_a_check_that_fails_refuses(boss, chief, cluster, spoil, code, evidence, remedy) -> None:
    primary, node = pair(chief, cluster)
    spoil(chief, primary, node)

    answer = join(boss, node)

    assert (answer.status_code, answer.json()["code"]) == (409, "checks_failed")
    (error,) = answer.json()["errors"]
    assert error["code"] == code
    assert CHECKS[code].label in error["message"]
    assert evidence in error["message"]
    assert remedy in error["remedy"]
    assert evidence in answer.json()["detail"]
    node.refresh_from_db()
    assert node.joining == Joining.REGISTERED
    assert not AuditEvent.objects.filter(action__startswith="node.join").exists()
    shown = boss.get(f"/api/v1/nodes/{node.pk}/join/").json()["checks"]
    assert [(one["code"], one["acceptable"]) for one in shown if one["blocks"]] == [(code, code in ACCEPTABLE)]


def test_what_is_well_joins_and_a_warning_does_not_refuse(boss, chief, cluster) -> None:
    _, node = pair(chief, cluster)
    facts(node, time_zone="Europe/Vienna", clock_offset_ms=2400.0)
    assert join(boss, node).json()["joining"] == "joining"
    said = AuditEvent.objects.get(action="node.join")
    assert not {"same_version", "clock", "disk", "cluster_service"} & set(said.data["unknown"])
    assert "Not known then: Shared paths" in said.text


def test_old_readings_are_not_known_and_named(boss, chief, cluster) -> None:
    _, node = pair(chief, cluster)
    long_ago = timezone.now() - timedelta(days=1)
    facts(node, product_version="24.0.1", measured_at=long_ago)
    assert join(boss, node).status_code == 200
    assert "Same version" in AuditEvent.objects.get(action="node.join").text


def test_a_check_is_accepted_by_name_and_audited(boss, chief, cluster) -> None:
    primary, node = pair(chief, cluster)
    disk_full(chief, primary, node)
    clock_off(chief, primary, node)
    facts(node, clock_offset_ms=400_000.0, disk_free=GIB)
    both = join(boss, node, accept=["disk"])
    assert [error["code"] for error in both.json()["errors"]] == ["clock"]
    facts(node, disk_free=GIB)

    assert join(boss, node, accept=["disk"]).json()["joining"] == "joining"

    said = AuditEvent.objects.get(action="node.join_accept")
    assert said.data["check"] == "disk"
    assert "1.0 of 100.0 GiB are free" in said.data["evidence"]
    assert said.text.startswith("administrator accepted for mx1: Disk space.")
    assert ClusterLogLine.objects.filter(text__startswith="administrator accepted for mx1: Disk space").exists()


def test_accepting_what_does_not_fail_changes_and_says_nothing(boss, chief, cluster) -> None:
    _, node = pair(chief, cluster)
    assert join(boss, node, accept=["disk", "path_access"]).status_code == 200
    assert not AuditEvent.objects.filter(action="node.join_accept").exists()


@pytest.mark.parametrize("accept", [["same_version"], ["clock", "disk"], ["nonsense"], "disk"])
def test_nobody_accepts_what_cannot_be_accepted(boss, chief, cluster, accept) -> None:
    _, node = pair(chief, cluster)
    answer = join(boss, node, accept=accept)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].startswith("accept")
    node.refresh_from_db()
    assert node.joining == Joining.REGISTERED


def test_the_console_refuses_and_accepts_alike(console_for, administrator, chief, cluster) -> None:
    primary, node = pair(chief, cluster)
    console = console_for(administrator)
    # the step of confirming is reached once the comparison was made
    Job.objects.create(
        cluster=cluster, kind="replicate", state="succeeded", requester="x", dry_run=True, node_ids=[node.pk]
    )
    at = f"/nodes/{node.pk}/join/"
    version_differs(chief, primary, node)
    page = console.get(f"{at}?step=confirm").content.decode()
    assert "It runs 24.0.1; the primary mx0 runs 25.5.2." in page
    assert 'name="typed"' not in page
    said = console.post(f"{at}confirm/", {"typed": "mx1"}, follow=True).content.decode()
    assert "cannot join while these checks do not pass" in said
    disk_full(chief, primary, node)
    page = console.get(f"{at}?step=confirm").content.decode()
    assert 'name="accept" value="disk"' in page
    assert "Not known:</b> Shared paths" in page
    forged = console.post(f"{at}confirm/", {"typed": "mx1", "accept": ["same_version"]}, follow=True)
    assert "Nobody can accept same_version" in forged.content.decode()
    assert "cannot join while" in console.post(f"{at}confirm/", {"typed": "mx1"}, follow=True).content.decode()
    node.refresh_from_db()
    assert node.joining == Joining.REGISTERED
    console.post(f"{at}confirm/", {"typed": "mx1", "accept": ["disk"]})
    node.refresh_from_db()
    assert node.joining == Joining.JOINING


def test_in_native_mode_the_wizard_ends_with_the_confirmation(boss, console_for, administrator, chief) -> None:
    cluster = make_cluster("own", replication_mode=ReplicationMode.NATIVE)
    _, node = pair(chief, cluster)
    console = console_for(administrator)
    version_differs(chief, None, node)
    assert join(boss, node).json()["code"] == "checks_failed"
    facts(node)
    page = console.get(f"/nodes/{node.pk}/join/?step=plan").content.decode()
    assert "step 5 of 5" in page
    assert "keeps nothing of what is lost there" in page
    done = join(boss, node).json()
    assert done["joining"] == "joined"
    assert {step["state"] for step in done["steps"]} == {"done"}
    assert "is a registered server" in console.get(f"/nodes/{node.pk}/join/").content.decode()


def test_shared_paths_that_are_not_reached_refuse_once_they_are_tried() -> None:
    """No guard tries them yet; the rule for its finding stands already."""
    off = Said("off", "astrid", "2026-11-30 10:00")
    nodes = (NodeReading("mx0", primary=True, service=off), NodeReading("mx1", service=off))
    reading = ClusterReading(native=False, nodes=nodes)
    checks = join_checks(reading, "mx1")
    tried = [replace(check, blocks=True, acceptable=True) if check.code == "path_access" else check for check in checks]
    assert {"path_access"} == {check.code for check in blocking(tried)}
    assert blocking(tried, ["path_access"]) == ()


def test_what_is_unsafe_are_guards() -> None:
    assert set(CHECKS) >= UNSAFE >= set(ACCEPTABLE)
