"""Pages about nodes: list, register, change, pause, remove."""

from __future__ import annotations

import django_filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from accounts.filters import WordsFilter
from accounts.models import Role
from accounts.requests import principal_of
from accounts.tables import ListTable
from nodes.clusters.access import Rights, require, visible_clusters
from nodes.clusters.views import cluster_page, clusters_of, visible_cluster
from nodes.credentials.selectors import credentials_for
from nodes.enums import NodeRole, PlatformName
from nodes.registry.core.verdict import Word
from nodes.registry.forms import EditNodeForm, NewNodeForm
from nodes.registry.models import Node
from nodes.registry.selectors import nodes_for
from nodes.registry.services import nodes
from nodes.registry.status import CHOICES, FILTERS, node_badge
from nodes.web import tabs
from nodes.web.actions import (
    FormPage,
    act,
    act_with,
    done,
    form_page,
)
from nodes.web.forms import ConfirmName, ReasonForm
from nodes.web.html import meter, share_used
from nodes.web.listing import ListingView

NUMBER = {"td": {"class": "num"}, "th": {"class": "num"}}


class NodeTable(ListTable):
    """One row a node."""

    name = tables.Column(verbose_name="Node", order_by=("sort_key", "name"))
    cluster = tables.Column(linkify=lambda record: cluster_page(record.cluster_id))
    role = tables.Column()
    state = tables.Column(accessor="health", verbose_name="State", empty_values=())
    version = tables.Column(accessor="facts__product_version", verbose_name="Version", default="not known")
    clock = tables.Column(accessor="facts__clock_offset_ms", verbose_name="Clock", default="not known", attrs=NUMBER)
    disk = tables.Column(accessor="facts__disk_free", verbose_name="Disk used", empty_values=(), orderable=False)
    read_at = tables.DateTimeColumn(
        accessor="facts__read_at", verbose_name="Facts read", format="Y-m-d H:i", default="never"
    )
    label = "Nodes"

    class Meta:
        template_name = "components/table.html"
        empty_text = "No node matches."
        order_by = "name"

    def render_name(self, record: Node) -> str:
        """The name, where it is beneath."""
        return format_html(
            '<b><a href="{}">{}</a></b><div class="sub">{}:{}</div>',
            node_page(record.pk),
            record.name,
            record.address,
            record.port,
        )

    def render_state(self, record: Node) -> str:
        """The verdict."""
        return node_badge(record)

    def render_clock(self, value: float) -> str:
        """Offset to the portal's clock in seconds."""
        return f"{round(value / 1000, 2) + 0.0:+.2f} s"  # + 0.0: no -0.00

    def render_disk(self, record: Node) -> str:
        """A meter, where the node told."""
        facts = getattr(record, "facts", None)
        return meter(share_used(facts.disk_total, facts.disk_free) if facts else None, f"Disk used on {record.name}")


class NodeFilter(django_filters.FilterSet):
    """Search, cluster, state, role, system."""

    q = WordsFilter("name", "address", "cluster__name", "install_root", label="Search")
    cluster = django_filters.ModelChoiceFilter(queryset=clusters_of, label="Cluster", empty_label="All")
    state = django_filters.ChoiceFilter(
        choices=[*CHOICES, ("paused", "Paused")], label="State", empty_label="All", method="in_state"
    )
    role = django_filters.ChoiceFilter(choices=NodeRole.choices, label="Role", empty_label="All")
    platform = django_filters.ChoiceFilter(choices=PlatformName.choices, label="System", empty_label="All")

    class Meta:
        model = Node
        fields: list[str] = []

    @staticmethod
    def in_state(rows: QuerySet[Node], name: str, value: str) -> QuerySet[Node]:
        """By what the badge says."""
        return rows.filter(paused=True) if value == "paused" else rows.filter(FILTERS[Word(value)])


class NodeList(ListingView):
    """All nodes the user may see."""

    table_class = NodeTable
    filterset_class = NodeFilter
    page_template = "nodes/registry/node_list.html"

    def get_queryset(self) -> QuerySet[Node]:
        """With cluster and facts."""
        return nodes_for(self.principal)


def node_page(node_id: int) -> str:
    """The address of a node's page."""
    return tabs.home("node", node_id)


def visible_node(request: HttpRequest, node_id: int, role: Role = Role.VIEWER) -> Node:
    """The node, if the role holds on its cluster. Raises Http404, PermissionDenied."""
    principal = principal_of(request)
    node = get_object_or_404(nodes_for(principal), pk=node_id)
    require(principal, node.cluster_id, role)
    return node


def choose_cluster(request: HttpRequest) -> HttpResponse:
    """Which cluster the new node is for; whoever administers one cluster only is not asked."""
    principal = principal_of(request)
    clusters = [row for row in visible_clusters(principal) if Rights.on(principal, row.pk).administer]
    if len(clusters) == 1:
        return redirect("nodes:node-create", clusters[0].pk)
    return render(request, "nodes/registry/choose_cluster.html", {"clusters": clusters})


def create(request: HttpRequest, pk: int) -> HttpResponse:
    """Register a node in a cluster."""
    cluster = visible_cluster(request, pk, Role.ADMINISTRATOR)
    principal = principal_of(request)
    role = NodeRole.SECONDARY if cluster.nodes.filter(role=NodeRole.PRIMARY).exists() else NodeRole.PRIMARY
    credentials = credentials_for(principal).filter(cluster=cluster)
    form = NewNodeForm(request.POST or None, credentials=credentials, initial={"role": role})
    node = form.attempt(lambda: nodes.register_node(principal, new=form.new(cluster))) if request.POST else None
    if node is not None:
        return done(request, node_page(node.pk), f"Registered {node.name}. Next: approve its host key.")
    page = FormPage(
        f"Add a node to {cluster}",
        "Add node",
        cluster_page(pk),
        cluster.name,
        "Adding a node changes nothing on the server.",
    )
    return form_page(request, form, page)


def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change where a node is and how the portal logs in. The form stands among the settings; what is refused is shown
    here."""
    node = visible_node(request, pk, Role.ADMINISTRATOR)
    back = tabs.panel_page("node", pk, "general")
    if request.method != "POST":
        return redirect(back, permanent=True)
    principal = principal_of(request)
    credentials = credentials_for(principal).filter(cluster=node.cluster_id)
    form = EditNodeForm(request.POST, node=node, credentials=credentials)
    saved = form.attempt(
        lambda: nodes.update_node(principal, node_id=pk, change=form.change(), seen_version=form.version())
    )
    if saved is not None:
        return done(request, back, f"Saved {saved.name}.")
    lead = "The approved host key stays pinned whatever changes here."
    return form_page(request, form, FormPage(f"Edit {node}", "Save", back, "Settings", lead))


@require_POST
def pause(request: HttpRequest, pk: int) -> HttpResponse:
    """Keep jobs from changing the node."""
    form = ReasonForm(request.POST)
    return act_with(
        request,
        form,
        lambda: nodes.pause_node(principal_of(request), node_id=pk, reason=form.cleaned_data["reason"]),
        to=tabs.panel_page("node", pk, "pause"),
        message="Paused: no job changes this node.",
    )


@require_POST
def resume(request: HttpRequest, pk: int) -> HttpResponse:
    """Let jobs change the node again."""
    return act(
        request,
        lambda: nodes.resume_node(principal_of(request), node_id=pk),
        to=tabs.panel_page("node", pk, "pause"),
        message="Resumed: jobs may change this node again.",
    )


def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a node, after its name was typed."""
    node = visible_node(request, pk, Role.ADMINISTRATOR)
    form = ConfirmName(request.POST or None, name=node.name)
    if request.method == "POST":
        gone = form.attempt(lambda: nodes.remove_node(principal_of(request), node_id=pk) or True)
        if gone:
            return done(request, cluster_page(node.cluster_id), f"Removed {node.name}.")
    lead = "The portal forgets the node with its facts, host keys and answers. Nothing changes on the server."
    page = FormPage(
        f"Remove {node}", "Remove node", tabs.panel_page("node", pk, "remove"), "Settings", lead, danger=True
    )
    return form_page(request, form, page)
