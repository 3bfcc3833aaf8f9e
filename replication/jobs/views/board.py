"""The job dashboard: what runs, what waits for whom, who holds which resource, which workers are busy; the list."""

from __future__ import annotations

from typing import Any

import django_filters
import django_tables2 as tables
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django_tables2.utils import A

from accounts.access import may_on_portal
from accounts.filters import WordsFilter
from accounts.models import Role
from accounts.principals import Principal
from accounts.requests import principal_of
from accounts.tables import ListTable
from nodes.clusters.access import Rights
from nodes.clusters.views import clusters_of, visible_cluster
from nodes.web.html import badge
from nodes.web.listing import ListingView
from replication.jobs.core.states import JobState
from replication.jobs.kinds import kinds
from replication.jobs.models import Job
from replication.jobs.selectors.jobs import active_jobs, jobs_listed, locks_held, workers_seen
from replication.jobs.selectors.progress import time_run, time_waited
from replication.jobs.words import duration, kind_label, manner, status_of_job


class JobTable(ListTable):
    """One row a job."""

    id = tables.Column(verbose_name="Job", attrs={"td": {"class": "wrap"}})
    cluster = tables.Column(linkify=("replication:cluster", [A("cluster_id")]))
    state = tables.Column()
    nodes = tables.Column(empty_values=(), orderable=False, verbose_name="Nodes proven")
    requester = tables.Column(verbose_name="Requested by")
    created_at = tables.DateTimeColumn(verbose_name="Requested", format="Y-m-d H:i:s")
    ran = tables.Column(empty_values=(), orderable=False, verbose_name="Ran")
    reason = tables.Column(orderable=False, attrs={"td": {"class": "wrap"}})
    label = "Jobs"

    class Meta:
        template_name = "components/table.html"
        empty_text = "No job matches."
        order_by = "-id"

    def render_id(self, record: Job) -> str:
        """Number and kind."""
        return format_html(
            '<b><a href="{}">#{} {}</a></b>{}',
            reverse("replication:job", args=[record.pk]),
            record.pk,
            kind_label(record.kind),
            format_html('<div class="sub">{}</div>', said) if (said := manner(record)) else "",
        )

    def render_state(self, record: Job) -> str:
        """The state's badge."""
        status = status_of_job(record)
        return badge(status.state, status.label)

    def render_nodes(self, record: Any) -> str:
        """How many of its nodes are proven, and how many are in trouble."""
        if not record.target_count:
            return "—"
        text = f"{record.verified_count} of {record.target_count}"
        if not record.trouble_count:
            return text
        return format_html('{} <span class="hot">{} in trouble</span>', text, record.trouble_count)

    def render_ran(self, record: Job) -> str:
        """How long it ran, and apart from that how long it waited; until now, where it has not ended."""
        ran = duration(time_run(record)) if record.started_at else "not begun"
        return format_html('{}<div class="sub">waited {}</div>', ran, duration(time_waited(record)))


def _kinds() -> list[tuple[str, str]]:
    return list(kinds().items())


class JobFilter(django_filters.FilterSet):
    """Search, cluster, state, kind."""

    q = WordsFilter("cluster__name", "requester", "reason", "error", label="Search")
    cluster = django_filters.ModelChoiceFilter(queryset=clusters_of, label="Cluster", empty_label="All")
    state = django_filters.ChoiceFilter(
        choices=[(state.value, state.value.replace("_", " ").capitalize()) for state in JobState],
        label="State",
        empty_label="All",
    )
    kind = django_filters.ChoiceFilter(choices=_kinds, label="Kind", empty_label="All")

    class Meta:
        model = Job
        fields: list[str] = []


class JobList(ListingView):
    """All jobs the user may see, with the board above."""

    table_class = JobTable
    filterset_class = JobFilter
    page_template = "replication/jobs/job_list.html"

    def get_queryset(self) -> QuerySet[Job]:
        """With the counts of their targets."""
        return jobs_listed(self.principal)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """The board only where the whole page is drawn."""
        whole = self.get_template_names() == [self.page_template]
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | (_board(self.principal) if whole else {})


class ClusterJobFilter(JobFilter):
    """The same within a cluster, which it need not ask."""

    cluster = None


class ClusterJobTable(JobTable):
    """The same within a cluster, which it need not name."""

    cluster = None

    class Meta(JobTable.Meta):
        empty_text = "No job of this cluster matches."


class ClusterJobs(ListingView):
    """The jobs of one cluster."""

    table_class = ClusterJobTable
    filterset_class = ClusterJobFilter
    page_template = "replication/jobs/cluster_jobs.html"

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Only for those who may see the cluster."""
        super().setup(request, *args, **kwargs)
        self.cluster = visible_cluster(request, kwargs["pk"])

    def get_queryset(self) -> QuerySet[Job]:
        """With the counts of their targets."""
        return jobs_listed(self.principal).filter(cluster=self.cluster)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """And whether one may be requested."""
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return context | {"cluster": self.cluster, "rights": Rights.on(self.principal, self.cluster.pk)}


def board(request: HttpRequest) -> HttpResponse:
    """The board alone, for its own refresh."""
    return render(request, "replication/jobs/job_board.html", _board(principal_of(request)))


MOVING = (JobState.PLANNING, JobState.RUNNING)
ASKING = (JobState.AWAITING_APPROVAL, JobState.HALTED)


def _board(principal: Principal) -> dict[str, Any]:
    jobs = list(active_jobs(principal))
    moving = [job for job in jobs if status_of_job(job).state in MOVING]
    # who sees one cluster only is not told of the machines behind the portal
    workers = workers_seen() if may_on_portal(principal, Role.VIEWER) else None
    return {
        "running": moving,
        "waiting": [job for job in jobs if job not in moving and job.state not in ASKING],
        "asking": [job for job in jobs if job.state in ASKING],
        "locks": list(locks_held(principal)),
        "workers": workers,
        "all_silent": workers is not None and not any(worker.seen_at for worker in workers),
    }
