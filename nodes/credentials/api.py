"""Credentials over REST: secrets go in and never come out."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema, extend_schema_view
from rest_framework import status
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.api.base import check_if_match
from accounts.errors import Refused
from accounts.filters import IdFilter
from nodes.credentials import services as credentials_services
from nodes.credentials.authorized_keys import authorized_key_lines
from nodes.credentials.models import Credential
from nodes.credentials.passwords import Server
from nodes.credentials.selectors import credentials_for
from nodes.credentials.serializers import (
    CredentialIn,
    CredentialOut,
    CredentialPatch,
    KeyPairIn,
    KeyPairOut,
    LettingInOut,
)
from nodes.web.rest import IF_MATCH, Resource, checked


class CredentialFilter(django_filters.FilterSet):
    """Credentials by cluster, part of the name, and kind."""

    cluster = IdFilter("cluster_id")
    name = django_filters.CharFilter(lookup_expr="icontains")

    class Meta:
        model = Credential
        fields = ["cluster", "name", "kind"]


@extend_schema_view(
    list=extend_schema(summary="List credentials", responses=CredentialOut(many=True)),
    retrieve=extend_schema(summary="Show a credential without its secrets", responses=CredentialOut),
)
class CredentialViewSet(Resource[Credential]):
    """How the portal logs in to nodes."""

    queryset = Credential.objects.none()
    serializer_class = CredentialOut
    filterset_class = CredentialFilter

    def get_queryset(self) -> QuerySet[Credential]:
        """What the caller may see."""
        return self.visible(credentials_for)

    @extend_schema(summary="Store a password or private key", request=CredentialIn, responses={201: CredentialOut})
    def create(self, request: Request) -> Response:
        """The secret is sealed and never shown again."""
        body = checked(CredentialIn, request)
        login = _login(body)
        if "password" in body:
            stored = credentials_services.store_password(self.principal, login=login, password=body["password"])
        else:
            stored = credentials_services.store_key(self.principal, login=login, key=_key(body))
        return self.answer(stored.pk, status.HTTP_201_CREATED)

    @extend_schema(
        summary="Change a credential", parameters=[IF_MATCH], request=CredentialPatch, responses=CredentialOut
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        """Rename it, or replace its secret by one of the same kind. A new password is sent to the `servers` that come
        with it, and to others once it was typed for them (`nodes/N/password/`)."""
        credential = self.get_object()
        body = checked(CredentialPatch, request)
        change = credentials_services.CredentialChange(
            name=body.get("name"),
            username=body.get("username"),
            password=body.get("password"),
            key=_key(body) if "private_key" in body else None,
            servers=tuple(Server(one.pop("node"), **one) for one in body.get("servers", ())),
        )
        seen = check_if_match(request, credential)
        credentials_services.update_credential(
            self.principal, credential_id=credential.pk, change=change, seen_version=seen
        )
        return self.answer(credential.pk)

    @extend_schema(summary="Remove an unused credential", parameters=[IF_MATCH], responses={204: None})
    def destroy(self, request: Request, pk: str) -> Response:
        """Refused while a node uses it."""
        credential = self.get_object()
        seen = check_if_match(request, credential)
        credentials_services.remove_credential(self.principal, credential_id=credential.pk, seen_version=seen)
        return Response(status=status.HTTP_204_NO_CONTENT)

    @extend_schema(summary="Make a key pair in the portal", request=KeyPairIn, responses={201: KeyPairOut})
    @action(detail=False, methods=["post"], url_path="key-pair")
    def key_pair(self, request: Request) -> Response:
        """The private key never leaves the portal. Answers the public key and the lines that let it in on a server."""
        made = credentials_services.make_credential_key_pair(self.principal, login=_login(checked(KeyPairIn, request)))
        stored = self.get_queryset().get(pk=made.pk)
        lines = authorized_key_lines(public_key=stored.public_key, username=stored.username)
        answer = {"credential": stored, "public_key": stored.public_key, "lines": lines}
        return Response(KeyPairOut(answer).data, status=status.HTTP_201_CREATED)

    @extend_schema(summary="Lines that let the key in on a server", responses=LettingInOut)
    @action(detail=True, url_path="letting-in")
    def letting_in(self, request: Request, pk: str) -> Response:
        """For Windows Server and for POSIX."""
        credential = self.get_object()
        if not credential.public_key:
            raise Refused("no_key", "This credential is a password; there is no key to let in.")
        lines = authorized_key_lines(public_key=credential.public_key, username=credential.username)
        return Response(LettingInOut(lines).data)


def _login(body: dict[str, Any]) -> credentials_services.Login:
    return credentials_services.Login(cluster_id=body["cluster"], name=body["name"], username=body["username"])


def _key(body: dict[str, Any]) -> credentials_services.PrivateKey:
    return credentials_services.PrivateKey(text=body["private_key"], passphrase=body.get("passphrase"))
