"""A refusal has a code, a text and a remedy; people read them as one paragraph, on the API and on pages."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.contrib.messages.storage.fallback import FallbackStorage
from django.core.exceptions import ValidationError
from django.forms import CharField
from django.http import HttpRequest
from django.test import RequestFactory

from accounts.errors import Reason, Refused, Stale
from accounts.refusals import ConsoleForm, refusals_as_messages
from clusterportal.problems import problem_of

BUSY = Refused("busy_now", "Another job holds the node.", "Wait for its end.")
MANY = Refused(
    "checks_failed",
    "mx1 cannot join.",
    reasons=(Reason("disk", "The disk is full.", "Make room."), Reason("clock", "The clock is wrong.", "Set it.")),
)


class OneField(ConsoleForm):
    name = CharField()


def fail(error: Exception) -> None:
    raise error


@pytest.fixture
def request_(db) -> HttpRequest:
    made = RequestFactory().get("/")
    made.session = {}  # type: ignore[assignment]
    made._messages = FallbackStorage(made)  # type: ignore[attr-defined]
    return made


@pytest.mark.parametrize(
    ("refused", "detail"),
    [
        (BUSY, "Another job holds the node. Wait for its end."),
        (Refused("over", "It has ended."), "It has ended."),
        (Stale(), "It was changed meanwhile. Read it again, then repeat your change."),
        (MANY, "mx1 cannot join. The disk is full. Make room. The clock is wrong. Set it."),
    ],
)
def test_text_and_remedy_are_one_paragraph_everywhere(refused: Refused, detail: str) -> None:
    problem = problem_of(refused)
    assert problem is not None
    assert str(refused) == refused.detail == problem.detail == detail


def test_each_of_several_reasons_keeps_its_remedy() -> None:
    problem = problem_of(MANY)
    assert problem is not None
    assert (problem.status, problem.code) == (409, "checks_failed")
    assert [(one.code, one.message, one.remedy) for one in problem.errors] == [
        ("disk", "The disk is full.", "Make room."),
        ("clock", "The clock is wrong.", "Set it."),
    ]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BUSY, "Another job holds the node. Wait for its end."),
        (ValidationError({"name": ["Too long.", "Not printable."]}), "Too long. Not printable."),
        (OSError("away"), "away"),
    ],
)
def test_a_page_says_it_and_goes_on(request_: HttpRequest, error: Exception, said: str) -> None:
    with refusals_as_messages(request_, OSError):
        fail(error)
    assert [(message.level_tag, str(message)) for message in get_messages(request_)] == [("error", said)]


def test_what_is_no_refusal_is_not_swallowed(request_: HttpRequest) -> None:
    with pytest.raises(RuntimeError), refusals_as_messages(request_):
        fail(RuntimeError())


def test_a_form_shows_it_beside_the_field_it_knows() -> None:
    form = OneField({"name": "mx1"})
    form.refuse(ValidationError({"name": "Taken.", "port": "No port."}))
    form.refuse(BUSY)
    assert form.errors["name"] == ["Taken."]
    assert form.non_field_errors() == ["No port.", BUSY.detail]


def test_nothing_is_attempted_with_a_form_that_is_wrong() -> None:
    wrong, right = OneField({}), OneField({"name": "mx1"})
    assert wrong.attempt(lambda: fail(BUSY)) is right.attempt(lambda: fail(BUSY)) is None
    assert (list(wrong.errors), list(right.errors)) == (["name"], ["__all__"])
