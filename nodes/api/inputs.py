"""What requests may hold: shapes and lengths only. The services check what the values mean, for every face alike."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from accounts.models import Role
from nodes.enums import ApprovalPolicy, CredentialKind, IniChoice, NodeRole, PlatformName, ReplicationMode
from nodes.products.profile import PathClass
from nodes.secret import Secret


class StrictInput(serializers.Serializer[Any]):
    """Refuses fields it does not know, so that a typing error never passes for a wish."""

    def to_internal_value(self, data: Any) -> Any:
        """The checked values. Raises ValidationError."""
        if isinstance(data, Mapping):
            unknown = {name: ["There is no such field; see the schema."] for name in set(data) - set(self.fields)}
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)


class SecretText(serializers.CharField):
    """A write-only text that becomes a Secret, exactly as sent."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(write_only=True, trim_whitespace=False, style={"input_type": "password"}, **kwargs)

    def to_internal_value(self, data: Any) -> Any:
        """The Secret."""
        return Secret(super().to_internal_value(data))

    def run_validators(self, value: Any) -> None:
        """Length is checked on the text itself."""
        super().run_validators(value.reveal() if isinstance(value, Secret) else value)


class ClusterIn(StrictInput):
    """A cluster to be made."""

    name = serializers.CharField(max_length=63)
    replication_mode = serializers.ChoiceField(ReplicationMode.choices, help_text="must be chosen; there is no default")
    description = serializers.CharField(max_length=200, allow_blank=True, default="")
    profile = serializers.CharField(max_length=63, default="mdaemon")
    approval = serializers.ChoiceField(ApprovalPolicy.choices, default=ApprovalPolicy.FIRST)


class ClusterPatch(StrictInput):
    """What to change of a cluster."""

    name = serializers.CharField(max_length=63, required=False)
    description = serializers.CharField(max_length=200, allow_blank=True, required=False)
    profile = serializers.CharField(max_length=63, required=False)
    approval = serializers.ChoiceField(ApprovalPolicy.choices, required=False)


class ReasonIn(StrictInput):
    """Why."""

    reason = serializers.CharField(max_length=200, allow_blank=True, default="")


class EmptyIn(StrictInput):
    """Nothing."""


class MemberIn(StrictInput):
    """A role on a cluster."""

    role = serializers.ChoiceField(Role.choices)


class PathClassIn(StrictInput):
    """A pattern and the class that everything matching it has."""

    pattern = serializers.CharField(max_length=400, help_text="relative path with *, ? and **, for example App/*.dat")
    path_class = serializers.ChoiceField([item.value for item in PathClass if item is not PathClass.UNCLASSIFIED])
    note = serializers.CharField(max_length=200, allow_blank=True, default="")


class CredentialIn(StrictInput):
    """A password or a private key to be kept. Secrets are write-only."""

    cluster = serializers.IntegerField(min_value=1)
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


class CredentialPatch(StrictInput):
    """What to change of a credential."""

    name = serializers.CharField(max_length=63, required=False)
    username = serializers.CharField(max_length=104, required=False)
    password = SecretText(required=False, max_length=256)
    private_key = SecretText(required=False, max_length=32 * 1024)
    passphrase = SecretText(required=False, allow_blank=True, max_length=1024, help_text="together with private_key")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """A passphrase opens a key that comes with it."""
        if "passphrase" in attrs and "private_key" not in attrs:
            raise serializers.ValidationError({"private_key": "Send the private key together with its passphrase."})
        return attrs


class KeyPairIn(StrictInput):
    """A key pair to be made by the portal."""

    cluster = serializers.IntegerField(min_value=1)
    name = serializers.CharField(max_length=63)
    username = serializers.CharField(max_length=104)


class NodeIn(StrictInput):
    """A server to be registered."""

    cluster = serializers.IntegerField(min_value=1)
    name = serializers.CharField(max_length=63, help_text="NetBIOS or DNS host name")
    address = serializers.CharField(max_length=253, help_text="IP address, DNS name or NetBIOS name to connect to")
    port = serializers.IntegerField(min_value=1, max_value=65535, default=22)
    platform = serializers.ChoiceField(PlatformName.choices)
    role = serializers.ChoiceField(NodeRole.choices, default=NodeRole.SECONDARY)
    install_root = serializers.CharField(max_length=400, help_text="installation folder as the server spells it")
    credential = serializers.IntegerField(min_value=1, allow_null=True, default=None)
    host_key_fingerprint = serializers.CharField(
        max_length=4096, allow_blank=True, default="", help_text="SHA256:... learned on another way; counts as approved"
    )


class NodePatch(StrictInput):
    """What to change of a node."""

    name = serializers.CharField(max_length=63, required=False)
    address = serializers.CharField(max_length=253, required=False)
    port = serializers.IntegerField(min_value=1, max_value=65535, required=False)
    platform = serializers.ChoiceField(PlatformName.choices, required=False)
    role = serializers.ChoiceField(NodeRole.choices, required=False)
    install_root = serializers.CharField(max_length=400, required=False)
    credential = serializers.IntegerField(min_value=1, required=False)


class FingerprintIn(StrictInput):
    """A host key by its fingerprint."""

    fingerprint = serializers.CharField(max_length=4096, help_text="SHA256:... as `ssh-keygen -l` prints it")


class IniAnswerIn(StrictInput):
    """What shall happen to an ini key of the node."""

    path = serializers.CharField(max_length=400, help_text="relative to the installation folder")
    section = serializers.CharField(max_length=200)
    key = serializers.CharField(max_length=200)
    choice = serializers.ChoiceField(IniChoice.choices)


class IniKeyQuery(serializers.Serializer[Any]):
    """What a node's ini keys can be narrowed by."""

    path = serializers.CharField(max_length=400, required=False)
    choice = serializers.ChoiceField(IniChoice.choices, required=False)
    answered = serializers.BooleanField(required=False)
