"""The cluster log's page, its live tail and its download."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode

from accounts.requests import principal_of
from nodes.cluster_log.export import DOWNLOAD_LINES, log_file
from nodes.cluster_log.forms import LogForm
from nodes.cluster_log.selectors import _newest, log_lines
from nodes.clusters.views import visible_cluster

SHOWN_LINES = 300


FOLLOWED_LINES = 200


def log(request: HttpRequest, pk: int) -> HttpResponse:
    """The cluster log: its end, followed live."""
    cluster = visible_cluster(request, pk)
    form = LogForm(request.GET)
    lines = _newest(principal_of(request), pk, form.query(), SHOWN_LINES)
    asked = {name: request.GET[name] for name in ("level", "node", "search") if request.GET.get(name)}
    context = {
        "cluster": cluster,
        "form": form,
        "lines": lines,
        "asked": urlencode(asked),
        "after": lines[-1].pk if lines else 0,
    }
    return render(request, "nodes/cluster_log/cluster_log.html", context)


def live_log(request: HttpRequest, pk: int) -> HttpResponse:
    """The lines that came since."""
    visible_cluster(request, pk)
    query = LogForm(request.GET).query()
    lines = list(log_lines(principal_of(request), pk, query)[:FOLLOWED_LINES])
    asked = {name: request.GET[name] for name in ("level", "node", "search") if request.GET.get(name)}
    after = lines[-1].pk if lines else query.after
    context = {"cluster_id": pk, "lines": lines, "after": after, "asked": urlencode(asked), "live": True}
    return render(request, "nodes/cluster_log/cluster_log_live.html", context)


def download_log(request: HttpRequest, pk: int) -> HttpResponse:
    """The log as a text file."""
    cluster = visible_cluster(request, pk)
    return log_file(cluster, list(log_lines(principal_of(request), pk, LogForm(request.GET).query())[:DOWNLOAD_LINES]))
