"""The small forms of a node's page: host keys and ini keys."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.models import Role
from accounts.requests import principal_of
from nodes import scripts
from nodes.connect import look_at_host_key
from nodes.enums import IniChoice
from nodes.forms.base import ConsoleForm
from nodes.forms.nodes import FingerprintForm
from nodes.models.node import Node
from nodes.remote.scripts import FOLDER
from nodes.services import host_keys, ini
from nodes.services.facts import note_refresh
from nodes.services.ini import IniAnswer
from nodes.tasks import ask_to_observe
from nodes.views.acting import FormPage, act, act_with, form_page
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


BRING = (
    "The scripts are written to {folder} in the home folder of the portal's account on {node}, and nowhere else. They "
    "only read. Those of another version there are removed."
)
REMOVE = (
    "The scripts and their folder {folder} are removed from {node}. Everything goes by SFTP from then on: contents "
    "cross the network to be hashed, and the clock is not compared."
)


def bring_scripts(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then put the portal's scripts on the node."""
    return _scripts(request, pk, "Bring the scripts", BRING, scripts.bring_scripts)


def remove_scripts(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask, then take them away."""
    return _scripts(request, pk, "Remove the scripts", REMOVE, scripts.take_scripts_away)


def _scripts(
    request: HttpRequest, pk: int, verb: str, lead: str, doing: Callable[..., tuple[str, ...]]
) -> HttpResponse:
    node = visible_node(request, pk, Role.OPERATOR)
    joining = request.GET.get("from") == "join"
    to = f"{reverse('replication:join', args=[pk])}?step=checks" if joining else f"{node_page(pk)}#scripts"
    if request.method == "POST":
        return act(request, lambda: _carry_out(request, node, doing), to=to, message=f"{verb}: done on {node.name}.")
    page = FormPage(f"{verb}: {node}", verb, to, node.name, lead.format(folder=FOLDER, node=node.name))
    return form_page(request, ConsoleForm(), page)


def _carry_out(request: HttpRequest, node: Node, doing: Callable[..., tuple[str, ...]]) -> None:
    doing(principal_of(request), node=node)
    ask_to_observe(node.pk)
