"""What requests may hold: shapes and lengths only. The services check what the values mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from accounts.api.base import IdField
from accounts.filters import LARGEST_ID
from nodes.web.serializers import StrictInput
from replication.jobs.services.requests import JobRequest

MANY_NODES = 1000


class JobIn(StrictInput):
    """A job to be made."""

    kind = serializers.CharField(max_length=40)
    cluster = IdField(help_text="id of the cluster")
    nodes = serializers.ListField(
        child=IdField(),
        max_length=MANY_NODES,
        required=False,
        help_text="ids of nodes; left out or empty: all the kind concerns",
    )
    options = serializers.DictField(required=False, help_text="by kind")
    dry_run = serializers.BooleanField(default=False, help_text="plan only, change nothing")
    reason = serializers.CharField(max_length=300, allow_blank=True, default="")


def job_request(body: Mapping[str, Any], idempotency_key: str) -> JobRequest:
    """What the service takes of a checked JobIn."""
    return JobRequest(
        cluster_id=body["cluster"],
        kind=body["kind"],
        options=body.get("options", {}),
        dry_run=body["dry_run"],
        reason=body["reason"],
        node_ids=tuple(body.get("nodes", ())),
        idempotency_key=idempotency_key,
    )


class ApproveIn(StrictInput):
    """The digest of the plan the caller saw (`plan_digest`)."""

    digest = serializers.CharField(max_length=64)


class OverrideIn(StrictInput):
    """The brakes to override for an hour, and why."""

    codes = serializers.ListField(child=serializers.CharField(max_length=60), min_length=1, max_length=50)
    reason = serializers.CharField(max_length=300)


class WriteStopIn(StrictInput):
    """Whether all writes shall be stopped, and why."""

    stopped = serializers.BooleanField()
    reason = serializers.CharField(max_length=200, allow_blank=True, default="")


class EventsQuery(serializers.Serializer[object]):
    """Which lines of a log."""

    after = serializers.IntegerField(
        min_value=0, max_value=LARGEST_ID, default=0, help_text="id of the last event you have"
    )
    limit = serializers.IntegerField(min_value=1, max_value=1000, default=200)


class PlanQuery(serializers.Serializer[object]):
    """Which part of a plan: one page of nodes, each with up to `changes` of its changes from `skip` on."""

    node = IdField(required=False, help_text="only this node")
    page = serializers.IntegerField(min_value=1, default=1)
    limit = serializers.IntegerField(min_value=1, max_value=100, default=20, help_text="nodes a page")
    skip = serializers.IntegerField(min_value=0, default=0, help_text="changes to skip on each node")
    changes = serializers.IntegerField(min_value=0, max_value=1000, default=100, help_text="changes a node")
