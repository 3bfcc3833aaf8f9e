"""What a worker's log says of a task that failed on the database: a real worker, a real database."""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from django.db import IntegrityError, InterfaceError, OperationalError, ProgrammingError, connection
from kombu import Connection

from accounts.database import is_away
from clusterportal.celery import BrokerChannel
from tests.deadlines import PATIENCE

ROOT = Path(__file__).resolve().parents[2]
CANARY = "walrus-tusk-42"
WORKER = f"""
import gc, os, signal, sqlite3
import django
django.setup()
from django.db import connection
from clusterportal.celery import app
from nodes.secret import Secret

with connection.cursor():
    pass  # it gets its write-ahead log while nobody else has it open: migrating does that for a portal
connection.close()

app.conf.broker_url = "memory://"
app.conf.task_default_queue = "celery"

@app.task
def wrong():
    Secret("{CANARY}").reveal()
    connection.cursor().execute("SELECT '{CANARY}' FROM nowhere")

@app.task
def careless():
    raise ZeroDivisionError("{CANARY}")

@app.task
def away():
    connection.cursor().execute("PRAGMA busy_timeout=0")
    other = sqlite3.connect(connection.settings_dict["NAME"], isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        connection.cursor().execute("CREATE TABLE never (x)")
    finally:
        other.close()

@app.task
def full():
    connection.cursor().execute("CREATE TABLE small (x)")
    connection.cursor().execute("PRAGMA max_page_count=1")
    connection.cursor().execute("INSERT INTO small VALUES (zeroblob(1000000))")

@app.task
def collecting():
    print("collects", gc.get_freeze_count() > 1000, gc.get_threshold())

@app.task
def end():
    os.kill(os.getpid(), signal.SIGTERM)

for task in (wrong, careless, away, full, collecting, end):
    task.delay()
app.worker_main(["--quiet", "worker", "-P", "threads", "-c", "1", "--loglevel", "info"])
"""


@pytest.fixture(scope="module")
def log(tmp_path_factory) -> str:
    """What a worker wrote that ran a wrong statement, a careless task, and one whose database was locked."""
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {"DJANGO_SETTINGS_MODULE": "clusterportal.settings", "PYTHONPATH": str(ROOT)}
    folder = tmp_path_factory.mktemp("worker")
    done = subprocess.run(
        [sys.executable, "-c", WORKER],
        env={**environment, "CLUSTERPORTAL_DATA": str(folder), "CLUSTERPORTAL_SECRET_KEY": "k" * 50},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert "Traceback" in done.stderr, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_wrong_statement_shows_its_traceback_and_a_locked_database_a_line(log: str) -> None:
    told = {name: _told(log, name) for name in ("wrong", "careless", "away", "full")}
    assert "Traceback" in told["wrong"]
    assert "in wrong" in told["wrong"]
    assert "OperationalError: no such table: nowhere" in told["wrong"]
    assert "in careless" in told["careless"]
    assert "raised expected: DatabaseAway('database is locked')" in told["away"]
    assert "Traceback" not in told["away"]
    assert "raised expected: DatabaseAway('database or disk is full')" in told["full"]
    assert "Traceback" not in told["full"]


def test_a_worker_does_not_look_through_what_it_imported_again_and_again(log: str) -> None:
    assert "collects True (10000, 10, 10)" in log


def _told(log: str, task: str) -> str:
    """What Celery wrote of how a task ended, up to the next line of the log."""
    lines = log.splitlines()
    first = next(at for at, line in enumerate(lines) if f"Task clusterportal.{task}[" in line and "raised" in line)
    after = (at for at, line in enumerate(lines) if at > first and re.match(r"\d{4}-\d\d-\d\d ", line))
    return "\n".join(lines[first : next(after)])


def test_no_secret_is_in_it(log: str) -> None:
    assert CANARY not in log
    assert "ZeroDivisionError: ***" in log


@pytest.mark.django_db
@pytest.mark.parametrize("statement", ["SELECT x FROM nowhere", "SELEC 1", "SELECT no_such_column FROM nodes_node"])
def test_a_statement_that_cannot_work_is_a_fault(statement: str) -> None:
    with pytest.raises((OperationalError, ProgrammingError)) as caught:
        connection.cursor().execute(statement)
    assert not is_away(caught.value)


def test_a_database_that_does_not_answer_is_away(tmp_path: Path) -> None:
    with pytest.raises(psycopg.OperationalError) as refused:
        psycopg.connect("host=127.0.0.1 port=1 dbname=x connect_timeout=2")
    with pytest.raises(sqlite3.OperationalError) as unopened:
        sqlite3.connect(tmp_path / "nowhere" / "x").execute("SELECT 1")
    for cause in (refused.value, unopened.value):
        error = OperationalError(str(cause))
        error.__cause__ = cause
        assert is_away(error)
    assert is_away(InterfaceError("connection already closed"))
    assert not is_away(IntegrityError("taken"))


def test_a_message_is_not_acknowledged_to_a_connection_that_is_gone():
    """It ended the worker: its broker died between the message and the acknowledgement."""
    channel = BrokerChannel.__new__(BrokerChannel)
    channel.connection = None
    channel.basic_ack("a delivery tag")
    assert Connection("redis://").get_transport_cls().Channel is BrokerChannel
