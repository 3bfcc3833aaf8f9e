"""Every refusal of the API has one shape: problem details with a code, and per field what to do."""

from __future__ import annotations

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, OperationalError
from django.http import Http404, HttpRequest
from django.test import Client, RequestFactory
from rest_framework import exceptions
from rest_framework.request import Request

from accounts.api.base import (
    check_if_match,
    etag_of,
    idempotency_key,
    tagged,
)
from accounts.errors import Refused, Stale
from clusterportal.errors import ProblemPages
from clusterportal.problems import answer, problem_of
from nodes.errors import AuthRejected, HostKeyMismatch, TimedOut, Unreachable
from nodes.vault import WrongKey
from tests.factories import BACKEND, make_cluster

JSON = "application/json"
CASES = [
    (Refused("busy_now", "Busy.", "Wait."), 409, "busy_now"),
    (Stale(), 412, "stale"),
    (Unreachable("no route"), 502, "unreachable"),
    (TimedOut(), 504, "timed_out"),
    (AuthRejected(), 502, "auth_rejected"),
    (HostKeyMismatch(expected="a", shown="b", key_type="x", public_key="y"), 409, "host_key_mismatch"),
    (WrongKey("Restore it."), 503, "wrong_key"),
    (IntegrityError("UNIQUE constraint failed: nodes_node.name"), 409, "conflict"),
    (OperationalError("database is locked"), 503, "database_busy"),
    (Http404("No such cluster."), 404, "not_found"),
    (PermissionDenied("Only administrators."), 403, "forbidden"),
    (exceptions.Throttled(wait=3.2), 429, "throttled"),
    (exceptions.MethodNotAllowed("PUT"), 405, "method_not_allowed"),
    (exceptions.ParseError(), 400, "parse_error"),
]


@pytest.mark.parametrize(("error", "status", "code"), CASES, ids=[type(case[0]).__name__ for case in CASES])
def test_each_exception_has_its_status_and_code(error, status, code):
    problem = problem_of(error)
    assert problem is not None
    assert (problem.status, problem.code) == (status, code)
    assert problem.detail and problem.title


def test_the_database_own_words_stay_inside():
    problem = problem_of(IntegrityError("UNIQUE constraint failed: nodes_node.name"))
    assert problem is not None and "nodes_node" not in str(problem.as_json())


def test_what_may_be_retried_says_when():
    for error in (Unreachable(), OperationalError("database is locked"), exceptions.Throttled(wait=3.2)):
        headers = answer(error, {}).headers
        assert int(headers["Retry-After"]) >= 1


def test_errors_of_services_keep_field_and_remedy():
    error = ValidationError(
        {
            "port": ValidationError("%(value)s is no port.", params={"value": 0, "remedy": "Use 1 to 65535."}),
            "name": "Taken.",
        }
    )
    problem = problem_of(error)
    assert problem is not None and problem.detail == "Wrong or missing: name, port."
    found = {item.field: item for item in problem.errors}
    assert found["port"].message == "0 is no port." and found["port"].remedy == "Use 1 to 65535."
    assert found["name"].remedy


def test_errors_without_a_field_and_nested_ones():
    plain = problem_of(ValidationError("The two do not fit."))
    assert plain is not None and plain.detail == "The two do not fit." and plain.errors[0].field == ""
    nested = exceptions.ValidationError({"nodes": [{}, {"port": ["Too large."]}], "non_field_errors": ["Odd."]})
    problem = problem_of(nested)
    assert problem is not None
    assert [(item.field, item.message) for item in problem.errors] == [("nodes.1.port", "Too large."), ("", "Odd.")]


def test_the_unforeseen_is_logged_and_answered_without_its_text(caplog):
    reply = answer(RuntimeError("secret detail"), {})
    assert (reply.status_code, reply.data["code"]) == (500, "internal")
    assert "secret detail" not in str(reply.data)
    assert "unforeseen failure" in caplog.text


@pytest.mark.parametrize(
    ("sent", "status", "code"),
    [
        (("GET", "/api/v1/nonsense/", "", JSON), 404, "not_found"),
        (("POST", "/api/v1/tokens/", "{", JSON), 400, "parse_error"),
        (("POST", "/api/v1/tokens/", "[" * 100_000, JSON), 400, "parse_error"),
        (("POST", "/api/v1/tokens/", "[" * 33 + "]" * 33, JSON), 400, "parse_error"),
        (("POST", "/api/v1/tokens/", '{"a":' * 40 + "1" + "}" * 40, JSON), 400, "parse_error"),
        (("POST", "/api/v1/tokens/", '{"name": 1e999}', JSON), 400, "invalid"),
        (("POST", "/api/v1/tokens/", '{"name": NaN}', JSON), 400, "parse_error"),
        (("POST", "/api/v1/tokens/", '{"name": ' + "9" * 5000 + "}", JSON), 400, "parse_error"),
        (("POST", "/api/v1/tokens/", b'{"name": "\xff"}', JSON), 400, "parse_error"),
        (("POST", "/api/v1/tokens/", "[]", JSON), 400, "invalid"),
        (("POST", "/api/v1/tokens/", "null", JSON), 400, "invalid"),
        (("POST", "/api/v1/tokens/", "a=b", "application/x-www-form-urlencoded"), 415, "unsupported_media_type"),
        (("PUT", "/api/v1/me/", "{}", JSON), 405, "method_not_allowed"),
    ],
)
def test_over_http(operator, api_for, sent, status, code):
    method, address, body, kind = sent
    reply = api_for(operator).generic(method, address, body, content_type=kind)
    assert (reply.status_code, reply["Content-Type"]) == (status, "application/problem+json")
    problem = reply.json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert set(problem) == {"type", "title", "status", "code", "detail", "errors"}


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        (r'{"name": "a\u0000b"}', "name", "null_characters"),
        (r'{"name": "a\ud800"}', "name", "surrogates"),
        (r'{"clusters": [1, {"\u0000": "x"}]}', "clusters.1", "null_characters"),
        (r'"\ud800"', "", "surrogates"),
        (r'{"\ud800": "\u0000"}', r"\ud800", "null_characters"),
    ],
)
def test_text_that_no_database_takes_is_refused_by_the_name_of_its_field(operator, api_for, body, field, code):
    reply = api_for(operator).generic("POST", "/api/v1/tokens/", body, content_type=JSON)
    assert reply.status_code == 400
    assert [(error["field"], error["code"]) for error in reply.json()["errors"]] == [(field, code)]


def test_a_pair_of_surrogates_is_a_character(operator, api_for):
    body = r'{"name": "\ud83d\ude00", "role": "viewer"}'
    reply = api_for(operator).generic("POST", "/api/v1/tokens/", body, content_type=JSON)
    assert (reply.status_code, reply.json()["name"]) == (201, "\U0001f600")


def test_a_refused_accept_header_is_a_problem_too(operator, api_for):
    reply = api_for(operator).get("/api/v1/me/", headers={"Accept": "image/png"})
    assert (reply.status_code, reply["Content-Type"]) == (406, "application/problem+json")


def test_a_session_without_csrf_token_changes_nothing(operator):
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator, backend=BACKEND)
    reply = browser.post("/api/v1/tokens/", {"name": "x"}, content_type="application/json")
    assert (reply.status_code, reply.json()["code"]) == (403, "permission_denied")


def test_callers_are_slowed_down(operator, api_for, monkeypatch):
    monkeypatch.setattr("rest_framework.throttling.UserRateThrottle.rate", "2/min", raising=False)
    api = api_for(operator)
    assert [api.get("/api/v1/me/").status_code for _ in range(3)] == [200, 200, 429]


def test_a_console_page_shows_the_refusal_with_its_status():
    request = RequestFactory().get("/somewhere/")
    page = ProblemPages(lambda _: None).process_exception(request, Refused("conflict", "Another job holds the node."))  # type: ignore[arg-type]
    assert page is not None and page.status_code == 409
    assert "Another job holds the node." in page.content.decode()
    assert ProblemPages(lambda _: None).process_exception(HttpRequest(), RuntimeError()) is None  # type: ignore[arg-type]


# --- versions and idempotency keys ---


def asking(**headers: str) -> Request:
    return Request(RequestFactory().get("/", headers={name.replace("_", "-"): text for name, text in headers.items()}))


def test_if_match_refuses_what_changed_since(db):
    row = make_cluster()
    seen = etag_of(row)
    assert check_if_match(asking(), row) is None
    assert check_if_match(asking(if_match=f'"other", {seen}'), row) == 1
    assert check_if_match(asking(if_match="*"), row) == 1
    row.version += 1
    for stale in (seen, '"x"', "nonsense"):
        with pytest.raises(Stale):
            check_if_match(asking(if_match=stale), row)


def test_an_unchanged_row_is_not_sent_again(db):
    row = make_cluster()
    first = tagged(asking(), row, {"name": row.name})
    again = tagged(asking(if_none_match=first["ETag"]), row, {"name": row.name})
    assert (first.status_code, again.status_code, again.data) == (200, 304, None)


def test_idempotency_keys_are_checked():
    assert idempotency_key(asking()) == ""
    assert idempotency_key(asking(idempotency_key="a1-B2")) == "a1-B2"
    for wrong in ("with space", "x" * 101, "ümlaut"):
        with pytest.raises(exceptions.ValidationError):
            idempotency_key(asking(idempotency_key=wrong))
