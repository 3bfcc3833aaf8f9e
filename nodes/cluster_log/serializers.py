"""The cluster log's shapes over REST."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rest_framework import serializers

from accounts.api.base import Pages
from nodes.cluster_log.models import ClusterLogLine
from nodes.enums import LogLevel


class LogQueryIn(serializers.Serializer[Any]):
    """What the cluster log is narrowed by."""

    after = serializers.IntegerField(min_value=0, max_value=2**62, default=0, help_text="only lines after this id")
    limit = serializers.IntegerField(min_value=1, max_value=Pages.max_page_size, default=Pages.page_size)
    level = serializers.ChoiceField(LogLevel.choices, allow_blank=True, default="")
    node = serializers.CharField(max_length=63, allow_blank=True, default="")
    search = serializers.CharField(max_length=100, allow_blank=True, default="")


class LogLineOut(serializers.ModelSerializer[ClusterLogLine]):
    """A line. `line` is it whole, in the form of MDaemon's own Cluster log."""

    line = serializers.CharField(source="__str__", read_only=True)

    class Meta:
        model = ClusterLogLine
        fields = ["id", "at", "level", "session", "code", "text", "node_name", "line"]
        read_only_fields = fields


class LogPageOut(serializers.Serializer[object]):
    """Lines in their order. `next`: what to give as `after` for the lines that follow; `more`: there are some now."""

    results = LogLineOut(many=True, read_only=True)
    next = serializers.IntegerField(read_only=True)
    more = serializers.BooleanField(read_only=True)

    @classmethod
    def of(cls, rows: Sequence[ClusterLogLine], *, more: bool, after: int) -> Any:
        """The answer's content."""
        return cls({"results": rows, "next": rows[-1].pk if rows else after, "more": more}).data
