"""REST resources of this room; mounted at /api/v1/."""

from __future__ import annotations

from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from accounts.api import schema  # noqa: F401 - tells the schema how callers authenticate
from accounts.api.sessions import SessionViewSet
from accounts.api.views import EventViewSet, SecondFactorPolicyView, TokenViewSet, UserViewSet, WhoView

router = SimpleRouter()
router.register("tokens", TokenViewSet, basename="api-token")
router.register("sessions", SessionViewSet, basename="api-session")
router.register("users", UserViewSet, basename="api-user")
router.register("events", EventViewSet, basename="api-event")

urlpatterns: list[URLPattern | URLResolver] = [
    path("me/", WhoView.as_view(), name="api-me"),
    path("second-factor-policy/", SecondFactorPolicyView.as_view(), name="api-second-factor-policy"),
    *router.urls,
]
