"""REST resources of this room; mounted at /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from replication.api.engine import WorkersView, WriteStopView
from replication.api.history import ConflictViewSet, SnapshotViewSet, UnclassifiedView
from replication.api.jobs import JobViewSet

router = SimpleRouter(trailing_slash=False)
router.register("jobs", JobViewSet, basename="api-job")
router.register("snapshots", SnapshotViewSet, basename="api-snapshot")
router.register("conflicts", ConflictViewSet, basename="api-conflict")

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("write-stop", WriteStopView.as_view(), name="api-write-stop"),
    path("workers", WorkersView.as_view(), name="api-workers"),
    path("clusters/<int:cluster_id>/unclassified", UnclassifiedView.as_view(), name="api-unclassified"),
]
