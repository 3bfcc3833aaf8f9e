"""Shapes of snapshots, conflicts, differences and configuration files over REST."""

from __future__ import annotations

from rest_framework import serializers

from nodes.enums import IniChoice
from replication.configuration.models import Conflict, Snapshot
from replication.jobs.api.serializers import ProblemOut


class DifferenceOut(serializers.Serializer[object]):
    """An ini key that differs. A value is null where the file has no such key."""

    path = serializers.CharField(read_only=True)
    section = serializers.CharField(read_only=True)
    key = serializers.CharField(read_only=True)
    primary = serializers.CharField(read_only=True, allow_null=True)
    own = serializers.CharField(read_only=True, allow_null=True)
    masked = serializers.BooleanField(read_only=True)
    choice = serializers.ChoiceField(IniChoice.choices, read_only=True)
    answered = serializers.BooleanField(read_only=True)


class ConfigFileOut(serializers.Serializer[object]):
    """A configuration file; `sha256` is empty for one that bears secrets."""

    path = serializers.CharField(read_only=True)
    size = serializers.IntegerField(read_only=True)
    mtime_ns = serializers.IntegerField(read_only=True)
    sha256 = serializers.CharField(read_only=True)
    secret = serializers.BooleanField(read_only=True)


class ConfigurationOut(serializers.Serializer[object]):
    """A page of a node's configuration files. `source`: snapshot or baseline, empty while nothing is known."""

    node = serializers.IntegerField(read_only=True)
    read_only = serializers.BooleanField(read_only=True)  # type: ignore[assignment]
    changed_on = serializers.CharField(read_only=True, help_text="the node on which configuration is changed")
    source = serializers.CharField(read_only=True)  # type: ignore[assignment]
    at = serializers.DateTimeField(read_only=True, allow_null=True)
    count = serializers.IntegerField(read_only=True)
    files = ConfigFileOut(many=True, read_only=True)


class SnapshotOut(serializers.ModelSerializer[Snapshot]):
    """The primary's configuration at one moment."""

    class Meta:
        model = Snapshot
        fields = [
            "id",
            "cluster",
            "node",
            "parent",
            "root",
            "taken_at",
            "files",
            "bytes",
            "stale",
            "problem_count",
            "unclassified_count",
        ]
        read_only_fields = fields


class UnclassifiedOut(serializers.Serializer[object]):
    """Paths of the latest snapshot that nobody has sorted into a class, and what could not be read."""

    snapshot = serializers.IntegerField(read_only=True, allow_null=True)
    unclassified = serializers.ListField(child=serializers.CharField(), read_only=True)
    problems = ProblemOut(many=True, read_only=True)


class ConflictOut(serializers.ModelSerializer[Conflict]):
    """An edit on a secondary that replication overwrote. Its content stays in the object store."""

    node_name = serializers.CharField(source="node.name", read_only=True)
    cluster = serializers.IntegerField(source="node.cluster_id", read_only=True)
    deleted = serializers.SerializerMethodField()
    may_be_given = serializers.BooleanField(
        read_only=True,
        help_text="it may be no edit, but what replication gave after the backup that the portal was restored from",
    )

    class Meta:
        model = Conflict
        fields = [
            "id",
            "cluster",
            "node",
            "node_name",
            "job",
            "path",
            "size",
            "secret",
            "deleted",
            "may_be_given",
            "found_at",
            "closed_at",
            "closed_by",
        ]
        read_only_fields = fields

    def get_deleted(self, conflict: Conflict) -> bool:
        """Whether the edit was that somebody deleted the file."""
        return not conflict.content
