"""Pages about clusters: list, make, change, pause, delete."""

from __future__ import annotations

from typing import Any

import django_filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.views.decorators.http import require_POST
from django_tables2.utils import A

from accounts.models import Role
from accounts.principals import rank
from accounts.requests import principal_of
from nodes.access import require, require_portal
from nodes.enums import ReplicationMode
from nodes.forms.base import ConfirmName, ReasonForm
from nodes.forms.clusters import EditClusterForm, NewClusterForm
from nodes.models.cluster import Cluster
from nodes.selectors.clusters import clusters_for
from nodes.services import clusters
from nodes.templatetags.console import badge
from nodes.views.acting import FormPage, act_with, done, form_page
from nodes.views.listing import ListingView, by_words
from nodes.views.verdict import verdict_of_counts


class ClusterTable(tables.Table):
    """One row a cluster."""

    name = tables.Column(linkify=("replication:cluster", [A("pk")]), attrs={"td": {"class": "strong"}})
    state = tables.Column(empty_values=(), orderable=False)
    node_count = tables.Column(verbose_name="Nodes", attrs={"td": {"class": "num"}, "th": {"class": "num"}})
    replication_mode = tables.Column(verbose_name="Replicated by")
    approval = tables.Column()
    description = tables.Column(orderable=False, attrs={"td": {"class": "wrap"}})
    label = "Clusters"

    class Meta:
        template_name = "components/table.html"
        empty_text = "No cluster matches."
        order_by = "name"

    def render_state(self, record: Cluster) -> str:
        """Paused, or the worst of its nodes."""
        verdict = verdict_of_counts(record)
        return badge(verdict.state, verdict.label)


class ClusterFilter(django_filters.FilterSet):
    """Search and who replicates."""

    q = django_filters.CharFilter(method="search", label="Search")
    replication_mode = django_filters.ChoiceFilter(
        choices=ReplicationMode.choices, label="Replicated by", empty_label="All"
    )
    paused = django_filters.ChoiceFilter(
        choices=[("true", "Paused"), ("false", "Not paused")], label="Paused", empty_label="All", method="is_paused"
    )
    search = staticmethod(by_words(("name", "description")))

    class Meta:
        model = Cluster
        fields: list[str] = []

    @staticmethod
    def is_paused(rows: QuerySet[Cluster], name: str, value: str) -> QuerySet[Cluster]:
        """Those paused, or those not."""
        return rows.filter(paused=value == "true")


class ClusterList(ListingView):
    """All clusters the user may see."""

    table_class = ClusterTable
    filterset_class = ClusterFilter
    page_template = "nodes/cluster_list.html"

    def get_queryset(self) -> QuerySet[Cluster]:
        """With the counts of their nodes."""
        return clusters_for(self.principal)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """And whether new ones may be made."""
        may_create = rank(self.principal.portal_role()) >= rank(Role.ADMINISTRATOR)
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"may_create": may_create}


def cluster_page(cluster_id: int) -> str:
    """The address of a cluster's page."""
    return reverse("replication:cluster", args=[cluster_id])


def visible_cluster(request: HttpRequest, cluster_id: int, role: Role = Role.VIEWER) -> Cluster:
    """The cluster, if the role holds on it. Raises Http404, PermissionDenied."""
    require(principal_of(request), cluster_id, role)
    return get_object_or_404(Cluster, pk=cluster_id)


def create(request: HttpRequest) -> HttpResponse:
    """Make a cluster."""
    principal = principal_of(request)
    require_portal(principal, Role.ADMINISTRATOR)
    form = NewClusterForm(request.POST or None)
    cluster = form.attempt(lambda: clusters.create_cluster(principal, new=form.new())) if request.POST else None
    if cluster is not None:
        return done(request, cluster_page(cluster.pk), f"Created cluster {cluster.name}.")
    page = FormPage("New cluster", "Create cluster", reverse("nodes:cluster-list"), "Clusters")
    return form_page(request, form, page)


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a cluster; who replicates stays."""
    cluster = visible_cluster(request, pk, Role.ADMINISTRATOR)
    principal = principal_of(request)
    form = EditClusterForm(request.POST or None, cluster=cluster)
    if request.method == "POST":
        saved = form.attempt(
            lambda: clusters.update_cluster(principal, cluster_id=pk, change=form.change(), seen_version=form.version())
        )
        if saved is not None:
            return done(request, cluster_page(pk), f"Saved cluster {saved.name}.")
    return form_page(request, form, FormPage(f"Edit {cluster}", "Save", cluster_page(pk), cluster.name))


@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep its jobs from starting and from changing nodes."""
    form = ReasonForm(request.POST)
    return act_with(
        request,
        form,
        lambda: clusters.pause_cluster(principal_of(request), cluster_id=pk, reason=form.cleaned_data["reason"]),
        to=cluster_page(pk),
        message="Paused: no job of this cluster starts or changes a node.",
    )


def delete(request: HttpRequest, pk: int) -> HttpResponse:
    """Delete an empty cluster, after its name was typed."""
    cluster = visible_cluster(request, pk, Role.ADMINISTRATOR)
    form = ConfirmName(request.POST or None, name=cluster.name)
    if request.method == "POST":
        gone = form.attempt(lambda: clusters.delete_cluster(principal_of(request), cluster_id=pk) or True)
        if gone:
            return done(request, reverse("nodes:cluster-list"), f"Deleted cluster {cluster.name}.")
    lead = "Its jobs, snapshots, conflicts and credentials are deleted with it. Nothing changes on any server."
    page = FormPage(f"Delete {cluster}", "Delete cluster", cluster_page(pk), cluster.name, lead, danger=True)
    return form_page(request, form, page)
