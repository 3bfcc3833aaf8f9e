"""REST resources of this room; mounted at /api/v1/. A slash at the end may be left out."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, re_path
from rest_framework.routers import SimpleRouter

from replication.api.engine import WorkersView, WriteStopView
from replication.api.history import ConflictViewSet, SnapshotViewSet, UnclassifiedView
from replication.api.jobs import JobViewSet

router = SimpleRouter()
router.trailing_slash = "/?"
router.register("jobs", JobViewSet, basename="api-job")
router.register("snapshots", SnapshotViewSet, basename="api-snapshot")
router.register("conflicts", ConflictViewSet, basename="api-conflict")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    re_path(r"^write-stop/?$", WriteStopView.as_view(), name="api-write-stop"),
    re_path(r"^workers/?$", WorkersView.as_view(), name="api-workers"),
    re_path(
        r"^clusters/(?P<cluster_id>[0-9]{1,18})/unclassified/?$", UnclassifiedView.as_view(), name="api-unclassified"
    ),
]
