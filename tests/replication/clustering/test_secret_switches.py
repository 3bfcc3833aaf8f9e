"""A switch in a file that is secret is none, and a value that looks like a secret is nowhere in clear: in no table, on
no page and in no answer."""

from __future__ import annotations

import importlib
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AuditEvent, Role
from accounts.principals import SYSTEM, Principal
from nodes.checks.models import Guard
from nodes.checks.services.checks import run_checks
from nodes.cluster_log.models import ClusterLogLine
from nodes.clusters.models import Cluster, PathOverride
from nodes.connection.reader import Reader
from nodes.enums import Clustering, NodeRole
from nodes.facts import feature_settings
from nodes.facts.core import FeatureSetting
from nodes.facts.feature_settings import read_switches, switches_in
from nodes.facts.models import FeatureKey, FeatureMemory, NodeFacts
from nodes.facts.selectors.facts import cluster_features, features_of, profile_of
from nodes.facts.services.facts import Facts, record_facts
from nodes.facts.services.feature_memory import remember
from nodes.facts.services.features import FeaturePlace, set_feature_key
from nodes.products.ini import IniDocument, IniError
from nodes.products.masking import MASK
from nodes.products.profile import FeatureRule, Profile, Source
from nodes.registry.models import Node
from replication.clustering.feature_job import runner
from replication.clustering.feature_job.edits import switching_off
from replication.files.edits import Edit
from replication.jobs.driving import drive
from replication.jobs.models import Job, JobEvent, Target
from replication.jobs.planning import plan_job
from replication.jobs.services.requests import JobRequest, approve_job, request_job
from replication.objects import default_store
from tests.factories import BACKEND, make_cluster, make_member, make_node
from tests.fakes.disk import FakeDisk
from tests.journeys.canaries import Hunt, canary
from tests.replication.files.rounds import ROOT, Scene
from tests.steps import assert_linear

SWITCHES = f"{ROOT}/App/Switches.dat"
PEM = f"{ROOT}/PEM/server.ini"


@pytest.fixture
def cluster(db) -> Cluster:
    return make_cluster("mail")


@pytest.fixture
def primary(cluster: Cluster) -> Node:
    return make_node(cluster, "mx0", role=NodeRole.PRIMARY)


@pytest.fixture
def keeper(cluster: Cluster) -> Principal:
    return Principal(user=make_member(cluster, Role.ADMINISTRATOR, "keeper"), via="console")


@pytest.fixture
def disk(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> FakeDisk:
    """What the primary holds, as the job opens it."""
    made = FakeDisk()

    @contextmanager
    def opened(*_: object, **__: object) -> Any:
        yield Scene(made, default_store(), []).context(None).link

    def hasty(cluster: Cluster) -> Profile:
        return replace(profile_of(cluster), semaphore_wait_seconds=0.01, settle_seconds=0.0)

    monkeypatch.setattr(runner, "open_node", opened)
    monkeypatch.setattr(runner, "profile_of", hasty)
    return made


def named(path: str, section: str = "Switches", key: str = "On") -> FeaturePlace:
    return FeaturePlace("attachment_linking", path, section, key, "No")


def stored(cluster: Cluster, path: str, key: str = "On") -> FeatureKey:
    """A row as it was stored when nothing was asked of the file."""
    place = {"feature": "attachment_linking", "path": path, "section": "*", "key": key, "off": "No"}
    return FeatureKey.objects.create(cluster=cluster, by="x", at=timezone.now(), **place)


def switch_of(cluster: Cluster) -> FeatureRule:
    return next(rule for rule in cluster_features(cluster) if rule.code == "attachment_linking")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("PEM/server.ini", "secret"),
        ("pem\\SERVER.ini", "secret"),
        ("App/Userlist.dat", "secret"),  # a configuration file
        ("App/list.grp", "secret"),
        ("./PEM/server.ini", "plain name"),
        ("App//Domains.dat", "plain name"),
        ("PEM./server.ini", "plain name"),
        ("PEM /server.ini", "plain name"),
        ("PEM/server.ini::$DATA", "plain name"),
        ("PEM/SERVER~1.ini", "plain name"),
        ("Logs/some.log", "class config alone"),
        ("App/unheard.of", "class config alone"),
    ],
)
def test_a_switch_in_a_file_that_may_not_be_shown_is_refused(cluster, keeper, path: str, why: str) -> None:
    PathOverride.objects.create(cluster=cluster, pattern="**/*.ini*", path_class="config", created_by="x")
    with pytest.raises(ValidationError) as caught:
        set_feature_key(keeper, cluster_id=cluster.pk, place=named(path))
    assert list(caught.value.message_dict) == ["path"]
    (said,) = caught.value.message_dict["path"]
    assert why in said
    assert "Name another file" in said
    assert not FeatureKey.objects.exists()


def test_what_was_stored_before_is_no_switch(cluster) -> None:
    stored(cluster, "PEM/server.ini")
    rule = switch_of(cluster)
    assert (rule.path, rule.section, rule.key, rule.off) == ("", "", "", "")
    assert rule.note == "what PEM/server.ini holds is secret"
    run_checks(cluster.pk)
    assert Guard.objects.get(code="attachment_linking").evidence == "What PEM/server.ini holds is secret."


def test_a_later_change_of_path_classes_shuts_a_switch_and_opens_none(cluster, keeper) -> None:
    set_feature_key(keeper, cluster_id=cluster.pk, place=named("App/MDaemon.ini"))
    assert switch_of(cluster).key == "On"
    said = PathOverride.objects.create(cluster=cluster, pattern="App/*.ini", path_class="volatile", created_by="x")
    assert (switch_of(cluster).key, switch_of(cluster).note[:27]) == ("", "App/MDaemon.ini is volatile")
    said.delete()
    assert switch_of(cluster).key == "On"
    FeatureKey.objects.update(path="App/Userlist.dat")
    PathOverride.objects.create(cluster=cluster, pattern="App/Userlist.dat", path_class="config", created_by="x")
    assert switch_of(cluster).key == ""


def test_a_profiles_own_switch_is_asked_the_same(cluster) -> None:
    own = FeatureRule("own", "Own", Source.COMMUNITY, "PEM/server.ini", "*", "On", "No")
    (rule,) = features_of(cluster, replace(profile_of(cluster), features=(own,)))
    assert (rule.path, rule.key) == ("", "")


@pytest.mark.parametrize(
    ("section", "key", "value", "shown"),
    [
        ("a.example", "Bind", "Yes", "Yes"),
        ("a.example", "Password", "hunter2", MASK),
        ("Secrets", "On", "hunter2", MASK),
        ("a", "On", "a1b2c3d4e5f6a7b8c9d0", MASK),
        ("a", "Password", " no ", " no "),  # what switches it off is known
    ],
)
def test_a_value_that_looks_like_a_secret_is_masked_and_stays_on(section, key, value, shown) -> None:
    switch = FeatureSetting("f", "App/x", section, key, "No", value)
    assert switch.shown.value == shown
    assert switch.shown.is_on == switch.is_on
    assert switch.in_words == f"[{section}] {key}={shown} in App/x"


def test_no_node_has_more_or_longer_switches_than_are_kept(monkeypatch) -> None:
    rule = FeatureRule("f", "F", Source.OPERATOR, "App/x", "*", "On", "No")
    monkeypatch.setattr(feature_settings, "MAX_SWITCHES", 2)
    assert len(switches_in(rule, IniDocument.parse(b"[a]\nOn=1\nOn=2\n[A]\non=3\n[b]\nOn=1\n"))) == 2
    for text in (b"[a]\nOn=1\n[b]\nOn=1\n[c]\nOn=1\n", b"[" + b"a" * 201 + b"]\nOn=1\n"):
        with pytest.raises(IniError, match="line "):
            switches_in(rule, IniDocument.parse(text))


def changes_of_many(size: int) -> list[Edit]:
    """Every second switch of as many sections is on."""
    content = "".join(f"[s{number}]\nOn={'Yes' if number % 2 else 'No'}\n;\n" for number in range(size)).encode()
    held = FakeDisk()
    held.put(SWITCHES, content)
    rule = FeatureRule("f", "F", Source.OPERATOR, "App/Switches.dat", "*", "On", "No")
    made = switching_off(Reader(Scene(held, None, []).context(None).link), [rule])
    assert len(made[0].diff) == 2 + 3 * (size // 2)
    return made


def test_twice_the_switches_take_twice_the_steps() -> None:
    assert_linear(changes_of_many, lambda size: size)


def test_a_switch_that_was_shut_since_is_not_given_back_and_the_plan_says_so(cluster, primary, disk) -> None:
    """What it holds is not even read; disabling does not wait for it for ever."""
    switch = FeatureSetting("attachment_linking", "PEM/server.ini", "Switches", "On", "No", "hunter2")
    remember(node_id=primary.pk, job_number=1, switches=[switch])
    Cluster.objects.update(clustering=Clustering.ENDING)
    disk.put(PEM, b"[Switches]\r\nOn=No\r\n")
    disk.denied.add(PEM)
    job = request_job(SYSTEM, JobRequest(cluster.pk, "features", {"to": "restore"}))[0]
    assert plan_job(job.pk)
    job.refresh_from_db()
    assert job.state == "succeeded", job.error
    (said,) = job.plan_summary["left"]
    assert said.startswith("[Switches] On is not given back: what PEM/server.ini holds is secret. Set it on the server")
    assert JobEvent.objects.get(code="features.left").text == said
    row = FeatureMemory.objects.get()
    assert (row.value, row.restored_at is None) == (None, False)


def test_a_switch_that_is_shut_between_plan_and_approval_is_not_touched(cluster, primary, disk) -> None:
    PathOverride.objects.create(cluster=cluster, pattern="App/Switches.dat", path_class="config", created_by="x")
    stored(cluster, "App/Switches.dat")
    disk.put(SWITCHES, b"[a]\r\nOn=Yes\r\n")
    job = planned(cluster, "off")
    PathOverride.objects.update(path_class="volatile")
    done = approved(job)
    assert (done.state, done.error_code) == ("halted", "plan_outdated")
    assert disk.content(SWITCHES) == b"[a]\r\nOn=Yes\r\n"


def planned(cluster: Cluster, to: str) -> Job:
    job = request_job(SYSTEM, JobRequest(cluster.pk, "features", {"to": to}))[0]
    assert plan_job(job.pk)
    job.refresh_from_db()
    assert job.state == "awaiting_approval", job.error
    return job


def approved(job: Job) -> Job:
    approve_job(SYSTEM, job.pk, job.plan_digest)
    drive()
    job.refresh_from_db()
    return job


def all_tables() -> bytes:
    """Every row of every table, as the database has it."""
    with connection.cursor() as cursor:
        rows = []
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            rows += [repr((table, bytes(cell) if isinstance(cell, memoryview) else cell)) for r in cursor for cell in r]
    return "\n".join(rows).encode()


def pages(cluster: Cluster, jobs: list[Job], node: Node) -> dict[str, bytes]:
    """What a viewer sees of all this, by address."""
    viewer = make_member(cluster, Role.VIEWER)
    browser, api = Client(), APIClient()
    browser.force_login(viewer, backend=BACKEND)
    api.force_authenticate(viewer)
    at = [f"/clusters/{cluster.pk}/", f"/clusters/{cluster.pk}/settings/", f"/clusters/{cluster.pk}/checks/"]
    at += [f"/nodes/{node.pk}/", f"/clusters/{cluster.pk}/setup/", f"/clusters/{cluster.pk}/log/"]
    rest = [f"clusters/{cluster.pk}/{what}" for what in ("clustering", "checks", "features", "log", "setup")]
    rest += [f"nodes/{node.pk}/facts/"]
    for job in jobs:
        at.append(f"/jobs/{job.pk}/")
        rest += [f"jobs/{job.pk}", f"jobs/{job.pk}/events", f"jobs/{job.pk}/plan"]
    answers: dict[str, Any] = {address: browser.get(address, follow=True) for address in at}
    answers |= {address: api.get(f"/api/v1/{address}", follow=True) for address in rest}
    for address, answer in answers.items():
        assert (answer.status_code, b"Sign in" in answer.content) == (200, False), (address, answer.status_code)
    return {address: answer.content for address, answer in answers.items()}


def test_no_table_page_or_answer_holds_a_switch_that_looks_like_a_secret(cluster, primary, disk) -> None:
    secret = {"password": canary("password"), "section": canary("section"), "opaque": canary("opaque1")}
    content = "".join(
        f"[{section}]\r\nPassword = {secret[name]}\r\n"
        for section, name in (("a.example", "password"), ("Tokens", "section"), ("b.example", "opaque"))
    ).encode()
    PathOverride.objects.create(cluster=cluster, pattern="App/Switches.dat", path_class="config", created_by="x")
    stored(cluster, "App/Switches.dat", "Password")
    disk.put(SWITCHES, content)
    hunt = Hunt(secret)

    def look(where: str) -> None:
        hunt.look("table", where, all_tables())
        for address, seen in pages(cluster, jobs, primary).items():
            hunt.look("page", f"{address} {where}", seen)

    jobs: list[Job] = []
    found = read_switches(Reader(Scene(disk, None, []).context(None).link), cluster_features(cluster))
    assert {switch.value for switch in found} >= set(secret.values())
    record_facts(node_id=primary.pk, facts=Facts(read_at=timezone.now(), switches=found))
    run_checks(cluster.pk)
    assert Guard.objects.get(code="attachment_linking").state == "fail"
    assert MASK in ClusterLogLine.objects.get(text__contains="switched on").text
    jobs.append(planned(cluster, "off"))
    look("planned")
    assert approved(jobs[0]).state == "succeeded"
    look("switched off")
    assert b"Canary" not in disk.content(SWITCHES)
    Cluster.objects.update(clustering=Clustering.ENDING)
    jobs.append(planned(cluster, "restore"))
    look("to be given back")
    assert approved(jobs[1]).state == "succeeded"
    look("given back")
    assert disk.content(SWITCHES) == content
    assert not hunt.sightings, hunt.sightings
    assert MASK in str(NodeFacts.objects.get().switches)
    assert f"-Password={MASK}" in jobs[0].plan_summary["diff"]
    assert not AuditEvent.objects.filter(text__contains="Canary").exists()


def migration(app: str) -> Any:
    """Whatever its number is."""
    (file,) = Path(app, "migrations").glob("*_no_switch_in_clear.py")
    return importlib.import_module(f"{app}.migrations.{file.stem}")


def test_what_is_stored_already_is_forgotten(cluster, primary) -> None:
    switch = FeatureSetting("attachment_linking", "PEM/server.ini", "a", "Password", "No", canary("old"))
    words = f"It is switched on: [a] Password={switch.value} in PEM/server.ini."
    NodeFacts.objects.create(node=primary, read_at=timezone.now(), switches=[asdict(switch)])
    moment = {"since": timezone.now(), "checked_at": timezone.now()}
    found = [{"node": "mx0", "standing": "fail", "evidence": words, "remedy": "Run it."}]
    Guard.objects.create(cluster=cluster, code="a", evidence=f"mx0: {words}", findings=found, state="fail", **moment)
    Guard.objects.create(cluster=cluster, code="b", evidence="All is well.", state="pass", **moment)
    ClusterLogLine.objects.create(cluster=cluster, at=timezone.now(), level="Error", code="0x1", text=f"mx0: {words}")
    summary = {"diff": [f"-Password={switch.value}"], "switches": [words], "to_do": ["x"]}
    job = Job.objects.create(cluster=cluster, kind="features", plan_summary=summary)
    Target.objects.create(job=job, node=primary, evidence={"switches": [words], "files_proven": 1})
    for code in ("features.diff", "features.read", "other"):
        text = "" if code == "other" else words
        JobEvent.objects.create(job=job, at=timezone.now(), code=code, text=f"{code}: {text}")
    for app in ("nodes", "replication"):
        migration(app).forget_values(apps, None)
    assert b"Canary" not in all_tables()
    guard = Guard.objects.get(code="a")
    assert (guard.evidence, guard.findings[0]["evidence"]) == ("mx0: It is switched on.", "It is switched on.")
    assert Guard.objects.get(code="b").evidence == "All is well."
    assert Job.objects.get().plan_summary == {"to_do": ["x"]}
    assert Target.objects.get().evidence == {"files_proven": 1}
    assert JobEvent.objects.get(code="other").text == "other: "


def test_what_has_to_be_given_back_is_sealed_on_the_way() -> None:
    row = SimpleNamespace(value="hunter2", kept=None, save=lambda **_: None)
    model = SimpleNamespace(objects=SimpleNamespace(filter=lambda **_: [row]))
    migration("nodes").seal_what_is_remembered(SimpleNamespace(get_model=lambda *_: model), None)
    assert row.kept.reveal() == "hunter2"
