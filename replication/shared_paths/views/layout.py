"""The section in which shared paths are set: its part of the page, its preview while somebody types, and saving."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_POST

from accounts.models import Role
from accounts.requests import principal_of
from nodes.clusters.access import Rights
from nodes.clusters.models import Cluster
from nodes.clusters.views import visible_cluster
from nodes.shares.services.paths import set_paths
from nodes.web.actions import done
from nodes.web.tabs import tab_page
from replication.shared_paths.forms.layout import PathsForm
from replication.shared_paths.selectors.layout import SharedPathsShown, shared_paths_of
from replication.shared_paths.selectors.mailboxes import longest_mailbox
from replication.shared_paths.selectors.reaching import logins_shown, mounts_shown


def layout_part(request: HttpRequest, cluster: Cluster) -> dict[str, Any]:
    """What the section needs."""
    shown = shared_paths_of(cluster)
    paths = [folder.path for folder in shown.folders if folder.path is not None]
    return {
        "shown": shown,
        "folders": shown.folders,
        "form": _form(shown),
        "mounts": mounts_shown(cluster, paths),
        "logins": logins_shown(cluster, paths),
    }


def _form(shown: SharedPathsShown, request: HttpRequest | None = None) -> PathsForm:
    data = request.POST if request else None
    return PathsForm(data, version=shown.row.version, layout=shown.layout, rules=shown.rules)


def save_paths(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep what was typed. What is refused is shown beside its field."""
    cluster = visible_cluster(request, pk, Role.ADMINISTRATOR)
    back = tab_page("cluster", pk, "shared-paths")
    if request.method != "POST":
        return HttpResponseRedirect(back)
    shown = shared_paths_of(cluster)
    form = _form(shown, request)
    principal, longest = principal_of(request), longest_mailbox(cluster)
    saved = form.attempt(
        lambda: set_paths(principal, cluster_id=pk, change=form.change(), longest=longest, seen_version=form.version())
    )
    if saved is not None:
        return done(request, back, "Saved. Nothing was written to a server; applying it does that.")
    context = {"cluster": cluster, "rights": Rights.on(principal, pk), "shown": shown, "form": form}
    return render(request, "replication/shared_paths/layout_refused.html", context | {"folders": shown.folders})


@require_POST
def preview_paths(request: HttpRequest, pk: int) -> HttpResponse:
    """Where each folder would lie, and what is wrong, while somebody types. Nothing is kept."""
    cluster = visible_cluster(request, pk, Role.ADMINISTRATOR)
    form = _form(shared_paths_of(cluster), request)
    change = form.change() if form.is_valid() else None
    shown = shared_paths_of(cluster, change, longest=longest_mailbox(cluster))
    fields = [
        (field.name, [*field.errors, *shown.draft.complaints.get(field.name, ())]) for field in form.path_fields()
    ]
    context = {"cluster": cluster, "folders": shown.folders, "typed": shown.draft, "fields": fields}
    return render(request, "replication/shared_paths/_layout_preview.html", context)
