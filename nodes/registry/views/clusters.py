"""The list of clusters, each with how its servers stand."""

from __future__ import annotations

from typing import Any

import django_filters
import django_tables2 as tables
from django.db.models import QuerySet

from accounts.filters import WordsFilter
from accounts.models import Role
from accounts.principals import rank
from accounts.tables import ListTable
from nodes.clusters.models import Cluster
from nodes.clusters.selectors import clusters_for
from nodes.clusters.views import cluster_page
from nodes.enums import ReplicationMode
from nodes.registry.selectors import with_standing
from nodes.registry.status import badges, status_of_cluster
from nodes.web.listing import ListingView


class ClusterTable(ListTable):
    """One row a cluster."""

    name = tables.Column(linkify=lambda record: cluster_page(record.pk), attrs={"td": {"class": "strong"}})
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
        """That of the worst of its nodes, and whether it is paused."""
        return badges(status_of_cluster(record, record.nodes.all()))


class ClusterFilter(django_filters.FilterSet):
    """Search and who replicates."""

    q = WordsFilter("name", "description", label="Search")
    replication_mode = django_filters.ChoiceFilter(
        choices=ReplicationMode.choices, label="Replicated by", empty_label="All"
    )
    paused = django_filters.ChoiceFilter(
        choices=[("true", "Paused"), ("false", "Not paused")], label="Paused", empty_label="All", method="is_paused"
    )

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
    page_template = "nodes/registry/cluster_list.html"

    def get_queryset(self) -> QuerySet[Cluster]:
        """With the counts of their nodes, and what tells how these stand."""
        return with_standing(clusters_for(self.principal))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """And whether new ones may be made."""
        may_create = rank(self.principal.portal_role()) >= rank(Role.ADMINISTRATOR)
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"may_create": may_create}
