"""What people do about facts: read them now, bring scripts, name a feature's key."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.models import Role
from accounts.requests import principal_of
from nodes.clusters.views import visible_cluster
from nodes.facts.forms import FeatureForm
from nodes.facts.selectors.facts import cluster_features
from nodes.facts.services import features, scripts
from nodes.facts.services.facts import note_refresh
from nodes.facts.tasks import ask_to_observe
from nodes.registry.models import Node
from nodes.registry.views.nodes import node_page, visible_node
from nodes.remote.scripts import FOLDER
from nodes.web import tabs
from nodes.web.actions import FormPage, act, done, form_page
from nodes.web.forms import ConsoleForm
from nodes.web.links import link


def feature(request: HttpRequest, pk: int, code: str) -> HttpResponse:
    """Say where a feature's switch is."""
    cluster = visible_cluster(request, pk)
    rule = next((rule for rule in cluster_features(cluster) if rule.code == code), None)
    initial = {name: getattr(rule, name) for name in ("path", "section", "key", "off")} if rule and rule.key else None
    form = FeatureForm(request.POST or None, initial=initial)
    back = reverse("nodes:checks", args=[pk])
    if request.method == "POST":
        principal = principal_of(request)
        saved = form.attempt(lambda: features.set_feature_key(principal, cluster_id=pk, place=form.place(code)))
        if saved is not None:
            return done(request, back, "Saved. The check follows when the nodes were read anew.")
    lead = "Find it on a server: compare the file before and after the change. Nothing is written by saving this."
    title = f"Where is the switch of {rule.label if rule else code}?"
    return form_page(request, form, FormPage(title, "Save", back, "Checks", lead))


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
    to = link("join-checks", pk) if joining else tabs.panel_page("node", pk, "scripts")
    if request.method == "POST":
        return act(request, lambda: _carry_out(request, node, doing), to=to, message=f"{verb}: done on {node.name}.")
    page = FormPage(f"{verb}: {node}", verb, to, node.name, lead.format(folder=FOLDER, node=node.name))
    return form_page(request, ConsoleForm(), page)


def _carry_out(request: HttpRequest, node: Node, doing: Callable[..., tuple[str, ...]]) -> None:
    doing(principal_of(request), node=node)
    ask_to_observe(node.pk)
