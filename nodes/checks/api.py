"""Checks, attestations, registration keys, incompatible features and the cluster log over REST."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from nodes.checks.selectors.accounts import accounts_of
from nodes.checks.selectors.checks import attestations_of, checks_shown, registration_of
from nodes.checks.serializers import (
    AttestationIn,
    AttestationOut,
    ChecksOut,
    NodeAccountsOut,
    RegistrationIn,
    RegistrationOut,
)
from nodes.checks.services import attestations, registration
from nodes.checks.services.checks import note_checks
from nodes.clusters.api import OfCluster
from nodes.facts.tasks import ask_for_facts
from nodes.registry.api import OfNode
from nodes.web.rest import checked
from nodes.web.serializers import EmptyIn


class ChecksView(OfCluster):
    """A cluster's guards."""

    @extend_schema(summary="List a cluster's checks", operation_id="clusters_checks", responses=ChecksOut)
    def get(self, request: Request, pk: int) -> Response:
        """The worst first."""
        return Response(ChecksOut.of(checks_shown(self.principal, self.cluster(pk))))


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
        return Response(ChecksOut.of(checks_shown(self.principal, cluster), asked), status=status.HTTP_202_ACCEPTED)


class ServiceAccountsView(OfCluster):
    """The accounts that a cluster's services run under."""

    @extend_schema(
        summary="List the accounts of services",
        operation_id="clusters_service_accounts",
        responses=NodeAccountsOut(many=True),
    )
    def get(self, request: Request, pk: int) -> Response:
        """By node; what was not read, or not tested as that account, is not known."""
        return Response(NodeAccountsOut(accounts_of(self.cluster(pk)).nodes, many=True).data)


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
