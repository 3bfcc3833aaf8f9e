"""Taking a secondary out of its cluster: first look, then type its name."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from accounts.models import Role
from accounts.requests import principal_of
from nodes.registry.views.nodes import node_page, visible_node
from nodes.web.actions import FormPage, form_page
from nodes.web.forms import ChoiceCards, ConfirmName
from replication.jobs.views.actions import job_page
from replication.membership.services import membership
from replication.membership.services.membership import LeaveRequest

WAYS = {
    "plan": "Looks at the server and shows what it would get back and what would go. Changes nothing.",
    "back": "Byte for byte what it held before joining; edits made since are kept as conflicts, its own files stay.",
    "keep": "Nothing is changed on the server, which need not even be reachable.",
}


class LeaveForm(ConfirmName):
    """How the server leaves. Only looking needs no name."""

    way = forms.ChoiceField(
        label="How",
        choices=[
            ("plan", "Show the plan only"),
            ("back", "Give back what it had"),
            ("keep", "Keep the replicated configuration"),
        ],
        widget=ChoiceCards(WAYS),
    )
    field_order = ("way", "typed")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["typed"].required = False

    def clean_typed(self) -> str:
        """The service compares the name."""
        return str(self.cleaned_data["typed"])

    def request(self, node_id: int) -> LeaveRequest:
        """What was chosen."""
        data = self.cleaned_data
        only_plan, keep = data["way"] == "plan", data["way"] == "keep"
        return LeaveRequest(node_id, confirm_name=data["typed"], keep=keep, dry_run=only_plan)


def leave(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask how, do it, show the job."""
    node = visible_node(request, pk, Role.ADMINISTRATOR)
    form = LeaveForm(request.POST or None, name=node.name)
    answer = form.attempt(lambda: membership.leave(principal_of(request), form.request(pk))) if request.POST else None
    if answer is not None:
        return redirect(job_page(answer[0].pk))
    lead = "From then on replication writes nothing to this server, and it is no registered server any more."
    page = FormPage(f"{node.name} leaves {node.cluster}", "Go on", node_page(pk), node.name, lead, danger=True)
    return form_page(request, form, page)
