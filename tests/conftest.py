"""The cast and the doors that every test may use.

administrator: may do everything on the portal. operator, viewer: on `cluster` only. stranger: logged in, no role.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator

import hypothesis
import pytest
from django.core.cache import cache
from django.core.management.commands import flush as flush_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from rest_framework.test import APIClient
from xdist.remote import Producer

from accounts import append_only
from accounts.audit import REFUSALS
from accounts.models import Role, User
from accounts.principals import Principal
from clusterportal.garbage import end_loading
from nodes import secret
from nodes.clusters.models import Cluster
from replication.configuration.job.glance import SIGHTINGS
from replication.configuration.job.planning import RECENT
from replication.configuration.job.snapshot import LAST_SCANS
from replication.configuration.job.source import SOURCES
from replication.objects import default_store
from tests import migrated, tools
from tests.factories import BACKEND, make_cluster, make_member, make_token, make_user
from tests.handles import pytest_runtest_teardown
from tests.lanes import Lanes
from tests.smbd import Smbd

__all__ = ["pytest_runtest_teardown"]

tools.only_listed()
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")  # a busy one is slow, and that is no finding


def pytest_addoption(parser: pytest.Parser) -> None:
    """`tests/faces/test_access_table.py` says what it is for."""
    parser.addoption("--write-access-table", action="store_true", help="write tests/faces/access_table.txt anew")


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Lanes:
    """What `./run test` gives its lanes to do."""
    return Lanes(config, log)


def pytest_collection_finish() -> None:
    """What is loaded by now stays, and tests leave little behind that keeps itself alive: the garbage collector need
    not look through all of it again and again. As workers do."""
    gc.collect()
    end_loading()


@pytest.fixture(scope="session")
def smbd(tmp_path_factory) -> Iterator[Smbd]:
    """A file server for all tests of a lane: each works in folders of its own name, and leaves it running."""
    server = Smbd.start(tmp_path_factory.mktemp("smbd"))
    yield server
    server.stop()


KEPT = {"auth_permission", "django_content_type"}
"""Tables that migrating fills and no test changes. Filling them anew took most of the time between two tests."""


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings: None) -> None:
    """Migrating takes three seconds of processor time, in each lane."""
    migrated.once_in_a_run()


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup, django_db_blocker) -> None:
    """Audit events cannot be deleted; only the flush between transactional tests may, here and nowhere else. It leaves
    what migrating made of the models."""
    operations = type(connection.ops)
    flush, list_flushes = operations.execute_sql_flush, operations.sql_flush

    def flush_all(self, sql_list) -> None:
        append_only.drop(self.connection)
        if self.connection.vendor == "postgresql":
            # the table of the library's own tokens, which ours replace, refers to users and is not in the list
            sql_list = [sql.replace(";", " CASCADE;") for sql in sql_list]
        try:
            flush(self, sql_list)
        finally:
            append_only.create(self.connection)

    def flushes_but_kept(self, style, tables, **options) -> list[str]:
        return list_flushes(self, style, [table for table in tables if table not in KEPT], **options)

    operations.execute_sql_flush = flush_all  # type: ignore[method-assign]
    operations.sql_flush = flushes_but_kept  # type: ignore[method-assign]
    flush_command.emit_post_migrate_signal = lambda *_, **__: None  # type: ignore[attr-defined]


@pytest.fixture(autouse=True)
def _fresh_cache() -> None:
    """Rate limits of one test are not the next one's, nor the key of the object store, nor what was seen of nodes."""
    cache.clear()
    REFUSALS.forget()
    default_store.cache_clear()
    for memory in (SIGHTINGS, SOURCES, RECENT, LAST_SCANS):
        memory.forget()


@pytest.fixture
def cluster(db) -> Cluster:
    return make_cluster("mail")


@pytest.fixture
def administrator(db) -> User:
    return make_user("administrator", portal_role=Role.ADMINISTRATOR)


@pytest.fixture
def operator(cluster: Cluster) -> User:
    return make_member(cluster, Role.OPERATOR, "operator")


@pytest.fixture
def viewer(cluster: Cluster) -> User:
    return make_member(cluster, Role.VIEWER, "viewer")


@pytest.fixture
def stranger(db) -> User:
    return make_user("stranger")


@pytest.fixture
def principal_for() -> Callable[[User], Principal]:
    """What services take: `principal_for(operator)`."""
    return lambda user: Principal(user=user, via="console", remote_address="127.0.0.1")


@pytest.fixture
def console_for() -> Callable[[User], Client]:
    """A logged-in browser without a browser: `console_for(viewer).get("/")`."""

    def log_in(user: User) -> Client:
        client = Client(enforce_csrf_checks=False)
        client.force_login(user, backend=BACKEND)
        return client

    return log_in


@pytest.fixture
def api_for() -> Callable[..., APIClient]:
    """A program with a real token of its own: `api_for(operator, role=Role.VIEWER).get("/api/v1/nodes")`."""

    def with_token(user: User, **fields) -> APIClient:
        client = APIClient()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_token(user, **fields)[1]}")
        return client

    return with_token


@pytest.fixture
def cost_of() -> Callable[[Client, str], int]:
    """How many queries a page or an answer takes: `cost_of(browser, "/nodes/")`; the same for one row and for many."""

    def count(face: Client, address: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            answer = face.get(address)
        assert answer.status_code == 200, answer.content
        return len(queries)

    return count


@pytest.fixture(autouse=True)
def forgotten_secrets() -> Iterator[None]:
    """What one test revealed must not blank another test's log."""
    yield
    secret._revealed.clear()
