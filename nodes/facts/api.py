"""A node's facts and the portal's scripts on it, over REST."""

from __future__ import annotations

from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from nodes.clusters.api import OfCluster
from nodes.facts.selectors.facts import cluster_features
from nodes.facts.serializers import FactsOut, FeatureIn, FeatureOut, RefreshOut, ScriptsOut
from nodes.facts.services import facts, features
from nodes.facts.services.scripts import bring_scripts, take_scripts_away
from nodes.facts.tasks import ask_to_observe
from nodes.registry.models import Node
from nodes.web.rest import Resource, checked
from nodes.web.serializers import EmptyIn


class FactActions(Resource[Node]):
    """What a node said of itself, and what helps it to say so."""

    @extend_schema(summary="Put the portal's scripts on the node", request=EmptyIn, responses=ScriptsOut)
    @action(detail=True, methods=["post"], url_path="scripts/bring")
    def bring_scripts(self, request: Request, pk: str) -> Response:
        """Windows nodes list, hash and tell their clock by them; without them everything goes by SFTP. They lie in
        `.clusterportal` in the home folder of the portal's account."""
        node = self.get_object()
        checked(EmptyIn, request)
        return Response(ScriptsOut({"files": bring_scripts(self.principal, node=node)}).data)

    @extend_schema(summary="Take the portal's scripts off the node", request=EmptyIn, responses=ScriptsOut)
    @action(detail=True, methods=["post"], url_path="scripts/remove")
    def remove_scripts(self, request: Request, pk: str) -> Response:
        """With their folder."""
        node = self.get_object()
        checked(EmptyIn, request)
        return Response(ScriptsOut({"files": take_scripts_away(self.principal, node=node)}).data)

    @extend_schema(summary="Show what the node said of itself", responses=FactsOut)
    @action(detail=True)
    def facts(self, request: Request, pk: str) -> Response:
        """404 while nothing was read yet."""
        node = self.get_object()
        if not hasattr(node, "facts"):
            raise Http404("Nothing was read from this node yet; ask for a refresh.")
        return Response(FactsOut(node.facts).data)

    @extend_schema(summary="Read the facts from the server", request=EmptyIn, responses={202: RefreshOut})
    @action(detail=True, methods=["post"], url_path="facts/refresh")
    def refresh_facts(self, request: Request, pk: str) -> Response:
        """A worker reads them; poll the facts until `read_at` passes `requested_at`. Where they cannot be read, the
        node's `health` says so, and `health_cause` why."""
        node = self.get_object()
        checked(EmptyIn, request)
        facts.note_refresh(self.principal, node_id=node.pk)
        asked = timezone.now()
        ask_to_observe(node.pk)
        where = reverse("api-node-facts", kwargs={"pk": node.pk})
        return Response(RefreshOut({"requested_at": asked, "facts": where}).data, status=status.HTTP_202_ACCEPTED)


class FeaturesView(OfCluster):
    """The features that do not go with clustering."""

    @extend_schema(
        summary="List incompatible features", operation_id="clusters_features", responses=FeatureOut(many=True)
    )
    def get(self, request: Request, pk: int) -> Response:
        """Where each switch is, and where that is known from."""
        return Response(FeatureOut(cluster_features(self.cluster(pk)), many=True).data)


class FeatureView(OfCluster):
    """One feature's switch."""

    @extend_schema(
        summary="Say where a switch is", operation_id="clusters_feature_set", request=FeatureIn, responses=FeatureOut
    )
    def put(self, request: Request, pk: int, feature: str) -> Response:
        """Stronger than the profile; nothing is written to a server."""
        cluster = self.cluster(pk)
        place = features.FeaturePlace(feature=feature, **checked(FeatureIn, request))
        features.set_feature_key(self.principal, cluster_id=cluster.pk, place=place)
        rule = next(rule for rule in cluster_features(cluster) if rule.code == feature)
        return Response(FeatureOut(rule).data)

    @extend_schema(summary="Go back to the profile", operation_id="clusters_feature_clear", responses={204: None})
    def delete(self, request: Request, pk: int, feature: str) -> Response:
        """Gone already is fine."""
        features.clear_feature_key(self.principal, cluster_id=self.cluster(pk).pk, feature=feature)
        return Response(status=status.HTTP_204_NO_CONTENT)
