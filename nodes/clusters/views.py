"""Pages about clusters: list, make, change, pause, delete."""

from __future__ import annotations

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from accounts.models import Role
from accounts.requests import principal_of
from nodes.clusters import services as clusters_services
from nodes.clusters.access import require, require_portal, visible_clusters
from nodes.clusters.forms import EditClusterForm, MemberForm, NewClusterForm, PathClassForm
from nodes.clusters.models import Cluster
from nodes.web import tabs
from nodes.web.actions import (
    FormPage,
    act,
    act_with,
    done,
    form_page,
)
from nodes.web.forms import ConfirmName, ReasonForm


def cluster_page(cluster_id: int) -> str:
    """The address of a cluster's page."""
    return tabs.home("cluster", cluster_id)


def visible_cluster(request: HttpRequest, cluster_id: int, role: Role = Role.VIEWER) -> Cluster:
    """The cluster, if the role holds on it. Raises Http404, PermissionDenied."""
    require(principal_of(request), cluster_id, role)
    return get_object_or_404(Cluster, pk=cluster_id)


def create(request: HttpRequest) -> HttpResponse:
    """Make a cluster."""
    principal = principal_of(request)
    require_portal(principal, Role.ADMINISTRATOR)
    form = NewClusterForm(request.POST or None)
    cluster = (
        form.attempt(lambda: clusters_services.create_cluster(principal, new=form.new())) if request.POST else None
    )
    if cluster is not None:
        return done(request, cluster_page(cluster.pk), f"Created cluster {cluster.name}.")
    page = FormPage("New cluster", "Create cluster", reverse("nodes:cluster-list"), "Clusters")
    return form_page(request, form, page)


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a cluster; who replicates stays. The form stands among the settings; what is refused is shown here."""
    cluster = visible_cluster(request, pk, Role.ADMINISTRATOR)
    back = tabs.panel_page("cluster", pk, "general")
    if request.method != "POST":
        return redirect(back, permanent=True)
    principal = principal_of(request)
    form = EditClusterForm(request.POST, cluster=cluster)
    saved = form.attempt(
        lambda: clusters_services.update_cluster(
            principal, cluster_id=pk, change=form.change(), seen_version=form.version()
        )
    )
    if saved is not None:
        return done(request, back, f"Saved cluster {saved.name}.")
    return form_page(request, form, FormPage(f"Edit {cluster}", "Save", back, "Settings"))


@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep its jobs from starting and from changing nodes."""
    form = ReasonForm(request.POST)
    return act_with(
        request,
        form,
        lambda: clusters_services.pause_cluster(
            principal_of(request), cluster_id=pk, reason=form.cleaned_data["reason"]
        ),
        to=tabs.panel_page("cluster", pk, "pause"),
        message="Paused: no job of this cluster starts or changes a node.",
    )


def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete an empty cluster, after its name was typed."""
    cluster = visible_cluster(request, pk, Role.ADMINISTRATOR)
    form = ConfirmName(request.POST or None, name=cluster.name)
    if request.method == "POST":
        gone = form.attempt(lambda: clusters_services.delete_cluster(principal_of(request), cluster_id=pk) or True)
        if gone:
            return done(request, reverse("nodes:cluster-list"), f"Deleted cluster {cluster.name}.")
    lead = "Its jobs, snapshots, conflicts and credentials are deleted with it. Nothing changes on any server."
    page = FormPage(
        f"Delete {cluster}", "Delete cluster", tabs.panel_page("cluster", pk, "general"), "Settings", lead, danger=True
    )
    return form_page(request, form, page)


@require_POST
def set_path_class(request: HttpRequest, pk: int) -> HttpResponse:
    """Say which class a path or pattern has."""
    form = PathClassForm(request.POST)
    return act_with(
        request,
        form,
        lambda: clusters_services.set_path_class(principal_of(request), cluster_id=pk, rule=form.rule()),
        to=tabs.panel_page("cluster", pk, "files"),
        message="Saved. The next scan of the primary sorts the path so.",
    )


@require_POST
def clear_path_class(request: HttpRequest, pk: int, override: int) -> HttpResponse:
    """Go back to what the profile says of a pattern."""
    return act(
        request,
        lambda: clusters_services.clear_path_class(principal_of(request), cluster_id=pk, override_id=override),
        to=tabs.panel_page("cluster", pk, "files"),
        message="Cleared: the profile decides again.",
    )


@require_POST
def set_member(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a user a role on the cluster."""
    form = MemberForm(request.POST)
    return act_with(
        request,
        form,
        lambda: clusters_services.set_member(
            principal_of(request),
            cluster_id=pk,
            username=form.cleaned_data["username"],
            role=form.cleaned_data["role"],
        ),
        to=tabs.panel_page("cluster", pk, "members"),
        message="Saved the member's role.",
    )


@require_POST
def remove_member(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a user's role on the cluster."""
    return act(
        request,
        lambda: clusters_services.set_member(
            principal_of(request), cluster_id=pk, username=request.POST.get("username", ""), role=""
        ),
        to=tabs.panel_page("cluster", pk, "members"),
        message="Took the member's role.",
    )


def clusters_of(request: HttpRequest | None) -> QuerySet[Cluster]:
    """The clusters a filter offers."""
    return Cluster.objects.none() if request is None else visible_clusters(principal_of(request))
