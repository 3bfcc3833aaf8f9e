"""What no honest caller asks for is refused by its name; it is never a failure of the portal's."""

from __future__ import annotations

import itertools
import json

import pytest
from django.core.cache import cache
from django.db import transaction

from accounts.filters import MAX_WORDS
from accounts.models import ApiToken
from tests import routes
from tests.everything import bodies, make_everything
from tests.factories import make_cluster, make_node
from tests.strict_database import as_postgresql

pytestmark = pytest.mark.django_db

MANY_DIGITS = "1" * 30
MANY_WORDS = " ".join(f"word{number}" for number in range(3000))
BEYOND_TIME = ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00")


@pytest.mark.parametrize("who", ["administrator", "viewer"])
def test_an_id_that_no_database_holds_is_not_found_on_any_page(who, request, console_for):
    browser = console_for(request.getfixturevalue(who))
    numbered = [route for route, _ in routes.routes() if "<int:" in route]
    addresses = [routes.address(route, lambda folder, name: MANY_DIGITS) for route in numbered]
    assert len(addresses) > 60
    answers = {address: (browser.get(address).status_code, browser.post(address).status_code) for address in addresses}
    assert {address: codes for address, codes in answers.items() if codes != (404, 404)} == {}


def test_a_name_that_no_database_holds_is_not_found(administrator, cluster, api_for):
    api = api_for(administrator)
    address = f"/api/v1/clusters/{cluster.pk}/members/a%00b/"
    assert {api.put(address, {"role": "viewer"}).status_code, api.delete(address).status_code} == {404}


@pytest.mark.parametrize("number", [MANY_DIGITS, "9223372036854775808", "-1", "1.5", "NaN", "x"])
@pytest.mark.parametrize(
    ("address", "field"),
    [
        ("/api/v1/nodes/", "cluster"),
        ("/api/v1/credentials/", "cluster"),
        ("/api/v1/jobs/", "cluster"),
        ("/api/v1/snapshots/", "cluster"),
        ("/api/v1/conflicts/", "cluster"),
        ("/api/v1/conflicts/", "node"),
        ("/api/v1/conflicts/", "job"),
        ("/api/v1/events/", "cluster_id"),
    ],
)
def test_a_filter_by_an_id_that_is_none_names_the_filter(administrator, api_for, address, field, number):
    refused = api_for(administrator).get(address, {field: number})
    assert refused.status_code == 400, refused.content
    assert [error["field"] for error in refused.json()["errors"]] == [field]


@pytest.mark.parametrize("moment", [*BEYOND_TIME, "0000-01-01", "yesterday"])
@pytest.mark.parametrize("field", ["since", "until"])
def test_a_moment_beyond_time_names_the_filter(administrator, api_for, console_for, field, moment):
    refused = api_for(administrator).get("/api/v1/events/", {field: moment})
    assert refused.status_code == 400, refused.content
    assert [error["field"] for error in refused.json()["errors"]] == [field]
    assert console_for(administrator).get("/audit/", {field: moment}).status_code == 200


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01", "9999-12-31"])
def test_the_edges_of_time_themselves_are_moments(administrator, api_for, moment):
    assert api_for(administrator).get("/api/v1/events/", {"since": moment}).status_code == 200


def test_more_words_than_anybody_searches_for_name_the_filter(administrator, api_for):
    for words in (MANY_WORDS, "x " * (MAX_WORDS + 1)):
        refused = api_for(administrator).get("/api/v1/events/", {"q": words})
        assert refused.status_code == 400
        assert {error["field"] for error in refused.json()["errors"]} == {"q"}
    assert api_for(administrator).get("/api/v1/events/", {"q": "x " * MAX_WORDS}).status_code == 200


@pytest.mark.parametrize("htmx", [{}, {"HX-Request": "true", "HX-Target": "list"}])
@pytest.mark.parametrize(
    "address", ["/clusters/", "/nodes/", "/credentials/", "/jobs/", "/clusters/{}/jobs/", "/audit/"]
)
def test_a_list_says_that_there_are_too_many_words(administrator, console_for, cluster, address, htmx):
    make_node(cluster, "mx1")
    page = console_for(administrator).get(address.format(cluster.pk), {"q": "x " * 17}, headers=htmx)
    assert page.status_code == 200
    assert page.content.decode().count("Use at most 16 words.") == 1


@pytest.mark.parametrize("asked", [{"sort": "1.5"}, {"sort": "a__b"}, {"per_page": "-1"}, {"page": MANY_DIGITS}])
@pytest.mark.parametrize(
    "address", ["/clusters/", "/nodes/", "/credentials/", "/jobs/", "/audit/", "/users/", "/account/tokens/"]
)
def test_a_list_stands_any_order_and_page(administrator, console_for, address, asked):
    assert console_for(administrator).get(address, asked).status_code == 200


def test_nobody_asks_for_a_list_without_end(administrator, cluster, console_for):
    for number in range(51):
        make_node(cluster, f"mx{number}")
    page = console_for(administrator).get("/nodes/", {"per_page": 10**6})
    assert page.content.decode().count("<tr>") == 50 + 1


def test_a_cluster_that_is_not_there_has_no_lists(administrator, api_for, console_for):
    api, browser = api_for(administrator), console_for(administrator)
    for part in ("servers", "log", "searches"):
        assert api.get(f"/api/v1/clusters/999/{part}").status_code == 404
    assert browser.get("/clusters/999/log/live/").status_code == 404


def test_of_a_filter_that_is_given_twice_the_last_one_counts(viewer, cluster, api_for):
    """And nothing that another one would have let through."""
    mine, other, api = make_node(cluster), make_node(make_cluster()), api_for(viewer)
    for first, last, shown in (
        (other.cluster_id, cluster.pk, [mine.name]),
        (cluster.pk, other.cluster_id, []),
    ):
        found = api.get(f"/api/v1/nodes/?cluster={first}&cluster={last}").json()["results"]
        assert [row["name"] for row in found] == shown


FORM = "application/x-www-form-urlencoded"


@pytest.mark.parametrize(
    ("roles", "given"), [(("administrator", "viewer"), "viewer"), (("viewer", "administrator"), "")]
)
def test_of_a_field_that_is_sent_twice_the_last_one_is_judged_and_taken(operator, api_for, console_for, roles, given):
    one, other = (f"role={role}" for role in roles)
    console_for(operator).post("/account/tokens/", f"name=twice&days=5&{one}&{other}", content_type=FORM)
    first, last = roles
    body = f'{{"name": "twice", "role": "{first}", "role": "{last}"}}'
    answer = api_for(operator).post("/api/v1/tokens/", body, content_type="application/json")
    assert answer.status_code == (201 if given else 400)
    made = ApiToken.objects.filter(name="twice").values_list("role", flat=True)
    assert [*made] == [given] * (2 if given else 0)


ODD_VALUES = (
    MANY_DIGITS,
    "-1",
    '"a\\u0000b"',
    '"\\ud800"',
    '"NaN"',
    "1e400",
    "true",
    "null",
    "[]",
    f"[{MANY_DIGITS}]",
    '{"a": [1]}',
    "[[]]",
)


def _with(body: dict[str, object], name: str, value: str) -> str:
    """A right body with one value put in as JSON."""
    return json.dumps(body | {name: "HERE"}).replace('"HERE"', value)


def test_no_value_in_a_body_fails_the_portal(api_for, unreached):
    world = make_everything()
    api, known = api_for(world.users["portal"]), bodies(world)
    api.raise_request_exception = False
    failed = []
    for route, pattern in routes.routes():
        right = known.get(pattern.name or "", {})
        sends = [send for method, send in (("POST", api.post), ("PUT", api.put)) if routes.takes(pattern, method)]
        for name, value, send in itertools.product(right, ODD_VALUES, sends):
            if _undone(send, routes.address(route, world.value), _with(right, name, value)).status_code == 500:
                failed.append((route, name, value))
    assert failed == []


def _undone(send, address: str, body: str):
    cache.clear()
    with as_postgresql(), transaction.atomic():
        here = transaction.savepoint()
        answer = send(address, body, content_type="application/json")
        transaction.savepoint_rollback(here)
    return answer
