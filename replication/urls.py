"""Console pages of this room, and those that show its jobs beside clusters and nodes; mounted at the root."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from replication.views import (
    cluster,
    clustering,
    configuration,
    dashboard,
    job,
    job_acts,
    jobs,
    joining,
    joining_acts,
    leaving,
    node,
    setup,
    watching,
    write_stop,
)

app_name = "replication"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", dashboard.dashboard, name="dashboard"),
    path("clusters/<int:pk>/", cluster.cluster, name="cluster"),
    path("clusters/<int:pk>/resume/", clustering.resume, name="cluster-resume"),
    path("clusters/<int:pk>/clustering/enable/", clustering.enable, name="clustering-enable"),
    path("clusters/<int:pk>/clustering/disable/", clustering.disable, name="clustering-disable"),
    path("clusters/<int:pk>/jobs/new/", job_acts.request_job, name="job-request"),
    path("clusters/<int:pk>/watch/", watching.watch, name="watch"),
    path("clusters/<int:pk>/watch/set/", watching.change, name="watch-set"),
    path("clusters/<int:pk>/watch/look/", watching.look_now, name="watch-look"),
    path("clusters/<int:pk>/replicate/", watching.replicate_now, name="replicate-now"),
    path("clusters/<int:pk>/setup/", setup.setup, name="setup"),
    path("clusters/<int:pk>/setup/<int:step>/attest/", setup.attest, name="setup-attest"),
    path("clusters/<int:pk>/setup/<int:step>/withdraw/", setup.withdraw, name="setup-withdraw"),
    path("clusters/<int:pk>/join/", joining.find, name="join-find"),
    path("clusters/<int:pk>/join/server/", joining.type_in, name="join-type"),
    path("clusters/<int:pk>/join/search/", joining_acts.search, name="join-search"),
    path("clusters/<int:pk>/join/search/<int:search_id>/cancel/", joining_acts.cancel_search, name="join-cancel"),
    path("clusters/<int:pk>/features/", setup.switch_features, name="features-switch"),
    path("nodes/<int:pk>/", node.node, name="node"),
    path("nodes/<int:pk>/configuration/", configuration.configuration, name="configuration"),
    path("nodes/<int:pk>/join/", joining.join, name="join"),
    path("nodes/<int:pk>/join/<slug:word>/", joining_acts.do, name="join-do"),
    path("nodes/<int:pk>/leave/", leaving.leave, name="leave"),
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
