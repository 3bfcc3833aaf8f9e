"""A cluster's servers: the guide's Registered Servers, and who is on the way in or out."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from accounts.requests import principal_of
from nodes.clusters.access import Rights
from nodes.clusters.views import visible_cluster
from nodes.registry.selectors import nodes_for
from nodes.shares.selectors.servers import here, servers_of
from replication.membership.selectors.servers import sorted_servers


def servers(request: HttpRequest, pk: int) -> HttpResponse:
    """Both lists and the drawing."""
    cluster = visible_cluster(request, pk)
    principal = principal_of(request)
    nodes = list(nodes_for(principal).filter(cluster=cluster))
    context = {
        "cluster": cluster,
        "rights": Rights.on(principal, pk),
        "nodes": nodes,
        "servers": sorted_servers(nodes),
        "file_servers": servers_of({cluster: here(nodes)}).get(pk, ()),
        "has_credential": bool(nodes) or cluster.credentials.exists(),
    }
    return render(request, "replication/membership/servers.html", context)
