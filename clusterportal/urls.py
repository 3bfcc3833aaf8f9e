"""The map of pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

urlpatterns = [
    path("", include("accounts.urls")),
    path("", include("nodes.urls")),
    path("", include("replication.urls")),
    path("api/v1/", include("accounts.api.urls")),
    path("api/v1/", include("nodes.api.urls")),
    path("api/v1/", include("replication.api.urls")),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/docs/", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="swagger"),
    path("admin/", admin.site.urls),
]
