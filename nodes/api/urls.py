"""REST resources of this room; mounted at /api/v1/. What came later has its address with and without a slash."""

from __future__ import annotations

from collections.abc import Callable

from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, re_path
from rest_framework.routers import SimpleRouter

from nodes.checks import api as checks_api
from nodes.cluster_log import api as cluster_log_api
from nodes.clusters.api import ClusterViewSet
from nodes.credentials.api import CredentialViewSet
from nodes.discovery import api as discovery_api
from nodes.facts import api as facts_api
from nodes.facts.api import FactActions
from nodes.ini_keys.api import IniKeyActions
from nodes.registry.api import NodeRows


class NodeViewSet(FactActions, IniKeyActions, NodeRows):
    """Mail servers."""


router = SimpleRouter()
router.register("clusters", ClusterViewSet, basename="api-cluster")
router.register("credentials", CredentialViewSet, basename="api-credential")
router.register("nodes", NodeViewSet, basename="api-node")


def _route(address: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
    return re_path(rf"^{address}/?$", view, name=name)


_CLUSTER = "clusters/(?P<pk>[0-9]{1,18})"
_NODE = "nodes/(?P<pk>[0-9]{1,18})"
_WORD = "[a-z0-9_]{1,40}"

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    _route(f"{_CLUSTER}/checks", checks_api.ChecksView.as_view(), "api-checks"),
    _route(f"{_CLUSTER}/checks/run", checks_api.RunChecksView.as_view(), "api-checks-run"),
    _route(f"{_CLUSTER}/features", facts_api.FeaturesView.as_view(), "api-features"),
    _route(f"{_CLUSTER}/features/(?P<feature>{_WORD})", facts_api.FeatureView.as_view(), "api-feature"),
    _route(f"{_CLUSTER}/log", cluster_log_api.LogView.as_view(), "api-cluster-log"),
    _route(f"{_CLUSTER}/log/download", cluster_log_api.LogDownloadView.as_view(), "api-cluster-log-download"),
    _route(f"{_CLUSTER}/service-accounts", checks_api.ServiceAccountsView.as_view(), "api-service-accounts"),
    _route(f"{_NODE}/attestations", checks_api.AttestationsView.as_view(), "api-attestations"),
    _route(f"{_NODE}/attestations/(?P<subject>{_WORD})", checks_api.AttestationView.as_view(), "api-attestation"),
    _route(f"{_CLUSTER}/searches", discovery_api.SearchesView.as_view(), "api-searches"),
    _route(f"{_CLUSTER}/searches/(?P<search_id>[0-9]{{1,18}})", discovery_api.SearchView.as_view(), "api-search"),
    _route(
        f"{_CLUSTER}/searches/(?P<search_id>[0-9]{{1,18}})/cancel",
        discovery_api.CancelSearchView.as_view(),
        "api-search-cancel",
    ),
    _route(f"{_NODE}/registration", checks_api.RegistrationView.as_view(), "api-registration"),
]
