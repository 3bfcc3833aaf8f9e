"""Checks, attestations, registration keys, incompatible features and the cluster log over REST."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from nodes.api.base import checked, checked_query
from nodes.api.guard_shapes import (
    AttestationIn,
    AttestationOut,
    ChecksOut,
    FeatureIn,
    FeatureOut,
    LogPageOut,
    LogQueryIn,
    RegistrationIn,
    RegistrationOut,
)
from nodes.api.inputs import EmptyIn
from nodes.api.scoped import OfCluster, OfNode
from nodes.logfile import DOWNLOAD_LINES, log_file
from nodes.selectors.guards import (
    LogQuery,
    attestations_of,
    cluster_features,
    guards_of,
    log_lines,
    registration_of,
)
from nodes.services import attestations, features, registration
from nodes.services.guards import note_checks
from nodes.tasks import ask_for_facts


class ChecksView(OfCluster):
    """A cluster's guards."""

    @extend_schema(summary="List a cluster's checks", operation_id="clusters_checks", responses=ChecksOut)
    def get(self, request: Request, pk: int) -> Response:
        """The worst first."""
        return Response(ChecksOut.of(guards_of(self.principal, self.cluster(pk))))


class RunChecksView(OfCluster):
    """Checking on demand."""

    @extend_schema(
        summary="Check a cluster now", operation_id="clusters_checks_run", request=EmptyIn, responses={202: ChecksOut}
    )
    def post(self, request: Request, pk: int) -> Response:
        """Judges what is known at once, and has workers read the nodes' facts; the checks follow them."""
        cluster = self.cluster(pk)
        checked(EmptyIn, request)
        asked = timezone.now()
        note_checks(self.principal, cluster_id=cluster.pk)
        ask_for_facts(cluster.pk)
        return Response(ChecksOut.of(guards_of(self.principal, cluster), asked), status=status.HTTP_202_ACCEPTED)


class AttestationsView(OfNode):
    """What people said of a node."""

    @extend_schema(summary="List attestations", operation_id="nodes_attestations", responses=AttestationOut(many=True))
    def get(self, request: Request, pk: int) -> Response:
        """At most one a subject."""
        return Response(AttestationOut(attestations_of(self.principal, self.node(pk)), many=True).data)

    @extend_schema(
        summary="Attest", operation_id="nodes_attest", request=AttestationIn, responses={201: AttestationOut}
    )
    def post(self, request: Request, pk: int) -> Response:
        """A later word replaces the earlier one."""
        word = attestations.Word(**checked(AttestationIn, request))
        row = attestations.attest(self.principal, node_id=self.node(pk).pk, word=word)
        return Response(AttestationOut(row).data, status=status.HTTP_201_CREATED)


class AttestationView(OfNode):
    """One word on a node."""

    @extend_schema(summary="Take an attestation back", operation_id="nodes_attest_withdraw", responses={204: None})
    def delete(self, request: Request, pk: int, subject: str) -> Response:
        """It is not known again."""
        attestations.withdraw(self.principal, node_id=self.node(pk).pk, subject=subject)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RegistrationView(OfNode):
    """A node's registration key: write-only."""

    @extend_schema(
        summary="See whether a key was entered", operation_id="nodes_registration", responses=RegistrationOut
    )
    def get(self, request: Request, pk: int) -> Response:
        """The key itself cannot be read."""
        return Response(RegistrationOut.of(registration_of(self.principal, self.node(pk))))

    @extend_schema(
        summary="Enter the key",
        operation_id="nodes_registration_set",
        request=RegistrationIn,
        responses=RegistrationOut,
    )
    def put(self, request: Request, pk: int) -> Response:
        """Only a sealed digest is kept, to tell whether two nodes have the same key."""
        key = checked(RegistrationIn, request)["registration_key"]
        row = registration.seal_registration(self.principal, node_id=self.node(pk).pk, key=key)
        return Response(RegistrationOut.of(row))

    @extend_schema(summary="Forget the key", operation_id="nodes_registration_forget", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Gone already is fine."""
        registration.forget_registration(self.principal, node_id=self.node(pk).pk)
        return Response(status=status.HTTP_204_NO_CONTENT)


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


def _asked(request: Request) -> tuple[LogQuery, int]:
    values = checked_query(LogQueryIn, request)
    limit = int(values.pop("limit"))
    level = values.pop("level")
    return LogQuery(levels=(level,) if level else (), **values), limit


class LogView(OfCluster):
    """The cluster log."""

    @extend_schema(
        summary="Read the cluster log", operation_id="clusters_log", parameters=[LogQueryIn], responses=LogPageOut
    )
    def get(self, request: Request, pk: int) -> Response:
        """Oldest first. Give `next` as `after` to go on, also when it was the end: that follows the log."""
        query, limit = _asked(request)
        rows = list(log_lines(self.principal, pk, query)[: limit + 1])
        return Response(LogPageOut.of(rows[:limit], more=len(rows) > limit, after=query.after))


class LogDownloadView(OfCluster):
    """The cluster log as a file."""

    @extend_schema(
        summary="Download the cluster log",
        operation_id="clusters_log_download",
        parameters=[
            OpenApiParameter("level", str),
            OpenApiParameter("node", str),
            OpenApiParameter("search", str),
            OpenApiParameter("after", int),
        ],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: Request, pk: int) -> HttpResponse:
        """Text in the form of MDaemon's own Cluster log."""
        query, _ = _asked(request)
        return log_file(self.cluster(pk), list(log_lines(self.principal, pk, query)[:DOWNLOAD_LINES]))
