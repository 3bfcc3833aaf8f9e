"""The section that shows what each server can do in the shared folders, and the button that has it tested."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_POST, require_safe

from accounts.requests import principal_of
from nodes.clusters.access import Rights
from nodes.clusters.models import Cluster
from nodes.clusters.views import visible_cluster
from nodes.products.errors import ProfileError
from nodes.web.actions import act
from nodes.web.tabs import tab_page
from replication.jobs.services.requests import JobRequest, request_job
from replication.shared_paths.core.share_tests import SHARE_TEST_KIND
from replication.shared_paths.selectors.matrix import matrix_shown


def matrix_part(request: HttpRequest, cluster: Cluster) -> dict[str, Any]:
    """What the section needs; nothing where the cluster's product is not known."""
    try:
        return {"test": matrix_shown(cluster, request.GET.get("open"))}
    except ProfileError:
        return {}


@require_safe
def share_matrix(request: HttpRequest, pk: int) -> HttpResponse:
    """The section alone, as it is now."""
    cluster = visible_cluster(request, pk)
    context = {"cluster": cluster, "rights": Rights.on(principal_of(request), pk)}
    return render(request, "replication/shared_paths/_matrix.html", context | matrix_part(request, cluster))


@require_POST
def test_now(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for a test."""
    asked = JobRequest(cluster_id=pk, kind=SHARE_TEST_KIND)
    return act(
        request,
        lambda: request_job(principal_of(request), asked),
        to=f"{tab_page('cluster', pk, 'shared-paths')}#share-test",
        message="Requested: every server tries the shared folders now.",
    )
