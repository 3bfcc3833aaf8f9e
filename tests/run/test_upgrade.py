"""A database that is in use, through the newer migrations: rows are there while its tables change."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from accounts.chain import verify
from accounts.models import AuditEvent, AuditLink, LoginFailure, User
from nodes.credentials.models import PasswordBinding
from nodes.facts.models import FeatureMemory, NodeFacts
from nodes.secret import Secret
from replication.jobs.models import Job

BEFORE = [("accounts", "0002_append_only"), ("nodes", "0007_incomplete"), ("replication", "0010_phases_of_jobs")]
LIBRARY = ("axes", "0010_accessattemptexpiration")


@pytest.fixture
def before(transactional_db) -> Iterator[Any]:
    """The models of an older version, on its tables; the tables of this version afterwards."""
    executor = MigrationExecutor(connection)
    newest = executor.loader.graph.leaf_nodes()
    try:
        executor.migrate(BEFORE)
        yield executor.loader.project_state([*BEFORE, LIBRARY]).apps
    finally:
        MigrationExecutor(connection).migrate(newest)


def fill(apps: Any) -> None:
    """Rows that the migrations change, and rows that refer to them."""
    now = timezone.now()
    users = apps.get_model("accounts", "User").objects
    for name in ("mate", "m\u0430te", "system"):  # the second with a Cyrillic letter
        users.create(username=name, must_change_password=name == "mate")
    for number in range(3):
        apps.get_model("accounts", "AuditEvent").objects.create(
            actor="mate", via="console", action="a", text=f"{number}"
        )
    attempt = {"username": "hunter2", "ip_address": "192.0.2.1", "failures_since_start": 1}
    apps.get_model("axes", "AccessAttempt").objects.create(**attempt)
    cluster = apps.get_model("nodes", "Cluster").objects.create(name="mail")
    login = {"name": "portal", "kind": "password", "username": "portal", "secret": Secret("hunter2")}
    credential = apps.get_model("nodes", "Credential").objects.create(cluster=cluster, **login)
    where = {"address": "192.0.2.1", "port": 22, "platform": "posix", "role": "secondary", "install_root": "/opt/mail"}
    node = apps.get_model("nodes", "Node").objects.create(cluster=cluster, name="mx1", credential=credential, **where)
    apps.get_model("nodes", "HostKey").objects.create(node=node, fingerprint="SHA256:x", state="approved")
    switch = {"feature": "a", "path": "App/a.ini", "section": "a", "key": "On", "off": "No", "job_number": 1}
    for given_back in (None, now):
        apps.get_model("nodes", "FeatureMemory").objects.create(
            node=node, value="Yes", switched_at=now, restored_at=given_back, **switch
        )
    apps.get_model("nodes", "NodeFacts").objects.create(node=node, read_at=now, switches=[{"value": "hunter2"}])
    job = apps.get_model("replication", "Job").objects.create(
        cluster=cluster, kind="features", plan_summary={"diff": ["hunter2"]}
    )
    apps.get_model("replication", "JobEvent").objects.create(job=job, at=now, code="features.diff", text="hunter2")


def test_what_is_there_goes_along(before) -> None:
    fill(before)
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())
    looks = {user.username: bool(user.look_typed and user.look_small) for user in User.objects.all()}
    assert looks == {"mate": True, "m\u0430te": False, "system": False}
    until = User.objects.get(username="mate").one_time_until
    assert until is not None and until > timezone.now() + timedelta(days=2)
    assert AuditEvent.objects.count() == AuditLink.objects.count() == 3
    assert verify()[1] is None
    bound = PasswordBinding.objects.get()
    assert (bound.fingerprint, bound.secret_version, bound.node.name) == ("SHA256:x", 1, "mx1")
    kept = FeatureMemory.objects.order_by("pk").values_list("value", flat=True)
    assert [value and value.reveal() for value in kept] == ["Yes", None]
    assert NodeFacts.objects.get().switches == []
    assert Job.objects.get().plan_summary == {}
    assert not LoginFailure.objects.exists()
