"""Console pages of this room, and those that show its jobs beside clusters and nodes; mounted at the root."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path

from replication.clustering.views import clustering, guide
from replication.configuration.views import configuration
from replication.console.views import cluster, dashboard, node
from replication.console.views import configuration as cluster_configuration
from replication.jobs.views import (
    actions,
    board,
    job,
    write_stop,
)
from replication.membership.views import leave, servers, wizard, wizard_actions
from replication.shared_paths.views import applying, keys, reaching, routing, share_test
from replication.shared_paths.views import layout as shared_layout
from replication.shared_paths.views import pages as shared_paths
from replication.watch import views as watch_views

app_name = "replication"
urlpatterns: list[URLPattern | URLResolver] = [
    path("", dashboard.dashboard, name="dashboard"),
    path("clusters/<int:pk>/", cluster.cluster, name="cluster"),
    path("clusters/<int:pk>/servers/", servers.servers, name="cluster-servers"),
    path("clusters/<int:pk>/configuration/", cluster_configuration.cluster_configuration, name="cluster-configuration"),
    path("clusters/<int:pk>/jobs/", board.ClusterJobs.as_view(), name="cluster-jobs"),
    path("clusters/<int:pk>/resume/", clustering.resume, name="cluster-resume"),
    path("clusters/<int:pk>/clustering/enable/", clustering.enable, name="clustering-enable"),
    path("clusters/<int:pk>/clustering/disable/", clustering.disable, name="clustering-disable"),
    path("clusters/<int:pk>/jobs/new/", actions.request_job, name="job-request"),
    path("clusters/<int:pk>/watch/", watch_views.watch, name="watch"),
    path("clusters/<int:pk>/watch/set/", watch_views.change, name="watch-set"),
    path("clusters/<int:pk>/watch/look/", watch_views.look_now, name="watch-look"),
    path("clusters/<int:pk>/replicate/", watch_views.replicate_now, name="replicate-now"),
    path("clusters/<int:pk>/setup/", guide.setup, name="setup"),
    path("clusters/<int:pk>/setup/<int:step>/attest/", guide.attest, name="setup-attest"),
    path("clusters/<int:pk>/setup/<int:step>/withdraw/", guide.withdraw, name="setup-withdraw"),
    path("clusters/<int:pk>/join/", wizard.find, name="join-find"),
    path("clusters/<int:pk>/join/server/", wizard.type_in, name="join-type"),
    path("clusters/<int:pk>/join/search/", wizard_actions.search, name="join-search"),
    path("clusters/<int:pk>/join/search/<int:search_id>/cancel/", wizard_actions.cancel_search, name="join-cancel"),
    path("clusters/<int:pk>/features/", guide.switch_features, name="features-switch"),
    path("clusters/<int:pk>/shared-paths/", shared_paths.shared_paths, name="shared-paths"),
    path("clusters/<int:pk>/shared-paths/save/", shared_layout.save_paths, name="shared-paths-save"),
    path("clusters/<int:pk>/shared-paths/preview/", shared_layout.preview_paths, name="shared-paths-preview"),
    path("clusters/<int:pk>/shared-paths/try/", applying.try_paths, name="shared-paths-try"),
    path("clusters/<int:pk>/shared-paths/apply/", applying.apply_paths, name="shared-paths-apply"),
    path("clusters/<int:pk>/shared-paths/give-back/", applying.give_back_paths, name="shared-paths-give-back"),
    path("clusters/<int:pk>/file-servers/new/", reaching.add_login, name="file-server-add"),
    path("clusters/<int:pk>/file-servers/<int:login>/", reaching.change_login, name="file-server-change"),
    path("clusters/<int:pk>/file-servers/<int:login>/remove/", reaching.remove_login, name="file-server-remove"),
    path("clusters/<int:pk>/shared-paths/keys/search/", keys.search, name="keys-search"),
    path("clusters/<int:pk>/shared-paths/keys/type/", keys.type_key, name="keys-type"),
    path("clusters/<int:pk>/shared-paths/keys/named/<slug:key_id>/take-back/", keys.take_back, name="keys-take-back"),
    path("clusters/<int:pk>/shared-paths/keys/confirm/", keys.confirm, name="keys-confirm"),
    path("clusters/<int:pk>/shared-paths/keys/<int:key_id>/withdraw/", keys.withdraw, name="keys-withdraw"),
    path("clusters/<int:pk>/shared-paths/matrix/", share_test.share_matrix, name="share-matrix"),
    path("clusters/<int:pk>/shared-paths/test/", share_test.test_now, name="share-test"),
    path("clusters/<int:pk>/routing/", shared_paths.routing, name="routing"),
    path("clusters/<int:pk>/routing/save/", routing.save_routing, name="routing-save"),
    path("clusters/<int:pk>/routing/preview/", routing.preview_routing, name="routing-preview"),
    path("clusters/<int:pk>/queues/", routing.queues, name="queues"),
    path("clusters/<int:pk>/queues/read/", routing.read_queues_now, name="queues-read"),
    path("nodes/<int:pk>/", node.node, name="node"),
    path("nodes/<int:pk>/configuration/", configuration.configuration, name="configuration"),
    path("nodes/<int:pk>/jobs/", node.node_jobs, name="node-jobs"),
    path("nodes/<int:pk>/join/", wizard.join, name="join"),
    path("nodes/<int:pk>/join/<slug:word>/", wizard_actions.act_on_node, name="join-do"),
    path("nodes/<int:pk>/mount-points/", reaching.set_mount, name="mount-set"),
    path("nodes/<int:pk>/mount-points/<int:mount>/clear/", reaching.clear_mount, name="mount-clear"),
    path("nodes/<int:pk>/leave/", leave.leave, name="leave"),
    path("jobs/", board.JobList.as_view(), name="job-list"),
    path("jobs/board/", board.board, name="job-board"),
    path("jobs/<int:pk>/", job.job, name="job"),
    path("jobs/<int:pk>/live/", job.live, name="job-live"),
    path("jobs/<int:pk>/approve/", actions.approve, name="job-approve"),
    path("jobs/<int:pk>/cancel/", actions.cancel, name="job-cancel"),
    path("jobs/<int:pk>/retry/", actions.retry, name="job-retry"),
    path("jobs/<int:pk>/override/", actions.override, name="job-override"),
    path("writes/", write_stop.write_stop, name="write-stop"),
]
