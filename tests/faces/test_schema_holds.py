"""REST as its own schema describes it, tried by Schemathesis: with what fits and what does not, by three parts."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import hypothesis
import pytest
import schemathesis
from django.core import signals
from django.core.cache import cache
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from drf_spectacular.generators import SchemaGenerator
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from accounts.api.views import WhoView
from accounts.models import AuditEvent, User
from nodes.clusters.models import Cluster
from nodes.credentials.models import Credential
from nodes.registry.models import Node
from replication.jobs.models import Job
from tests import routes
from tests.everything import Everything, bodies, make_everything
from tests.factories import make_token
from tests.strict_database import as_postgresql

FULL = bool(os.environ.get("CLUSTERPORTAL_FULL"))
EXAMPLES = {"portal": 100, "viewer": 50, "anonymous": 10} if FULL else {"portal": 8, "viewer": 4, "anonymous": 2}
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
Operation = APIOperation[Any, Any, Any, Any]
Request = Case[Any]
BEHIND = (502, 504)
"""What a node answered, or did not: no failure of the portal's."""


class Portal:
    """The portal in this process, with one of everything, as one part sees it."""

    def __init__(self, world: Everything, part: str) -> None:
        self._world, self._application = world, get_wsgi_application()
        self._headers = {}
        self.known = part in world.users
        if self.known:
            self._headers["Authorization"] = f"Bearer {make_token(world.users[part])[1]}"
        known = bodies(world)
        self._bodies = {
            routes.address(route, world.value).rstrip("/"): known[pattern.name]
            for route, pattern in routes.routes()
            if pattern.name in known
        }

    def cases(self, operation: Operation) -> st.SearchStrategy[Request]:
        """Requests that fit and that do not, most of them for rows that there are."""
        named = {place.name: self._value(operation.path, place.name) for place in operation.path_parameters}
        fit = operation.as_strategy(GenerationMode.POSITIVE, path_parameters=named)
        body = self._bodies.get(routes.address(operation.path, self._world.value).rstrip("/"))
        strategies = [fit, operation.as_strategy(GenerationMode.POSITIVE)]
        if body is not None and operation.body:
            strategies.append(st.builds(functools.partial(_right, body), fit, st.sets(st.sampled_from(sorted(body)))))
        if operation.body or operation.query:
            strategies.append(operation.as_strategy(GenerationMode.NEGATIVE, path_parameters=named))
        return st.one_of(strategies)

    def _value(self, path: str, name: str) -> str:
        return routes.address(path[: path.index(f"{{{name}}}")] + f"{{{name}}}", self._world.value).rpartition("/")[2]

    def answer(self, case: Request) -> Response:
        """What comes of a request; what it did is undone."""
        cache.clear()  # how many requests there were
        with as_postgresql(), transaction.atomic():
            here = transaction.savepoint()
            found = case.call(app=self._application, headers=self._headers)
            transaction.savepoint_rollback(here)
        return found


def _right(body: Mapping[str, Any], case: Request, kept: set[str]) -> Request:
    """A right body with some of its fields as drawn."""
    drawn = case.body if isinstance(case.body, dict) else {}
    case.body = {**drawn, **{name: body[name] for name in kept}}
    return case


def _schema() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(SchemaGenerator().get_schema(public=True), default=str))
    return found


def _operations(schema: Mapping[str, Any]) -> Iterator[Operation]:
    for result in schemathesis.openapi.from_dict(dict(schema)).get_all_operations():
        assert isinstance(result, Ok), result
        yield result.ok()


def violations(portal: Portal, schema: Mapping[str, Any], examples: int) -> dict[str, str]:
    """What differs from the schema, by operation: the first thing of each."""
    found = {}
    for operation in _operations(schema):
        try:
            _try(portal, operation, examples)
        except (AssertionError, FailureGroup) as error:
            found[operation.label] = str(error)
    return found


def _try(portal: Portal, operation: Operation, examples: int) -> None:
    @hypothesis.settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        suppress_health_check=list(hypothesis.HealthCheck),
        phases=[hypothesis.Phase.generate],
    )
    @hypothesis.given(portal.cases(operation))
    def each(case: Request) -> None:
        answer = portal.answer(case)
        if answer.status_code not in BEHIND:
            case.validate_response(answer, checks=CHECKS)
        assert portal.known or answer.status_code in (401, 404)

    each()


@pytest.fixture
def world(db, unreached) -> Iterator[Everything]:
    """Requests come on the test's own connection."""
    for signal in (signals.request_started, signals.request_finished):
        signal.disconnect(close_old_connections)
    yield make_everything()
    for signal in (signals.request_started, signals.request_finished):
        signal.connect(close_old_connections)


@pytest.mark.parametrize("part", EXAMPLES)
def test_rest_is_as_its_schema_says(world, part):
    assert violations(Portal(world, part), _schema(), EXAMPLES[part]) == {}


def test_what_is_not_as_the_schema_says_is_seen(world, monkeypatch):
    """A shape, a status and a failure that the schema does not know."""
    schema = _schema()
    me = "/api/v1/me/"
    schema["paths"] = {me: schema["paths"][me]}
    portal = Portal(world, "portal")
    assert violations(portal, schema, 1) == {}
    shape = schema["components"]["schemas"]["Who"]["properties"]["username"]
    shape["type"] = "integer"
    assert 'is not of type "integer"' in violations(portal, schema, 1)[f"GET {me}"]
    shape["type"] = "string"
    monkeypatch.setattr(WhoView, "get", lambda *_: 1 / 0)
    assert "Server error" in violations(portal, schema, 1)[f"GET {me}"]


ROWS = {"clusters": Cluster, "nodes": Node, "jobs": Job, "credentials": Credential, "events": AuditEvent, "users": User}


def test_each_row_is_as_the_schema_says(world):
    """Whatever state it is in."""
    portal = Portal(world, "portal")
    asked = 0
    for operation in _operations(_schema()):
        folder = operation.path.split("/")[3]
        if operation.method != "get" or len(list(operation.path_parameters)) != 1 or folder not in ROWS:
            continue
        (place,) = operation.path_parameters
        for pk in ROWS[folder]._default_manager.values_list("pk", flat=True):
            case = operation.Case(path_parameters={place.name: str(pk)})
            case.validate_response(portal.answer(case), checks=CHECKS)
            asked += 1
    assert asked > 100
