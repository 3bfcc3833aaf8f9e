"""The section in which shared paths are applied: its part of the page, a look at what would change, the form."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from accounts.models import Role
from accounts.refusals import refusals_as_messages
from accounts.requests import principal_of
from nodes.clusters.models import Cluster
from nodes.clusters.views import visible_cluster
from nodes.web.actions import FormPage, form_page
from nodes.web.tabs import tab_page
from replication.jobs.services.requests import JobRequest, request_job
from replication.jobs.views.actions import job_page
from replication.shared_paths.core.apply_plans import FORMER, MOVED, SHARED, SHARED_PATHS
from replication.shared_paths.forms.apply import ApplyForm
from replication.shared_paths.selectors.applying import applied_of

LEAD = (
    "The next page shows every line before and after; nothing is written before you approve that. Then the primary's "
    "files are written, replicated, and read on every node. Stop the mail servers while you move what the folders hold."
)
BACK_LEAD = (
    "Keys that still hold what the portal wrote get back what they held before; others stay. You approve the lines "
    "first. Folders that were made on the share stay there."
)


def apply_part(_request: HttpRequest, cluster: Cluster) -> dict[str, Any]:
    """What the section needs."""
    return {"applied": applied_of(cluster)}


@require_POST
def try_paths(request: HttpRequest, pk: int) -> HttpResponse:
    """Show what would change."""
    wanted = JobRequest(pk, SHARED_PATHS, options={"to": SHARED, MOVED: False}, dry_run=True)
    to = tab_page("cluster", pk, "shared-paths")
    with refusals_as_messages(request):
        job, _ = request_job(principal_of(request), wanted)
        to = job_page(job.pk)
    return redirect(to)


def apply_paths(request: HttpRequest, pk: int) -> HttpResponse:
    """Ask for the cluster's name, then show the job that waits for approval."""
    return _ask(request, pk, SHARED, ("Apply the shared paths of", "Plan it", LEAD))


def give_back_paths(request: HttpRequest, pk: int) -> HttpResponse:
    """The same for the former paths."""
    return _ask(request, pk, FORMER, ("Give back the former paths of", "Plan it", BACK_LEAD))


def _ask(request: HttpRequest, pk: int, to: str, words: tuple[str, str, str]) -> HttpResponse:
    cluster = visible_cluster(request, pk, Role.ADMINISTRATOR)
    form = ApplyForm(request.POST or None, name=cluster.name)
    if request.method == "POST":
        made = form.attempt(lambda: request_job(principal_of(request), form.request(cluster, to)))
        if made is not None:
            return redirect(job_page(made[0].pk))
    title, verb, lead = words
    back = tab_page("cluster", pk, "shared-paths")
    return form_page(request, form, FormPage(f"{title} {cluster}", verb, back, "Shared paths", lead, danger=True))
