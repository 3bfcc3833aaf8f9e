"""REST resources of this room; mounted at /api/v1/. A slash at the end may be left out."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path
from rest_framework.routers import SimpleRouter

from replication.clustering.api.clustering import ClusteringView, ResumeView
from replication.clustering.api.guide import SetupStepView, SetupView
from replication.configuration.api.configuration import ConfigurationView, DifferencesView
from replication.configuration.api.history import ConflictViewSet, SnapshotViewSet, UnclassifiedView
from replication.jobs.api.engine import WorkersView, WriteStopView
from replication.jobs.api.jobs import JobViewSet
from replication.membership.api.membership import JoinView, LeaveView, ServersView
from replication.shared_paths.api.keys import KeySearchView, KeysView, KeyView, NamedKeysView, NamedKeyView
from replication.shared_paths.api.layout import SharedPathsView
from replication.shared_paths.api.reaching import LoginsView, LoginView, MountsView, MountView
from replication.shared_paths.api.routing import QueuesReadView, QueuesView, RoutingView
from replication.shared_paths.api.share_test import ShareTestView
from replication.watch.api import SignalView, WatchView

router = SimpleRouter()
router.trailing_slash = "/?"
router.register("jobs", JobViewSet, basename="api-job")
router.register("snapshots", SnapshotViewSet, basename="api-snapshot")
router.register("conflicts", ConflictViewSet, basename="api-conflict")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    re_path(r"^write-stop/?$", WriteStopView.as_view(), name="api-write-stop"),
    re_path(r"^clusters/(?P<cluster_id>[0-9]{1,18})/watch/?$", WatchView.as_view(), name="api-watch"),
    re_path(r"^clusters/(?P<cluster_id>[0-9]{1,18})/signal/?$", SignalView.as_view(), name="api-signal"),
    re_path(r"^clusters/(?P<cluster_id>[0-9]{1,18})/resume/?$", ResumeView.as_view(), name="api-cluster-resume"),
    re_path(r"^clusters/(?P<cluster_id>[0-9]{1,18})/clustering/?$", ClusteringView.as_view(), name="api-clustering"),
    re_path(r"^clusters/(?P<cluster_id>[0-9]{1,18})/setup/?$", SetupView.as_view(), name="api-setup"),
    re_path(
        r"^clusters/(?P<cluster_id>[0-9]{1,18})/setup/(?P<step>[0-9]{1,2})/attestation/?$",
        SetupStepView.as_view(),
        name="api-setup-step",
    ),
    re_path(r"^clusters/(?P<pk>[0-9]{1,18})/shared-paths/?$", SharedPathsView.as_view(), name="api-shared-paths"),
    re_path(r"^clusters/(?P<pk>[0-9]{1,18})/file-servers/?$", LoginsView.as_view(), name="api-file-servers"),
    re_path(
        r"^clusters/(?P<pk>[0-9]{1,18})/file-servers/(?P<login_id>[0-9]{1,18})/?$",
        LoginView.as_view(),
        name="api-file-server",
    ),
    re_path(r"^nodes/(?P<pk>[0-9]{1,18})/mount-points/?$", MountsView.as_view(), name="api-mount-points"),
    re_path(
        r"^nodes/(?P<pk>[0-9]{1,18})/mount-points/(?P<mount_id>[0-9]{1,18})/?$",
        MountView.as_view(),
        name="api-mount-point",
    ),
    re_path(r"^clusters/(?P<cluster_id>[0-9]{1,18})/shared-paths/keys/?$", KeysView.as_view(), name="api-shared-keys"),
    re_path(
        r"^clusters/(?P<cluster_id>[0-9]{1,18})/shared-paths/keys/search/?$",
        KeySearchView.as_view(),
        name="api-shared-keys-search",
    ),
    re_path(
        r"^clusters/(?P<cluster_id>[0-9]{1,18})/shared-paths/keys/named/?$",
        NamedKeysView.as_view(),
        name="api-shared-keys-named",
    ),
    re_path(
        r"^clusters/(?P<cluster_id>[0-9]{1,18})/shared-paths/keys/named/(?P<key_id>[0-9a-f]{16})/?$",
        NamedKeyView.as_view(),
        name="api-shared-key-named",
    ),
    re_path(
        r"^clusters/(?P<cluster_id>[0-9]{1,18})/shared-paths/keys/(?P<key_id>[0-9]{1,18})/?$",
        KeyView.as_view(),
        name="api-shared-key",
    ),
    re_path(
        r"^clusters/(?P<cluster_id>[0-9]{1,18})/shared-paths/test/?$", ShareTestView.as_view(), name="api-share-test"
    ),
    re_path(r"^clusters/(?P<cluster_id>[0-9]{1,18})/routing/?$", RoutingView.as_view(), name="api-routing"),
    re_path(r"^clusters/(?P<cluster_id>[0-9]{1,18})/queues/?$", QueuesView.as_view(), name="api-queues"),
    re_path(r"^clusters/(?P<cluster_id>[0-9]{1,18})/queues/read/?$", QueuesReadView.as_view(), name="api-queues-read"),
    re_path(r"^workers/?$", WorkersView.as_view(), name="api-workers"),
    re_path(
        r"^clusters/(?P<cluster_id>[0-9]{1,18})/unclassified/?$", UnclassifiedView.as_view(), name="api-unclassified"
    ),
    re_path(r"^clusters/(?P<cluster_id>[0-9]{1,18})/servers/?$", ServersView.as_view(), name="api-servers"),
    re_path(r"^nodes/(?P<node_id>[0-9]{1,18})/join/?$", JoinView.as_view(), name="api-join"),
    re_path(r"^nodes/(?P<node_id>[0-9]{1,18})/leave/?$", LeaveView.as_view(), name="api-leave"),
    re_path(r"^nodes/(?P<node_id>[0-9]{1,18})/differences/?$", DifferencesView.as_view(), name="api-differences"),
    re_path(r"^nodes/(?P<node_id>[0-9]{1,18})/configuration/?$", ConfigurationView.as_view(), name="api-configuration"),
]
