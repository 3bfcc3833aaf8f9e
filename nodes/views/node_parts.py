"""The small forms of a node's page: host keys and ini keys."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_POST

from accounts.requests import principal_of
from nodes.connect import look_at_host_key
from nodes.enums import IniChoice
from nodes.forms.nodes import FingerprintForm
from nodes.services import host_keys, ini
from nodes.services.facts import note_refresh
from nodes.services.ini import IniAnswer
from nodes.tasks import ask_to_observe
from nodes.views.acting import act, act_with
from nodes.views.nodes import node_page, visible_node


@require_POST
def approve_host_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Pin a key the node showed."""
    return act(
        request,
        lambda: host_keys.approve_host_key(
            principal_of(request), node_id=pk, fingerprint=request.POST.get("fingerprint", "")
        ),
        to=f"{node_page(pk)}#host-key",
        message="Approved: the portal logs in only to a server that shows this key.",
    )


@require_POST
def give_fingerprint(request: HttpRequest, pk: int) -> HttpResponse:
    """Pin a fingerprint learned on another way."""
    form = FingerprintForm(request.POST)
    return act_with(
        request,
        form,
        lambda: host_keys.give_fingerprint(
            principal_of(request), node_id=pk, fingerprint=form.cleaned_data["fingerprint"]
        ),
        to=f"{node_page(pk)}#host-key",
        message="Saved: the portal logs in only to a server that shows this key.",
    )


@require_POST
def revoke_host_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Trust a key no longer, or reject one that was shown."""
    return act(
        request,
        lambda: host_keys.revoke_host_key(
            principal_of(request), node_id=pk, fingerprint=request.POST.get("fingerprint", "")
        ),
        to=f"{node_page(pk)}#host-key",
        message="Rejected: the portal does not log in to a server that shows this key.",
    )


@require_POST
def answer_ini_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep a key of the node, or replicate the primary's."""
    answer = IniAnswer(**{name: request.POST.get(name, "") for name in ("path", "section", "key", "choice")})
    what = "follows the primary" if answer.choice == IniChoice.REPLICATE else "stays the node's own"
    return act(
        request,
        lambda: ini.answer_ini_key(principal_of(request), node_id=pk, answer=answer),
        to=f"{node_page(pk)}#ini-keys",
        message=f"[{answer.section}] {answer.key} {what}.",
    )


@require_POST
def read_host_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask the server which key it shows now, without logging in."""
    node = visible_node(request, pk)
    return act(
        request,
        lambda: look_at_host_key(principal_of(request), node=node),
        to=f"{node_page(pk)}#host-key",
        message="Read the host key. Compare it with what the server itself says before you approve it.",
    )


@require_POST
def read_facts(request: HttpRequest, pk: int) -> HttpResponse:
    """Let a worker log in and read the node's facts."""

    def ask() -> None:
        note_refresh(principal_of(request), node_id=pk)
        ask_to_observe(pk)

    return act(
        request, ask, to=f"{node_page(pk)}#facts", message="Asked a worker to read the facts; reload in a moment."
    )
