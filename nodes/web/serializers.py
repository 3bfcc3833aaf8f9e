"""Fields that inputs of all packages share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

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


class VerdictOut(serializers.Serializer[object]):
    """How a node, or a cluster by its nodes, stands: the same everywhere. `paused` stands beside it and hides none."""

    word = serializers.CharField(
        read_only=True,
        help_text="quarantined, away, degraded, registered, joining, leaving, left, edited, behind, incomplete "
        "(its last replication could not handle all), empty (not compared yet), alone (clustering is disabled), "
        "unknown, primary, healthy or in_sync",
    )
    text = serializers.CharField(read_only=True, help_text="for people")
    files = serializers.IntegerField(read_only=True, help_text="how many are behind, or edited")
    since = serializers.DateTimeField(read_only=True, allow_null=True)
    as_of = serializers.DateTimeField(
        read_only=True, allow_null=True, help_text="when it was learned, where that is long ago"
    )
    paused = serializers.BooleanField(read_only=True)


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


class ReasonIn(StrictInput):
    """Why."""

    reason = serializers.CharField(max_length=200, allow_blank=True, default="")


class EmptyIn(StrictInput):
    """Nothing."""
