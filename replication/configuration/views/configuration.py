"""The list of a node's configuration files. It has no buttons: on a secondary nothing is changed."""

from __future__ import annotations

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from nodes.registry.views.nodes import visible_node
from replication.configuration.selectors.configuration import Configuration, configuration_of
from replication.jobs.selectors.plans import Unreadable

PAGE = 200


def configuration(request: HttpRequest, pk: int) -> HttpResponse:
    """Names, sizes and hashes, as last seen or proven."""
    node = visible_node(request, pk)
    trouble = ""
    try:
        found = configuration_of(node)
    except Unreadable as error:
        found, trouble = Configuration((), "", None, True, ""), str(error)
    page = Paginator(found.files, PAGE).get_page(request.GET.get("page"))
    context = {"node": node, "found": found, "page": page, "trouble": trouble}
    return render(request, "replication/configuration/configuration.html", context)
