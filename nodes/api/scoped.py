"""Views of one cluster, or of one node, that the address names."""

from __future__ import annotations

from django.shortcuts import get_object_or_404
from rest_framework.views import APIView

from accounts.api.base import WithPrincipal
from nodes.access import visible_clusters
from nodes.models.cluster import Cluster
from nodes.models.node import Node
from nodes.selectors.nodes import nodes_for


class OfCluster(WithPrincipal, APIView):
    """About one cluster."""

    def cluster(self, pk: int) -> Cluster:
        """The cluster of the address, if the caller may see it."""
        return get_object_or_404(visible_clusters(self.principal), pk=pk)


class OfNode(WithPrincipal, APIView):
    """About one node."""

    def node(self, pk: int) -> Node:
        """The node of the address, if the caller may see it."""
        return get_object_or_404(nodes_for(self.principal), pk=pk)
