"""The map of pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from clusterportal.api_docs import ApiDocsView
from clusterportal.health import healthz, readyz

handler400 = "clusterportal.errors.bad_request"
handler403 = "clusterportal.errors.forbidden"
handler404 = "clusterportal.errors.not_found"
handler429 = "clusterportal.errors.too_many_requests"
handler500 = "clusterportal.errors.server_error"

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("nodes.urls")),
    path("", include("replication.urls")),
    path("api/v1/", include("accounts.api.urls")),
    path("api/v1/", include("nodes.api.urls")),
    path("api/v1/", include("replication.api.urls")),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/docs/", ApiDocsView.as_view(), name="api-docs"),
    path("healthz", healthz, name="healthz"),
    path("readyz", readyz, name="readyz"),
    path("admin/", admin.site.urls),
]
