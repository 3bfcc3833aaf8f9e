"""What the buttons of the join wizard do. Each is one service call; then the wizard is where the node stands."""

from __future__ import annotations

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.principals import Principal
from accounts.requests import principal_of
from nodes.checks.forms import AttestForm, RegistrationForm
from nodes.checks.services import attestations, registration
from nodes.clusters import services as clusters_services
from nodes.clusters.forms import PathClassForm
from nodes.discovery import services as discovery_services
from nodes.discovery.forms import SearchForm
from nodes.discovery.tasks import ask_to_search
from nodes.facts.services.facts import note_refresh
from nodes.facts.tasks import ask_to_observe
from nodes.ini_keys import services as ini_keys_services
from nodes.ini_keys.services import IniAnswer
from nodes.registry.forms import TypedPasswordForm
from nodes.registry.models import Node
from nodes.registry.services import host_keys, nodes, passwords
from nodes.registry.services.host_keys import look_at_host_key
from nodes.registry.services.nodes import NodeChange
from nodes.registry.views.nodes import visible_node
from nodes.web.actions import act, act_with, judge
from replication.configuration.core.configuration import REPLICATE
from replication.jobs.services import requests
from replication.jobs.services.requests import JobRequest
from replication.membership.selectors.wizard import WizardStep
from replication.membership.services import membership
from replication.membership.views.wizard import join_page

Doing = Callable[[Principal, Node, HttpRequest], object]


def _read_key(principal: Principal, node: Node, request: HttpRequest) -> object:
    return look_at_host_key(principal, node=node)


def _approve_key(principal: Principal, node: Node, request: HttpRequest) -> object:
    fingerprint = request.POST.get("fingerprint", "")
    return host_keys.approve_host_key(principal, node_id=node.pk, fingerprint=fingerprint)


def _give_key(principal: Principal, node: Node, request: HttpRequest) -> object:
    fingerprint = request.POST.get("fingerprint", "")
    return host_keys.give_fingerprint(principal, node_id=node.pk, fingerprint=fingerprint)


def _credential(principal: Principal, node: Node, request: HttpRequest) -> object:
    _choose(principal, node, request)
    return _facts(principal, node, request)


def _choose(principal: Principal, node: Node, request: HttpRequest) -> object:
    change = NodeChange(credential_id=_number(request, "credential"))
    return nodes.update_node(principal, node_id=node.pk, change=change)


def _password(principal: Principal, node: Node, request: HttpRequest) -> object:
    form = TypedPasswordForm(request.POST)
    judge(form)
    passwords.type_password(principal, server=form.server(node.pk), password=form.secret())
    return _facts(principal, node, request)


def _facts(principal: Principal, node: Node, request: HttpRequest) -> object:
    asked = note_refresh(principal, node_id=node.pk)
    ask_to_observe(node.pk)
    return asked


def _compare(principal: Principal, node: Node, request: HttpRequest) -> object:
    return _request(principal, node, f"what joining would mean for {node.name}", dry_run=True)


def _ini_key(principal: Principal, node: Node, request: HttpRequest) -> object:
    answer = IniAnswer(**{name: request.POST.get(name, "") for name in ("path", "section", "key", "choice")})
    return ini_keys_services.answer_ini_key(principal, node_id=node.pk, answer=answer)


def _path_class(principal: Principal, node: Node, request: HttpRequest) -> object:
    form = PathClassForm(request.POST)
    judge(form)
    return clusters_services.set_path_class(principal, cluster_id=node.cluster_id, rule=form.rule())


def _attest(principal: Principal, node: Node, request: HttpRequest) -> object:
    form = AttestForm(request.POST)
    judge(form)
    return attestations.attest(principal, node_id=_number(request, "about"), word=form.word())


def _registration(principal: Principal, node: Node, request: HttpRequest) -> object:
    form = RegistrationForm(request.POST)
    judge(form)
    return registration.seal_registration(principal, node_id=node.pk, key=form.key())


def _confirm(principal: Principal, node: Node, request: HttpRequest) -> object:
    typed, accept = request.POST.get("typed", ""), request.POST.getlist("accept")
    return membership.join(principal, node_id=node.pk, confirm_name=typed, accept=accept)


def _begin(principal: Principal, node: Node, request: HttpRequest) -> object:
    return _request(principal, node, f"{node.name} joins", dry_run=False)


def _approve(principal: Principal, node: Node, request: HttpRequest) -> object:
    return requests.approve_job(principal, _number(request, "job"), request.POST.get("digest", ""))


def _request(principal: Principal, node: Node, reason: str, *, dry_run: bool) -> object:
    wanted = JobRequest(node.cluster_id, REPLICATE, dry_run=dry_run, reason=reason, node_ids=(node.pk,))
    return requests.request_job(principal, wanted)


def _number(request: HttpRequest, name: str) -> int:
    """The primary key that a form sends; 0, which no row has, for anything else."""
    given = request.POST.get(name, "")
    return int(given) if given.isdecimal() and len(given) < 19 else 0


ACTS: dict[str, tuple[Doing, WizardStep, str]] = {
    "read-key": (
        _read_key,
        WizardStep.HOST_KEY,
        "Read. Compare it with what the server itself says before you approve it.",
    ),
    "approve-key": (
        _approve_key,
        WizardStep.CREDENTIAL,
        "Approved: the portal logs in only to a server that shows this key.",
    ),
    "give-key": (_give_key, WizardStep.CREDENTIAL, "Saved: the portal logs in only to a server that shows this key."),
    "credential": (_credential, WizardStep.CHECKS, "Saved. A worker reads the server's facts now."),
    "choose-password": (
        _choose,
        WizardStep.CREDENTIAL,
        "Saved. The portal logs in once its password was typed for this server.",
    ),
    "password": (_password, WizardStep.CHECKS, "Saved. A worker reads the server's facts now."),
    "facts": (_facts, WizardStep.CHECKS, "Asked a worker to read the facts."),
    "attest": (_attest, WizardStep.CHECKS, "Kept, with your name and the time."),
    "registration": (
        _registration,
        WizardStep.CHECKS,
        "Kept a sealed digest of the key; the key itself is not kept.",
    ),
    "compare": (_compare, WizardStep.DIFFERENCES, "Comparing. Nothing is changed."),
    "ini-key": (_ini_key, WizardStep.DIFFERENCES, "Saved the answer."),
    "path-class": (_path_class, WizardStep.DIFFERENCES, "Saved. The next comparison sorts the path so."),
    "confirm": (_confirm, WizardStep.PLAN, "Confirmed. The first plan may be made."),
    "begin": (_begin, WizardStep.PLAN, "Making the first plan."),
    "approve": (_approve, WizardStep.PLAN, "Approved: the plan runs exactly as shown."),
}
"""By the word in the address: what is done, the step shown next, what is said."""


@require_POST
def act_on_node(request: HttpRequest, pk: int, word: str) -> HttpResponse:
    """Do what the word in the address names (`ACTS`) to the node, say so, and show the step that follows, or the one
    that the form names: it stands on several. A refusal is shown there. Raises Http404 for another word, and for a
    node the user may not see."""
    if word not in ACTS:
        raise Http404("The wizard has no such act.")
    node = visible_node(request, pk)
    doing, step, message = ACTS[word]
    step = next((one for one in WizardStep if one == request.POST.get("step")), step)
    return act(request, lambda: doing(principal_of(request), node, request), to=join_page(pk, step), message=message)


@require_POST
def search(request: HttpRequest, pk: int) -> HttpResponse:
    """Begin a search of networks."""
    form = SearchForm(request.POST)

    def begin() -> None:
        ask_to_search(discovery_services.start_search(principal_of(request), new=form.new(pk)).pk)

    return act_with(request, form, begin, to=reverse("replication:join-find", args=[pk]), message="Searching.")


@require_POST
def cancel_search(request: HttpRequest, pk: int, search_id: int) -> HttpResponse:
    """End a search."""
    return act(
        request,
        lambda: discovery_services.cancel_search(principal_of(request), search_id=search_id),
        to=reverse("replication:join-find", args=[pk]),
        message="Cancelled. What was found stays.",
    )
