"""The watch over REST: see it, set it, signal a change."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api.base import WithPrincipal
from nodes.web.rest import checked
from nodes.web.serializers import EmptyIn, StrictInput, VerdictOut
from replication.watch.selectors.state import (
    Churner,
    Secondary,
    StubbornFile,
    WatchState,
    watch_state,
)
from replication.watch.services import (
    LONGEST,
    SHORTEST,
    WatchChange,
    set_watch,
    signal,
)


class ChurnerOut(serializers.Serializer[Churner]):
    """A file that changes so often that it is proposed to be volatile."""

    path = serializers.CharField(read_only=True)
    changes = serializers.IntegerField(read_only=True, help_text="within the last hour")
    since = serializers.DateTimeField(read_only=True)


class UnreadableOut(serializers.Serializer[StubbornFile]):
    """A file of the primary that cannot be read; it is tried again."""

    path = serializers.CharField(read_only=True)
    why = serializers.CharField(read_only=True)


class SecondaryOut(serializers.Serializer[Secondary]):
    """A secondary and how it stands."""

    node = serializers.IntegerField(read_only=True)
    name = serializers.CharField(read_only=True)
    verdict = VerdictOut(read_only=True)


class WatchOut(serializers.Serializer[WatchState]):
    """The watch over a cluster's primary."""

    cluster = serializers.IntegerField(read_only=True)
    enabled = serializers.BooleanField(read_only=True)
    mood = serializers.CharField(
        read_only=True,
        help_text="off, native, disabled, paused, new, quiet, settling, requested, held, away or cannot_look: "
        "the primary is not away, and yet it cannot be looked at",
    )
    sentence = serializers.CharField(read_only=True, help_text="what it waits for, for people")
    interval = serializers.FloatField(read_only=True, allow_null=True, help_text="seconds; null: the profile's")
    profile_interval = serializers.FloatField(read_only=True)
    due_at = serializers.DateTimeField(read_only=True)
    looking = serializers.BooleanField(read_only=True, help_text="whether a worker holds it, from look to look")
    looked_at = serializers.DateTimeField(read_only=True, allow_null=True)
    took = serializers.FloatField(read_only=True, allow_null=True, help_text="seconds the last listing took")
    pending = serializers.IntegerField(read_only=True, help_text="files seen to differ and not yet taken")
    pending_since = serializers.DateTimeField(read_only=True, allow_null=True)
    pending_paths = serializers.ListField(child=serializers.CharField(), read_only=True)
    unreadable = UnreadableOut(many=True, read_only=True)
    churning = ChurnerOut(many=True, read_only=True)
    churn_per_hour = serializers.IntegerField(read_only=True)
    left_out = serializers.DictField(child=serializers.CharField(), read_only=True, help_text="secondaries, with why")
    secondaries = SecondaryOut(many=True, read_only=True)
    last_change = serializers.CharField(read_only=True)
    last_change_at = serializers.DateTimeField(read_only=True, allow_null=True)
    last_job = serializers.IntegerField(read_only=True, allow_null=True)
    last_job_state = serializers.CharField(read_only=True)
    proven_after = serializers.FloatField(read_only=True, allow_null=True, help_text="seconds from sight to proof")
    retry_at = serializers.DateTimeField(read_only=True, allow_null=True)
    error_code = serializers.CharField(read_only=True)
    error = serializers.CharField(read_only=True)


class WatchIn(StrictInput):
    """Whether the primary is watched, and how often it is looked at."""

    enabled = serializers.BooleanField()
    interval = serializers.FloatField(
        min_value=SHORTEST,
        max_value=LONGEST,
        allow_null=True,
        default=None,
        help_text="seconds between two looks; null or left out: the profile's. A slow listing makes it longer.",
    )


class WatchView(WithPrincipal, APIView):
    """The watch over one cluster's primary."""

    @extend_schema(summary="Show the watch", operation_id="clusters_watch", responses=WatchOut)
    def get(self, request: Request, cluster_id: int) -> Response:
        """What it saw, what it waits for, what churns."""
        return Response(WatchOut(watch_state(self.principal, cluster_id)).data)

    @extend_schema(summary="Set the watch", operation_id="clusters_watch_set", request=WatchIn, responses=WatchOut)
    def put(self, request: Request, cluster_id: int) -> Response:
        """Switch it on or off and set its interval. Operators only."""
        values = checked(WatchIn, request)
        set_watch(self.principal, cluster_id, WatchChange(**values))
        return Response(WatchOut(watch_state(self.principal, cluster_id)).data)


class SignalView(WithPrincipal, APIView):
    """For programs that know that something changed on the primary."""

    @extend_schema(
        summary="Have the primary looked at now",
        operation_id="clusters_signal",
        request=EmptyIn,
        responses={202: WatchOut},
    )
    def post(self, request: Request, cluster_id: int) -> Response:
        """Makes the next look due at once. Calling it often does no harm: there is one look at a time, and none is
        lost. Operators only."""
        checked(EmptyIn, request)
        signal(self.principal, cluster_id)
        return Response(WatchOut(watch_state(self.principal, cluster_id)).data, status=status.HTTP_202_ACCEPTED)
