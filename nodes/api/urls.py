"""REST resources of this room; mounted at /api/v1/."""

from __future__ import annotations

from rest_framework.routers import SimpleRouter

from nodes.api.clusters import ClusterViewSet
from nodes.api.credentials import CredentialViewSet
from nodes.api.nodes import NodeViewSet

router = SimpleRouter()
router.register("clusters", ClusterViewSet, basename="api-cluster")
router.register("credentials", CredentialViewSet, basename="api-credential")
router.register("nodes", NodeViewSet, basename="api-node")

urlpatterns = router.urls
