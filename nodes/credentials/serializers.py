"""Shapes of credentials over REST; secrets go in and never come out."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.api.base import IdField
from nodes.credentials.models import Credential
from nodes.enums import CredentialKind
from nodes.web.serializers import SecretText, StrictInput


class CredentialIn(StrictInput):
    """A password or a private key to be kept. Secrets are write-only."""

    cluster = IdField()
    name = serializers.CharField(max_length=63)
    username = serializers.CharField(max_length=104)
    kind = serializers.ChoiceField(CredentialKind.choices)
    password = SecretText(required=False, max_length=256)
    private_key = SecretText(required=False, max_length=32 * 1024, help_text="OpenSSH or PEM text")
    passphrase = SecretText(required=False, allow_blank=True, max_length=1024)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """The kind's own secret must be there, and the other kind's must not."""
        wanted, other = (
            ("password", "private_key") if attrs["kind"] == CredentialKind.PASSWORD else ("private_key", "password")
        )
        if wanted not in attrs:
            raise serializers.ValidationError({wanted: "This kind of credential needs it."}, code="required")
        if other in attrs:
            raise serializers.ValidationError({other: f"Leave it out for a {attrs['kind']}."})
        return attrs


class ServerIn(StrictInput):
    """A server that uses a credential, as whoever types the password sees it."""

    node = IdField()
    address = serializers.CharField(max_length=253)
    port = serializers.IntegerField(min_value=1, max_value=65535)
    fingerprint = serializers.CharField(max_length=80, help_text="its approved host key: SHA256:...")


class CredentialPatch(StrictInput):
    """What to change of a credential."""

    name = serializers.CharField(max_length=63, required=False)
    username = serializers.CharField(max_length=104, required=False)
    password = SecretText(required=False, max_length=256)
    servers = serializers.ListField(
        child=ServerIn(),
        required=False,
        max_length=1000,
        help_text="that the new password is for; others want it typed anew",
    )
    private_key = SecretText(required=False, max_length=32 * 1024)
    passphrase = SecretText(required=False, allow_blank=True, max_length=1024, help_text="together with private_key")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A passphrase opens a key that comes with it."""
        if "passphrase" in attrs and "private_key" not in attrs:
            raise serializers.ValidationError({"private_key": "Send the private key together with its passphrase."})
        return attrs


class KeyPairIn(StrictInput):
    """A key pair to be made by the portal."""

    cluster = IdField()
    name = serializers.CharField(max_length=63)
    username = serializers.CharField(max_length=104)


class CredentialOut(serializers.ModelSerializer[Credential]):
    """A credential without its secrets."""

    class Meta:
        model = Credential
        fields = [
            "id",
            "cluster",
            "name",
            "username",
            "kind",
            "public_key",
            "fingerprint",
            "created_at",
            "changed_at",
            "version",
        ]
        read_only_fields = fields


class LettingInOut(serializers.Serializer[object]):
    """Lines to run on a server so that it lets the key in."""

    windows_administrator = serializers.ListField(child=serializers.CharField(), read_only=True)
    windows_user = serializers.ListField(child=serializers.CharField(), read_only=True)
    posix = serializers.ListField(child=serializers.CharField(), read_only=True)


class KeyPairOut(serializers.Serializer[object]):
    """A key pair's public half, and how to let it in."""

    credential = CredentialOut(read_only=True)
    public_key = serializers.CharField(read_only=True)
    lines = LettingInOut(read_only=True)
