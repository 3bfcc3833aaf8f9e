"""How a page acts: one service call, then a message and a redirect, or a form with what was refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render

from accounts.refusals import refusals_as_messages
from nodes.errors import NodeError
from nodes.web.forms import ConsoleForm


@dataclass(frozen=True, slots=True)
class FormPage:
    """The words around a form. `danger`: the act cannot be undone, and looks it."""

    title: str
    verb: str
    back_url: str = ""
    back_label: str = ""
    lead: str = ""
    danger: bool = False


def form_page(request: HttpRequest, form: ConsoleForm, page: FormPage, *, act: str = "") -> HttpResponse:
    """A page that is one form. `act`: what its button sends, where one address has two acts."""
    return render(request, "components/form_page.html", {"form": form, "act": act, **asdict(page)})


def done(request: HttpRequest, to: str, message: str) -> HttpResponse:
    """Say what happened and go on to `to`."""
    messages.success(request, message)
    return HttpResponseRedirect(to)


def act(request: HttpRequest, doing: Callable[[], object], *, to: str, message: str) -> HttpResponse:
    """A button without fields: call the service, say what happened or why not, go to `to`."""
    with refusals_as_messages(request, NodeError):
        doing()
        messages.success(request, message)
    return HttpResponseRedirect(to)


def act_with(
    request: HttpRequest, form: ConsoleForm, doing: Callable[[], object], *, to: str, message: str
) -> HttpResponse:
    """A small form inside a page: like `act`, with the form's own complaints named by field."""

    def judged() -> object:
        judge(form)
        return doing()

    return act(request, judged, to=to, message=message)


def judge(form: ConsoleForm) -> None:
    """Raise ValidationError where a form inside a page is not valid: its complaints, each after its field's label."""
    labels = {name: field.label for name, field in form.fields.items()}
    complaints = [
        f"{labels.get(name) or name}: {' '.join(str(complaint) for complaint in found)}"
        for name, found in form.errors.items()
    ]
    if complaints:
        raise ValidationError(complaints)
