"""Console pages of this room, and those that show its jobs beside clusters and nodes; mounted at the root."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from replication.views import cluster, dashboard, job, job_acts, jobs, node, write_stop

app_name = "replication"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", dashboard.dashboard, name="dashboard"),
    path("clusters/<int:pk>/", cluster.cluster, name="cluster"),
    path("clusters/<int:pk>/jobs/new/", job_acts.request_job, name="job-request"),
    path("nodes/<int:pk>/", node.node, name="node"),
    path("jobs/", jobs.JobList.as_view(), name="job-list"),
    path("jobs/board/", jobs.board, name="job-board"),
    path("jobs/<int:pk>/", job.job, name="job"),
    path("jobs/<int:pk>/live/", job.live, name="job-live"),
    path("jobs/<int:pk>/approve/", job_acts.approve, name="job-approve"),
    path("jobs/<int:pk>/cancel/", job_acts.cancel, name="job-cancel"),
    path("jobs/<int:pk>/retry/", job_acts.retry, name="job-retry"),
    path("jobs/<int:pk>/override/", job_acts.override, name="job-override"),
    path("writes/", write_stop.write_stop, name="write-stop"),
]
