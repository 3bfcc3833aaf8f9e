"""The portal on PostgreSQL, a real server: migrations, refusals of the database itself, races, one whole story."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests import surroundings
from tests.deadlines import PATIENCE, wait_for
from tests.journeys.portal import REPO
from tests.journeys.trees import config_of
from tests.postgresql import PostgresqlServer
from tests.tools import tool

RACES = "tests/replication/jobs/test_races.py"
LEASES = "tests/nodes/leases/test_contract.py"
USERS = "tests/accounts/test_users.py::test_two_administrators_who_take_the_role_from_each_other_at_once_leave_one"
CLAIMING = (
    "test_of_two_claimers_at_once_one_gets_it",
    "test_a_takeover_waits_for_the_lease_and_one_operation",
    "test_what_an_old_owner_writes_is_void",
    "test_a_renewal_makes_the_lease_as_long_as_at_first",
)
STORE = "tests/replication/objects/test_many.py"
STORING = (
    "test_processes_write_read_and_sweep_at_once",
    "test_threads_write_the_same_at_once",
    "test_one_who_puts_as_not_secret_wins_over_one_who_puts_as_secret",
    *(f"test_what_is_used_while_a_sweep_is_about_to_take_it_stays[{use}]" for use in ("has", "put", "batch", "stream")),
    "test_of_a_sweep_and_one_who_puts_the_same_again_none_is_lost",
    "test_two_that_make_the_store_agree_on_its_name_key",
)
ENGINE = [
    f"{RACES}::test_two_threads_claim_one_job",
    f"{RACES}::test_two_threads_claim_the_same_targets",
    f"{RACES}::test_two_processes_share_the_work_without_doing_any_twice",
    f"{RACES}::test_two_sweeps_at_once_take_over_once",
    f"{RACES}::test_what_the_old_owner_writes_is_void",
    *(f"{LEASES}::{test}[{kind}]" for test in CLAIMING for kind in ("job", "target", "look", "search")),
    "tests/replication/jobs/test_progress.py::test_waiting_for_a_person_for_its_turn_and_for_a_node_is_told_apart_from_running",
    "tests/accounts/test_audit_append_only.py::test_model_and_queryset_refuse",
    "tests/run/test_upgrade.py::test_what_is_there_goes_along",
    *(f"{USERS}[{act}]" for act in ("demote", "shut out")),
    "tests/accounts/test_names.py::test_of_two_like_names_at_once_one_gets_in",
    "tests/accounts/test_second_factor.py::test_one_that_is_sent_many_times_at_once_enters_once",
    "tests/accounts/test_guessing.py::test_of_many_at_once_only_a_few_passwords_are_compared",
    "tests/replication/objects/test_retention.py::test_two_turns_at_once_have_one_effect",
    *(f"{STORE}::{test}" for test in STORING),
]
"""Tests whose outcome is the database's doing: they run in a process of their own, on this server."""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresqlServer]:
    server = PostgresqlServer.start()
    try:
        yield server
    finally:
        server.stop()


def test_races_have_one_winner(server: PostgresqlServer, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    environment |= {surroundings.DATABASE: server.url, "CLUSTERPORTAL_DATA": str(tmp_path)}
    words = [sys.executable, "-m", "pytest", "-q", *ENGINE]
    done = subprocess.run(
        words, cwd=REPO, env=environment, capture_output=True, text=True, timeout=3 * PATIENCE, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(ENGINE)} passed" in done.stdout


def test_a_cluster_kept_equal_from_postgresql(server: PostgresqlServer, new_stage: Any, tmp_path: Path) -> None:
    environment = {"DATABASE_URL": server.url}
    stage = new_stage(environment=environment, nodes=2, files=40, approval="never", watch=True)
    source, copy = (root / "App" / "list0001.grp" for root in stage.roots)
    stage.replicate()
    assert config_of(stage.roots[1]) == config_of(stage.roots[0])
    source.write_bytes(b"; seen by the watch\r\n")
    wait_for("it is on the secondary", lambda: copy.read_bytes() == source.read_bytes())

    _assert_the_log_cannot_be_changed(server)

    server.end()  # as when it is restarted for an update
    source.write_bytes(b"; written while the database was away\r\n")
    server.begin()
    wait_for("it is on the secondary", lambda: copy.read_bytes() == source.read_bytes())
    wait_for("the job is proven", lambda: stage.portal.ok("GET", "jobs")["results"][0]["state"] == "succeeded")

    assert server.password not in stage.portal.logs()
    stage.portal.stop()
    file, jobs = tmp_path / "portal.backup", _rows(server, "SELECT count(*) FROM replication_job")
    assert tool("pg_dump") and tool("pg_restore")  # what the two start
    stage.portal.manage("backup", str(file))
    _rows(server, "DROP TABLE replication_target CASCADE")
    stage.portal.manage("restore", str(file), "--force")
    assert _rows(server, "SELECT count(*) FROM replication_job") == jobs
    assert _rows(server, "SELECT count(*) FROM replication_target")[0][0] > 0
    assert re.search(r"The audit log is whole: [0-9]+ events", stage.portal.manage("verify_audit"))


def _rows(server: PostgresqlServer, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(server.url) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def _assert_the_log_cannot_be_changed(server: PostgresqlServer) -> None:
    """By nobody, not even by who owns the tables."""
    events = _rows(server, "SELECT * FROM accounts_auditevent ORDER BY id")
    assert len(events) > 5
    for statement in (
        "UPDATE accounts_auditevent SET actor = 'nobody'",
        "DELETE FROM accounts_auditevent",
        "TRUNCATE accounts_auditevent CASCADE",
        "TRUNCATE accounts_auditlink",
        "INSERT INTO accounts_auditevent SELECT * FROM accounts_auditevent"
        " ON CONFLICT (id) DO UPDATE SET actor = 'nobody'",
    ):
        with pytest.raises(psycopg.Error, match="audit events cannot be changed or deleted"):
            _rows(server, statement)
    assert _rows(server, "SELECT * FROM accounts_auditevent ORDER BY id") == events
