"""The section of the shared paths' page that shows where keys stand, and what its buttons do."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.models import Role
from accounts.requests import principal_of
from nodes.clusters.models import Cluster
from nodes.clusters.views import visible_cluster
from nodes.web.actions import FormPage, act, done, form_page
from replication.shared_paths.forms.keys import KeyForm
from replication.shared_paths.selectors.keys import keys_shown, labels_of
from replication.shared_paths.services import keys
from replication.shared_paths.tasks import wake_for_keys

LEAD = (
    "Find it on the primary: change the folder in MDaemon, and compare the file before and after. It is read from "
    "there before anybody can confirm it. Nothing is written by this."
)


def keys_part(request: HttpRequest, cluster: Cluster) -> dict[str, Any]:
    """What the section's template needs."""
    return {"keys": keys_shown(cluster)}


def _page(pk: int) -> str:
    return f"{reverse('replication:shared-paths', args=[pk])}#keys"


@require_POST
def search(request: HttpRequest, pk: int) -> HttpResponse:
    """Have a worker look for keys on the primary."""

    def ask() -> None:
        keys.ask_to_search(principal_of(request), cluster_id=pk)
        wake_for_keys(pk)

    message = "Asked a worker to read the primary's files. Nothing is written there."
    return act(request, ask, to=_page(pk), message=message)


@require_POST
def confirm(request: HttpRequest, pk: int) -> HttpResponse:
    """Confirm the keys that were ticked."""
    ticked = request.POST.getlist("key")
    return act(
        request,
        lambda: keys.confirm_keys(principal_of(request), cluster_id=pk, ids=ticked),
        to=_page(pk),
        message="Confirmed. Nothing was written to a server.",
    )


@require_POST
def take_back(request: HttpRequest, pk: int, key_id: str) -> HttpResponse:
    """Forget a key that somebody named."""
    return act(
        request,
        lambda: keys.take_back(principal_of(request), cluster_id=pk, key_id=key_id),
        to=_page(pk),
        message="It is not looked for any more.",
    )


@require_POST
def withdraw(request: HttpRequest, pk: int, key_id: int) -> HttpResponse:
    """Take a confirmation back."""
    return act(
        request,
        lambda: keys.withdraw_key(principal_of(request), cluster_id=pk, key_id=key_id),
        to=_page(pk),
        message="Withdrawn. What the servers' files say stays as it is.",
    )


def type_key(request: HttpRequest, pk: int) -> HttpResponse:
    """Name a key."""
    cluster = visible_cluster(request, pk, Role.OPERATOR)
    folders = labels_of(cluster).items()
    form = KeyForm(request.POST or None, folders=folders, initial={"role": request.GET.get("role", "")})
    if request.method == "POST":
        principal = principal_of(request)
        row = form.attempt(lambda: keys.type_key(principal, cluster_id=pk, place=form.place(), **form.values()))
        if row is not None:
            wake_for_keys(pk)
            return done(request, _page(pk), "It is read from the primary now; then an administrator can confirm it.")
    return form_page(request, form, FormPage("Name a key", "Read it", _page(pk), "Shared paths", LEAD))
